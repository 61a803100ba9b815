"""Pulse trace of a run: which crosspoint got which pulses at which step."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.systems.watch import Conversion, WeightUpdate
from sim.files import write_atomically

COLUMNS = ("step", "layer", "input", "output", "count")
LIMIT = 2_000_000


class PulseTrace:
    """Collects the signed pulse counts of every update, up to ``LIMIT`` rows.

    A row is (step, layer, input, output, count): ``count`` SET pulses on the plus device of the
    weight, RESET pulses where it is negative; with push-pull updates the minus device gets as
    many of the opposite polarity.
    """

    def __init__(self):
        self.step, self.rows, self.kept, self.dropped = 0, [], 0, 0

    def conversion(self, seen: Conversion) -> None:
        """Nothing to collect."""

    def update(self, seen: WeightUpdate) -> None:
        """Collect the counts that are not zero."""
        where = np.nonzero(seen.counts)
        size = len(where[0])
        if self.kept + size > LIMIT:
            self.dropped += size
            return
        self.kept += size
        same = [np.full(size, number) for number in (self.step, seen.layer)]
        self.rows.append(np.stack([*same, *where, seen.counts[where]], axis=1).astype(np.int32))

    def table(self) -> NDArray[np.int32]:
        """All rows, shape (m, 5)."""
        return np.concatenate([np.empty((0, len(COLUMNS)), np.int32), *self.rows])

    def restore(self, table: NDArray[np.int32], dropped: int) -> None:
        """Go on from the rows and the number dropped of another trace."""
        self.rows, self.kept, self.dropped = [table], len(table), dropped

    def write(self, folder: Path) -> list[Path]:
        """Write ``pulses.npz`` (one array per column) and ``pulses.csv``; give their paths."""
        table = self.table()
        packed, text = io.BytesIO(), io.StringIO()
        columns = {name: table[:, place] for place, name in enumerate(COLUMNS)}
        np.savez_compressed(packed, allow_pickle=False, **columns)
        np.savetxt(text, table, fmt="%d", delimiter=",", header=",".join(COLUMNS), comments="")
        paths = [folder / "pulses.npz", folder / "pulses.csv"]
        write_atomically(paths[0], packed.getvalue())
        write_atomically(paths[1], text.getvalue().encode())
        return paths
