"""Pulse trace of a run of pulsed training: which crosspoint got which pulses, and when.

``pulses.csv`` (comment lines, then a line of names) and ``pulses.npz`` (an array per name) have
one row per crosspoint, polarity and time, in the order of the run, whole numbers all:

============  ====================================================================================
``step``      training step (batch), from 0
``vector``    vector update of the step in which the pulses came, from 0; -1 for all of the step
``layer``     index of the layer in the network
``array``     0: slow array (the weights, W), 1: fast array (A), 2: reference array
``row``       input of the layer, its last row is the bias
``column``    output of the layer
``polarity``  1 raises the weight, -1 lowers it
``count``     pulses, 1 or more
============  ====================================================================================

Pulses by trains (fast array; slow array of ``sgd`` and ``ttv1``) are summed over a step unless
single vectors are asked for; transfers into the slow array come one by one, with the vector after
which their row was read. The vectors of ``ttv1``'s writes are the reads of the step. Reference
arrays get no pulses. An array has at most `LIMIT` rows in the trace; an update that would go
beyond is left out, and how many pulses were is in the comments (``dropped_slow`` and
``dropped_fast`` in ``pulses.npz``, with ``config_hash``).
"""

import io
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.config.chopped import ChoppedConfig
from models.config.toml import config_hash
from models.systems.chopped_watch import ArrayUpdate, ChoppedConversion
from sim.chopped_signs import line_signs
from sim.files import write_atomically

COLUMNS = ("step", "vector", "layer", "array", "row", "column", "polarity", "count")
ARRAYS = {"slow": 0, "fast": 1}
LIMIT = 2_000_000
COMMENTS = (
    "pulses of a run of imctwin, system chopped; configuration {}",
    "vector: -1 stands for all vectors of the step",
    "array: 0 slow (weights W), 1 fast (A), 2 reference; polarity: 1 up, -1 down",
    "pulses left out beyond {} rows per array: {} slow, {} fast",
)

Table = NDArray[np.int32]


class Pulses(NamedTuple):
    """Pulses one by one: vector, row, column, and whether up."""

    vector: NDArray[np.int64]
    row: NDArray[np.int64]
    column: NDArray[np.int64]
    up: NDArray[np.bool_]


class ChoppedTrace:
    """Collects the pulses of every update, see the module.

    Parameters
    ----------
    config : ChoppedConfig
        The system.
    each_vector : bool
        Tell the vectors of a step apart.
    """

    def __init__(self, config: ChoppedConfig, each_vector: bool = False):
        self.config, self.each_vector = config, each_vector
        self.step, self.rows = 0, [np.empty((0, len(COLUMNS)), np.int32)]
        self.kept, self.dropped = dict.fromkeys(ARRAYS, 0), dict.fromkeys(ARRAYS, 0)

    def conversion(self, seen: ChoppedConversion) -> None:
        """Nothing to collect."""

    def update(self, seen: ArrayUpdate) -> None:
        """Collect the pulses on the array, and those of transfers."""
        self._add(seen, seen.array, _of_trains(seen), each_vector=self.each_vector)
        if seen.transfer is not None:
            self._add(seen, "slow", _of_transfer(seen), each_vector=True)

    def _add(self, seen: ArrayUpdate, array: str, pulses: Pulses, *, each_vector: bool) -> None:
        if not each_vector:
            pulses = pulses._replace(vector=np.full(len(pulses.row), -1))
        table = _table(pulses, seen.delta.shape[1], seen.x.shape[1])
        if self.kept[array] + len(table) > LIMIT:
            self.dropped[array] += len(pulses.row)
            return
        self.kept[array] += len(table)
        table[:, 0], table[:, 2], table[:, 3] = seen.step, seen.layer, ARRAYS[array]
        self.rows.append(table)

    def table(self) -> Table:
        """All rows, shape (m, 8)."""
        return np.concatenate(self.rows)

    def restore(self, table: Table, dropped: dict[str, int]) -> None:
        """Go on from the rows and the numbers dropped of another trace."""
        self.rows, self.dropped = [table], dict(dropped)
        self.kept = {
            name: int(np.count_nonzero(table[:, 3] == code)) for name, code in ARRAYS.items()
        }

    def write(self, folder: Path) -> list[Path]:
        """Write ``pulses.npz`` and ``pulses.csv``; give their paths."""
        table, digest = self.table(), config_hash(self.config)
        packed, text = io.BytesIO(), io.StringIO()
        columns: dict[str, Any] = {name: table[:, n] for n, name in enumerate(COLUMNS)}
        columns |= {f"dropped_{name}": np.array(count) for name, count in self.dropped.items()}
        np.savez_compressed(packed, allow_pickle=False, config_hash=np.array(digest), **columns)
        comments = "\n".join(f"# {line}" for line in COMMENTS)
        text.write(comments.format(digest, LIMIT, self.dropped["slow"], self.dropped["fast"]))
        header = "\n" + ",".join(COLUMNS)
        np.savetxt(text, table, fmt="%d", delimiter=",", header=header, comments="")
        paths = [folder / "pulses.npz", folder / "pulses.csv"]
        write_atomically(paths[0], packed.getvalue())
        write_atomically(paths[1], text.getvalue().encode())
        return paths


def _of_trains(seen: ArrayUpdate) -> Pulses:
    """Coincidences, slot by slot."""
    rows, columns = seen.trains.rows, seen.trains.columns
    slot, row = np.nonzero(rows)
    starts, column = np.nonzero(columns)
    widths = np.bincount(starts, minlength=len(columns))
    first = np.cumsum(widths) - widths
    each = widths[slot]
    within = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
    column = column[np.repeat(first[slot], each) + within]
    slot, row = np.repeat(slot, each), np.repeat(row, each)
    vector = np.repeat(np.arange(len(seen.managed.slots)), seen.managed.slots)[slot]
    row_signs, column_signs = line_signs(seen)
    up = row_signs[vector, row] != column_signs[vector, column]
    return Pulses(vector, row, column, up)


def _of_transfer(seen: ArrayUpdate) -> Pulses:
    """Pulses that transfers ask for."""
    assert seen.transfer is not None
    counts, order = seen.transfer.counts, seen.order
    read, column = np.nonzero(counts)
    return Pulses(order.vector[read], order.row[read], column, counts[read, column] > 0)


def _table(pulses: Pulses, columns: int, rows: int) -> Table:
    """Rows of the trace without step, layer and array: equal pulses become one row."""
    key = ((pulses.vector + 1) * rows + pulses.row) * columns + pulses.column
    key, count = np.unique(2 * key + pulses.up, return_counts=True)
    place, up = np.divmod(key, 2)
    place, column = np.divmod(place, columns)
    vector, row = np.divmod(place, rows)
    table = np.zeros((len(key), len(COLUMNS)), np.int32)
    for name, values in (
        ("vector", vector - 1),
        ("row", row),
        ("column", column),
        ("polarity", 2 * up - 1),
        ("count", count),
    ):
        table[:, COLUMNS.index(name)] = values
    return table
