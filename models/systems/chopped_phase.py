"""Pulses of a batch on an array of devices, with the reads that come between them.

Each pulse depends on those before it, and each read on the pulses before it: a compiled loop.
"""

import numpy as np
from numpy.typing import NDArray

from models.analog.crosspoint_pulses import pulse_slot
from models.analog.crosspoints import Crosspoints
from models.compiled import compiled
from models.digital.pulse_trains import Trains
from models.digital.sequencer import Sequence, SequencerState

Bits = NDArray[np.uint16]
Draws = tuple[NDArray[np.float32], NDArray[np.float32]]


def pulse_and_read(
    devices: Crosspoints,
    reference: NDArray[np.float32] | None,
    vectors: tuple[Bits, Bits],
    slots: NDArray[np.uint8],
    trains: Trains,
    choppers: tuple[SequencerState, SequencerState],
    order: Sequence,
    draws: Draws,
) -> NDArray[np.float32]:
    """Pulse the devices with all trains; give what the reads of ``order`` see.

    Parameters
    ----------
    devices : Crosspoints
        Of shape (rows, columns), changed in place.
    reference : ndarray of float32, shape (rows * columns,), optional
        What reads subtract.
    vectors : tuple of ndarray of uint16, shapes (n, rows) and (n, columns)
        BF16 patterns of inputs and errors, for their signs.
    slots : ndarray of uint8, shape (n,)
        Slots of each vector pair.
    trains : Trains
        Pulses of all slots.
    choppers : tuple of SequencerState
        Before and after the batch.
    order : Sequence
        Reads and flips in it.
    draws : tuple of ndarray of float32
        Of all pulses, from ``devices.draws``.

    Returns
    -------
    ndarray of float32, shape (reads, columns)
        Rows as they were seen.
    """
    x, delta = vectors
    before, after = choppers
    width = delta.shape[1]
    signs = after.column_choppers[None, :width]
    if order.out_signs is not None:
        signs = np.concatenate([order.out_signs, signs])
    row_choppers = before.row_choppers[: x.shape[1]].copy()
    subtracted = np.zeros(0, np.float32) if reference is None else reference
    seen = np.empty((len(order.vector), width), np.float32)
    fired = trains.rows, trains.columns, slots
    reads = order.vector, order.row, order.flips, subtracted, seen
    _pulse_and_read(devices.points, x, delta, *fired, row_choppers, signs, *draws, *reads)
    return seen


@compiled
def _pulse_and_read(
    points,
    x,
    delta,
    rows,
    columns,
    slots,
    row_choppers,
    signs,
    draws,
    write_draws,
    vector,
    row,
    flips,
    reference,
    seen,
):
    width, slot, pulse, read = delta.shape[1], 0, 0, 0
    fired = np.empty(width, np.int64)
    negative = np.empty(x.shape[1], np.uint8), np.empty(width, np.uint8)
    for n in range(len(slots)):
        column_choppers = signs[min(read, len(signs) - 1)]
        for line in range(x.shape[1]):
            negative[0][line] = np.uint8(x[n, line] >> 15) ^ row_choppers[line]
        for line in range(width):
            negative[1][line] = np.uint8(delta[n, line] >> 15) ^ column_choppers[line]
        for _ in range(slots[n]):
            given = points, rows[slot], columns[slot], negative, fired, draws, write_draws
            pulse = pulse_slot(*given, pulse)
            slot += 1
        while read < len(vector) and vector[read] == n:
            _see(points, row[read] * width, reference, seen[read])
            row_choppers[row[read]] ^= flips[read]
            read += 1


@compiled
def _see(points, start, reference, seen):
    """Write what a read of the row that begins at ``start`` sees."""
    for column in range(len(seen)):
        value = points.visible[start + column]
        if points.second:
            value -= points.visible[start + column + points.second]
        if len(reference):
            value -= reference[start + column]
        seen[column] = value
