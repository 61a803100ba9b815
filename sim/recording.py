"""Two runs side by side: every digital result of one compared with that of the other."""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.config.tile import TileConfig
from models.digital.golden import DigitalUnits

Sink = Callable[[str, tuple[Any, ...], dict[str, Any], Any], None]


class Observed:
    """`DigitalUnits` that show every call to ``sink`` while it is not None.

    Parameters
    ----------
    units : DigitalUnits
        Who does the work.
    sink : callable
        Called as ``sink(unit, args, kwargs, result)`` after each call.
    """

    concurrent = False  # calls must come in one order

    def __init__(self, units: DigitalUnits, sink: Sink):
        self._units = units
        self.sink: Sink | None = sink

    def __getattr__(self, name: str) -> Any:
        unit = getattr(self._units, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            result = unit(*args, **kwargs)
            if self.sink is not None:
                self.sink(name, args, kwargs, result)
            return result

        return call


@dataclass(frozen=True, kw_only=True)
class Difference:
    """First place where the two runs differ.

    Parameters
    ----------
    unit, field : str
        The unit and which of its results.
    step, call, index : int
        Training step, call within the step, flat index within the result.
    golden, rtl : int
        The two values; bit patterns for BF16.
    """

    unit: str
    field: str
    step: int
    call: int
    index: int
    golden: int
    rtl: int

    def __str__(self) -> str:
        return (
            f"{self.unit}.{self.field} at step {self.step}, call {self.call}, index {self.index}: "
            f"golden {self.golden}, RTL {self.rtl}"
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass
class BitComparison:
    """Compares the calls of a golden run with those of an RTL run, step by step.

    Parameters
    ----------
    tile : TileConfig
        Widths, for the corners.
    """

    tile: TileConfig
    compared: Counter[str] = field(default_factory=Counter)
    differences: Counter[str] = field(default_factory=Counter)
    corners: Counter[str] = field(default_factory=Counter)
    first: Difference | None = None
    step: int = 0
    _waiting: deque[tuple[str, list[tuple[str, NDArray]]]] = field(default_factory=deque)
    _call: int = 0

    def golden(self, unit: str, args: tuple, kwargs: dict[str, Any], result: Any) -> None:
        """Take in a call of the golden run."""
        self._waiting.append((unit, list(_results(result))))
        if unit in CORNERS:
            self.corners.update(CORNERS[unit](args, kwargs, result, self.tile))

    def rtl(self, unit: str, args: tuple, kwargs: dict[str, Any], result: Any) -> None:
        """Compare a call of the RTL run with the golden call of the same place."""
        self._call += 1
        wanted_unit, wanted = self._waiting.popleft() if self._waiting else ("nothing", [])
        found = list(_results(result))
        same = wanted_unit == unit and all(
            want.shape == got.shape for (_, want), (_, got) in zip(wanted, found, strict=True)
        )
        if same:
            for (name, want), (_, got) in zip(wanted, found, strict=True):
                self._compare(unit, name, want, got)
        elif self.first is None:  # after a difference the runs may well part
            raise RuntimeError(f"unit {unit}: the golden run called {wanted_unit} in its place")

    def _compare(self, unit: str, name: str, want: NDArray, got: NDArray) -> None:
        self.compared[unit] += want.size
        unequal = np.flatnonzero(want.reshape(-1) != got.reshape(-1))
        if not unequal.size:
            return
        self.differences[unit] += unequal.size
        if self.first is None:
            index = int(unequal[0])
            values = (int(part.reshape(-1)[index]) for part in (want, got))
            golden, rtl = values
            self.first = Difference(
                unit=unit,
                field=name,
                step=self.step,
                call=self._call,
                index=index,
                golden=golden,
                rtl=rtl,
            )

    def next_step(self) -> None:
        """End this step; RuntimeError if the golden run made calls that the RTL run did not."""
        if self._waiting and self.first is None:
            raise RuntimeError(f"unit {self._waiting[0][0]}: the RTL run made no call in its place")
        self._waiting.clear()
        self._call = 0
        self.step += 1

    def summary(self) -> dict[str, Any]:
        """Figures for the report."""
        return {
            "compared": sum(self.compared.values()),
            "differences": sum(self.differences.values()),
            "by_unit": {
                unit: {"compared": count, "differences": self.differences[unit]}
                for unit, count in sorted(self.compared.items())
            },
            "corners": dict(sorted(self.corners.items())),
            "first_difference": self.first.as_dict() if self.first else None,
        }


def _results(result: Any) -> Iterator[tuple[str, NDArray]]:
    """Results of a call by name."""
    if isinstance(result, tuple):
        names = getattr(result, "_fields", None) or [str(n) for n in range(len(result))]
        yield from ((name, np.asarray(part)) for name, part in zip(names, result, strict=True))
    else:
        yield "result", np.asarray(result)


def _sar(args, _kwargs, codes, tile):
    full = 2**tile.macro.adc_bits - 1
    return {
        "adc_codes_zero": int(np.count_nonzero(codes == 0)),
        "adc_codes_full_scale": int(np.count_nonzero(codes == full)),
    }


def _post_process(_args, kwargs, result, tile):
    inexact, ties = bf16_rounding(result.sum)
    limit = tile.post_process.requantize.limit
    negative = (result.value & 0x8000) != 0
    return {
        "int_to_bf16_rounding_ties": ties,
        "int_to_bf16_inexact": inexact,
        "post_process_code_saturations": int(np.count_nonzero(np.abs(result.code) == limit)),
        "activation_zeroed": int(np.count_nonzero(~result.mask)),
        "post_process_negative": int(np.count_nonzero(negative)),
    }


def bf16_rounding(sums: NDArray[np.int64]) -> tuple[int, int]:
    """Count the integers that BF16 has to round, and the ties among them."""
    magnitude = np.abs(sums.astype(np.int64))
    _, length = np.frexp(magnitude.astype(np.float64))  # bits of the integer
    dropped = np.maximum(length - 8, 0)
    low = magnitude & ((np.int64(1) << dropped) - 1)
    ties = (dropped > 0) & (low == (np.int64(1) << np.maximum(dropped, 1)) >> 1)
    return int(np.count_nonzero(low)), int(np.count_nonzero(ties))


def _requantize(_args, _kwargs, codes, tile):
    limit = tile.post_process.requantize.limit
    return {"requantize_saturations": int(np.count_nonzero(np.abs(codes) == limit))}


def _accumulate_threshold(args, kwargs, result, tile):
    update = tile.update
    count = np.abs(result.counts.astype(np.int64))
    found = {
        "pulses_requested": int(count.sum()),
        "weights_pulsed": int(np.count_nonzero(count)),
        "pulse_counts_capped": int(np.count_nonzero(count == update.count_limit)),
    }
    if update.variant == "fixed":
        found["chi_saturations"] = int(
            np.count_nonzero(np.abs(result.chi) == 2 ** (update.chi_width - 1) - 1)
        )
    return found


def _max_pool(args, _kwargs, result, _tile):
    codes, (best, _) = args[0], result
    return {"max_pool_ties": int(np.count_nonzero((codes == best[:, None]).sum(axis=1) > 1))}


CORNERS = {
    "sar": _sar,
    "post_process": _post_process,
    "requantize": _requantize,
    "accumulate_threshold": _accumulate_threshold,
    "max_pool": _max_pool,
}
