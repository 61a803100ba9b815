"""One run on golden twins, every digital result of which generated RTL has to give as well."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.config.tile import TileConfig
from models.digital.golden import DigitalUnits
from sim.corners import CORNERS

WORKERS = 2
ENOUGH = 2**22  # results of one unit that are given to a worker together
WAITING = 2**27  # results that may wait for their RTL


@dataclass(frozen=True, kw_only=True)
class Difference:
    """First place where RTL and golden twins differ.

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
    """Counts compared values, differences and corners; keeps the first difference.

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
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def compare(self, call: "Call", rtl: Any) -> None:
        """Take in what RTL gives for a call of the golden run."""
        for (name, want), (_, got) in zip(_results(call.result), _results(rtl), strict=True):
            if want.shape != got.shape:
                raise RuntimeError(f"unit {call.unit}: {name} is {got.shape}, not {want.shape}")
            unequal = want.reshape(-1) != got.reshape(-1)
            count = int(np.count_nonzero(unequal))
            with self._lock:
                self.compared[call.unit] += want.size
                if count:
                    self._differ(call, name, count, int(np.argmax(unequal)), want, got)
        if call.unit in CORNERS:
            corners = CORNERS[call.unit](call.args, call.kwargs, call.result, self.tile)
            with self._lock:
                self.corners.update(corners)

    def _differ(
        self, call: "Call", name: str, count: int, index: int, want: NDArray, got: NDArray
    ) -> None:
        self.differences[call.unit] += count
        if self.first is None or call.place < (self.first.step, self.first.call):
            golden, rtl = (int(part.reshape(-1)[index]) for part in (want, got))
            step, number = call.place
            self.first = Difference(
                unit=call.unit,
                field=name,
                step=step,
                call=number,
                index=index,
                golden=golden,
                rtl=rtl,
            )

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


@dataclass(frozen=True, eq=False)
class Call:
    """One call of a golden unit; ``place`` is its step and its number within the step."""

    unit: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    result: Any
    place: tuple[int, int]

    @property
    def size(self) -> int:
        """Results, and so about the work."""
        return max(part.size for _, part in _results(self.result))

    @property
    def group(self) -> tuple[Any, ...]:
        """What the call shares with those that one RTL call can do together."""
        if self.unit == "sar":
            return self.unit, self.args[0].shape[1:]
        if self.unit == "adc_interface":
            codes, *registers = self.args
            held = tuple(np.asarray(one).tobytes() for one in registers)
            return self.unit, codes.shape[1:], held, self.kwargs["pair"]
        return self.unit, self.place


class CheckedUnits:
    """`DigitalUnits` on golden twins that have every result checked by RTL, a little later.

    Until the first difference the operands of a call are those of a run on RTL alone. RTL works in
    threads of its own; calls of converters wait until a batch of them has come together.

    Parameters
    ----------
    golden, rtl : DigitalUnits
        The twins, whose results are given, and the kernels.
    comparison : BitComparison
        Where results are compared.

    Attributes
    ----------
    step : int
        Training step of the calls to come.
    checking : bool
        False lets the twins work alone.
    failure : str
        What a kernel said that failed.
    """

    def __init__(self, golden: DigitalUnits, rtl: DigitalUnits, comparison: BitComparison):
        self._golden, self._rtl, self.comparison = golden, rtl, comparison
        self.checking, self.failure = True, ""
        self.step, self._number, self._waiting = 0, 0, 0
        self._groups: dict[tuple, list[Call]] = {}
        self._jobs: list[tuple[Future[None], int]] = []
        self._pool = ThreadPoolExecutor(WORKERS)

    def __getattr__(self, name: str) -> Any:
        unit = getattr(self._golden, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            result = unit(*args, **kwargs)
            if self.checking:
                self._take(name, args, kwargs, result)
            return result

        return call

    def _take(self, unit: str, args: tuple, kwargs: dict[str, Any], result: Any) -> None:
        self._number += 1
        for part in (*args, *kwargs.values(), *(part for _, part in _results(result))):
            if isinstance(part, np.ndarray):
                part.flags.writeable = False  # it is looked at later
        call = Call(unit, args, kwargs, result, (self.step, self._number))
        if unit == "random_words":  # a sequence: in order
            self._check([call])
            return
        group = self._groups.setdefault(call.group, [])
        group.append(call)
        self._waiting += call.size
        if sum(one.size for one in group) >= ENOUGH:
            self._start(call.group)

    def _start(self, group: tuple) -> None:
        calls = self._groups.pop(group)
        self._jobs.append((self._pool.submit(self._check, calls), sum(one.size for one in calls)))

    def _check(self, calls: list[Call]) -> None:
        if self.failure:
            return
        try:
            for call, rtl in zip(calls, self._on_rtl(calls), strict=True):
                self.comparison.compare(call, rtl)
        except RuntimeError as error:  # a kernel is stuck, or not what it should be
            step, number = calls[0].place
            self.failure = self.failure or f"step {step}, call {number}: {error}"

    def _on_rtl(self, calls: list[Call]) -> list[Any]:
        unit, (first, *_) = getattr(self._rtl, calls[0].unit), calls
        if len(calls) == 1:
            return [unit(*first.args, **first.kwargs)]
        together = np.concatenate([one.args[0] for one in calls])
        ends = np.cumsum([len(one.args[0]) for one in calls])[:-1]
        return np.split(unit(together, *first.args[1:], **first.kwargs), ends)

    def next_step(self) -> bool:
        """End a step; tell whether all that is known by now is equal."""
        self.step, self._number = self.step + 1, 0
        if sum(one.size for group in self._groups.values() for one in group) >= ENOUGH:
            for group in list(self._groups):
                self._start(group)
        while self._jobs and (self._waiting > WAITING or self._jobs[0][0].done()):
            job, size = self._jobs.pop(0)
            job.result()
            self._waiting -= size
        return self.is_equal

    def drain(self) -> bool:
        """Wait for all results; tell whether they are equal."""
        for group in list(self._groups):
            self._start(group)
        while self._jobs:
            job, size = self._jobs.pop(0)
            job.result()
            self._waiting -= size
        return self.is_equal

    @property
    def is_equal(self) -> bool:
        """Nothing has differed or failed so far."""
        return not self.failure and self.comparison.first is None

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(cancel_futures=True)


def _results(result: Any) -> Iterator[tuple[str, NDArray]]:
    """Results of a call by name."""
    if isinstance(result, tuple):
        names = getattr(result, "_fields", None) or [str(n) for n in range(len(result))]
        yield from ((name, np.asarray(part)) for name, part in zip(names, result, strict=True))
    else:
        yield "result", np.asarray(result)
