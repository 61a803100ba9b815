"""A batch in pieces, one thread and one model instance for each."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST = 20_000  # beats of a piece: see Kernel
BLOCK = 512  # pieces of single beats begin at multiples: whole blocks of the bit-sliced back end

Run = Callable[..., tuple[int, list[int]]]


@dataclass(frozen=True)
class Piece:
    """Beats ``start`` to ``stop`` of the inputs and ``first`` to ``end`` of the outputs."""

    start: int
    stop: int
    first: int
    end: int


def pieces(count: int, last: NDArray | None, workers: int) -> list[Piece]:
    """Cut ``count`` beats into up to ``workers`` pieces of about one size.

    With ``last`` [count] a piece ends at a packet's last beat (what follows the very last one
    belongs to the last piece), and every packet has one output; without, every beat has one.
    """
    number = min(workers, count // LEAST)
    targets = np.arange(1, number) * count // max(number, 1)
    if last is None:
        stops = outputs = targets // BLOCK * BLOCK
        total = count
    else:
        ends = np.flatnonzero(last) + 1
        which = np.searchsorted(ends, targets)
        which = np.unique(which[which < len(ends) - 1])
        stops, outputs, total = ends[which], which + 1, len(ends)
    starts, firsts = [0, *stops.tolist()], [0, *outputs.tolist()]
    edges = zip(starts, [*starts[1:], count], firsts, [*firsts[1:], total], strict=True)
    return [Piece(*edge) for edge in edges]


def fan_out(
    run: Run,
    cut: Sequence[Piece],
    arrays: Sequence[NDArray],
    is_whole: Sequence[bool],
    results: Sequence[NDArray],
) -> int | None:
    """Run every piece in a thread of its own; return the cycles, None if a piece has failed.

    ``run`` takes count, arrays, expected and results as an engine does; an array that is not
    whole holds for all beats.
    """

    def piece(p: Piece) -> tuple[int, list[int]]:
        pairs = zip(arrays, is_whole, strict=True)
        given = [array[p.start : p.stop] if whole else array for array, whole in pairs]
        taken = [array[p.first : p.end] for array in results]
        return run(p.stop - p.start, given, p.end - p.first, taken)

    with ThreadPoolExecutor(len(cut)) as pool:
        done = list(pool.map(piece, cut))
    return None if any(status for status, _ in done) else sum(moved[2] for _, moved in done)
