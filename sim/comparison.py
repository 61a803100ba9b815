"""Digital results of a run beside those of RTL: compared, counted, the first difference kept."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray


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


Corner = Callable[[tuple[Any, ...], dict[str, Any], Any, Any], dict[str, int]]


@dataclass
class BitComparison:
    """Counts compared values, differences and corners; keeps the first difference.

    Parameters
    ----------
    config : Any
        Widths, for the corners.
    table : mapping of str to callable
        What to count of a unit's calls, from arguments, keyword arguments, result and config.
    """

    config: Any
    table: Mapping[str, Corner] = field(default_factory=dict)
    compared: Counter[str] = field(default_factory=Counter)
    differences: Counter[str] = field(default_factory=Counter)
    corners: Counter[str] = field(default_factory=Counter)
    first: Difference | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def compare(self, call: "Call", rtl: Any) -> None:
        """Take in what RTL gives for a call of the golden run."""
        wanted, given = list(results(call.result)), list(results(rtl))
        if len(wanted) != len(given):
            raise RuntimeError(f"unit {call.unit}: {len(given)} results, not {len(wanted)}")
        for (name, want), (_, got) in zip(wanted, given, strict=True):
            if want.shape != got.shape:
                raise RuntimeError(f"unit {call.unit}: {name} is {got.shape}, not {want.shape}")
            unequal = want.reshape(-1) != got.reshape(-1)
            count = int(np.count_nonzero(unequal))
            with self._lock:
                self.compared[call.unit] += want.size
                if count:
                    self._differ(call, name, count, int(np.argmax(unequal)), want, got)
        if call.unit in self.table:
            corners = self.table[call.unit](call.args, call.kwargs, call.result, self.config)
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

    @cached_property
    def size(self) -> int:
        """Results, and so about the work."""
        return max(part.size for _, part in results(self.result))

    def group(self, joined: int) -> tuple[Any, ...]:
        """Give what the call shares with those that one RTL call can do together.

        Parameters
        ----------
        joined : int
            How many of the first arguments are laid end to end; none: the call goes alone.
        """
        if not joined:
            return self.unit, self.place
        shapes = tuple(one.shape[1:] for one in self.args[:joined])
        held = tuple(np.asarray(one).tobytes() for one in self.args[joined:])
        return self.unit, shapes, held, *sorted(self.kwargs.items())


def results(result: Any, prefix: str = "") -> Iterator[tuple[str, NDArray]]:
    """Results of a call by name; nothing for None."""
    if isinstance(result, tuple):
        names = getattr(result, "_fields", None) or [str(n) for n in range(len(result))]
        for name, part in zip(names, result, strict=True):
            yield from results(part, f"{prefix}.{name}" if prefix else name)
    elif result is not None:
        yield prefix or "result", np.asarray(result)


def arrays(value: Any) -> Iterator[NDArray]:
    """Arrays in nested tuples."""
    if isinstance(value, tuple):
        for part in value:
            yield from arrays(part)
    elif isinstance(value, np.ndarray):
        yield value


def split(result: Any, ends: NDArray[np.integer]) -> list[Any]:
    """Cut an array, or every array of a tuple, into rows up to ``ends`` and the rest."""
    if not isinstance(result, tuple):
        return np.split(result, ends)
    make = getattr(result, "_make", tuple)
    return [make(parts) for parts in zip(*(np.split(part, ends) for part in result), strict=True)]
