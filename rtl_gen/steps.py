"""Datapaths as steps, and pipelines of any depth cut from them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from amaranth import *

from rtl_gen.streams import Fields, Stage


@dataclass(frozen=True)
class Step:
    """A piece of a datapath that no register cuts.

    Parameters
    ----------
    run : Stage
        ``run(m, fields, take)`` returns the fields after the step.
    delay : float
        Rough delay in ns on an ECP5 of speed grade 6: only the ratios matter.
    """

    run: Stage
    delay: float


def step(delay: float) -> Callable[[Stage], Step]:
    """Make a function a `Step`, as a decorator."""
    return lambda run: Step(run, delay)


def grouped(steps: Sequence[Step], count: int) -> list[Stage]:
    """Compose ``steps`` to ``count`` stages, in order, the slowest as fast as possible.

    With more stages than steps the rest pass everything on, at the end.
    """
    delays = [one.delay for one in steps]
    bounds = _cut(delays, min(count, len(steps)))
    stages = [_composed(steps[low:high]) for low, high in pairwise(bounds)]
    return stages + [_composed([])] * (count - len(stages))


def _cut(delays: Sequence[float], count: int) -> list[int]:
    """Bounds of the groups: least longest group, then least sum of squares."""
    total = [0.0]
    for delay in delays:
        total.append(total[-1] + delay)
    # best[n]: cost and bounds of the first n steps in the groups so far
    best = {n: ((total[n], total[n] ** 2), [0, n]) for n in range(1, len(delays) + 1)}
    for groups in range(2, count + 1):
        best = {
            n: min(
                (
                    (
                        max(best[k][0][0], total[n] - total[k]),
                        best[k][0][1] + (total[n] - total[k]) ** 2,
                    ),
                    [*best[k][1], n],
                )
                for k in range(groups - 1, n)
            )
            for n in range(groups, len(delays) + 1)
        }
    return best[len(delays)][1]


def _composed(steps: Sequence[Step]) -> Stage:
    def stage(m: Module, fields: Fields, take: Value) -> Fields:
        for one in steps:
            fields = {name: _wire(m, name, v) for name, v in one.run(m, fields, take).items()}
        return dict(fields)

    return stage


def _wire(m: Module, name: str, value: Value) -> Value:
    """Signal with the value: Amaranth walks an expression once per use, so none may grow."""
    if isinstance(value, (Signal, Const)):
        return value
    wire = Signal(Value.cast(value).shape(), name=name)
    m.d.comb += wire.eq(value)
    return wire
