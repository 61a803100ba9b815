"""Bit-exact twin of :mod:`rtl_gen.units.read_sequencer` and :mod:`rtl_gen.units.choppers`."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.config.checks import check_int
from models.config.chopped_units import SequencerConfig

_KINDS = {"none": 0, "regular": 1, "random": 2}


class SequencerState(NamedTuple):
    """What the sequencer and the choppers of one array remember.

    ``row`` is read next, after ``vectors`` more counted updates make ``transfer_every``;
    ``passes`` of the period are over, and ``settled`` is 1 after the first period. Arrays are
    uint8 of 0 and 1 for all ``config.rows`` or ``config.columns`` lines, used or not: choppers (1
    inverts) and which rows ``flipped`` since their last read. ``lfsr`` is the register.
    """

    row: int
    vectors: int
    passes: int
    settled: int
    row_choppers: NDArray[np.uint8]
    flipped: NDArray[np.uint8]
    column_choppers: NDArray[np.uint8]
    lfsr: int

    def to_arrays(self) -> dict[str, NDArray]:
        """Copy the fields into numpy arrays by name: what a checkpoint holds."""
        return {name: np.array(value) for name, value in self._asdict().items()}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray]) -> "SequencerState":
        """Undo `to_arrays`."""
        numbers = (int(arrays[name]) for name in ("row", "vectors", "passes", "settled", "lfsr"))
        row, vectors, passes, settled, lfsr = numbers
        lines = ("row_choppers", "flipped", "column_choppers")
        c_in, flipped, c_out = (np.array(arrays[name], np.uint8) for name in lines)
        return cls(row, vectors, passes, settled, c_in, flipped, c_out, lfsr)


class Sequence(NamedTuple):
    """Reads in order; all arrays have one entry per read.

    Attributes
    ----------
    vector : ndarray of int64
        Index of the vector after whose update the read comes.
    row : ndarray of int64
        Row that is read.
    negative : ndarray of uint8
        The row's chopper at its read.
    fresh : ndarray of uint8
        1 for the first read of the row since its chopper flipped.
    enable : ndarray of uint8
        Whether the read may give pulses.
    flips : ndarray of uint8
        Whether the row's chopper flips after the read.
    out_signs : ndarray of uint8, shape (reads, columns), or None
        Choppers of the columns at the read; None when ``out_chance`` is 0: all are 0 then.
    """

    vector: NDArray[np.int64]
    row: NDArray[np.int64]
    negative: NDArray[np.uint8]
    fresh: NDArray[np.uint8]
    enable: NDArray[np.uint8]
    flips: NDArray[np.uint8]
    out_signs: NDArray[np.uint8] | None


def initial_state(config: SequencerConfig, seed: int) -> SequencerState:
    """State after reset: all zero, the register at ``seed`` (1 to ``2**width - 1``)."""
    check_int("seed", seed, 1, 2**config.lfsr.width - 1)
    c_in, flipped = np.zeros((2, config.rows), np.uint8)
    c_out = np.zeros(config.columns, np.uint8)
    return SequencerState(0, 0, 0, 0, c_in, flipped, c_out, seed)


def sequence(
    state: SequencerState,
    vectors: int,
    rows: int,
    columns: int,
    transfer_every: int,
    config: SequencerConfig,
) -> tuple[Sequence, SequencerState]:
    """Give the reads that ``vectors`` updates lead to, and the state after them.

    Parameters
    ----------
    state : SequencerState
        Not modified.
    vectors : int
        Vector updates, 0 or more.
    rows, columns : int
        Lines in use, 1 to those of the config.
    transfer_every : int
        Vector updates per read, 1 to 65535.
    config : SequencerConfig
        Choppers, period, register.

    Raises
    ------
    ValueError
        If an argument is out of range, or the state does not fit ``rows``, ``transfer_every``.
    """
    _check(state, vectors, rows, columns, transfer_every, config)
    count, left = divmod(state.vectors + vectors, transfer_every)
    vector = np.arange(1, count + 1) * transfer_every - (state.vectors + 1)
    row = (state.row + np.arange(count)) % rows
    c_in, flipped, c_out = (np.array(line, np.uint8) for line in state[4:7])
    marks = np.empty((4, count), np.uint8)
    out_signs = np.empty((count if config.out_chance else 0, columns), np.uint8)
    counters = np.array([state.passes, state.settled, state.lfsr], np.int64)
    chances = config.in_chance, config.out_chance
    lfsr = config.lfsr.feedback, config.lfsr.word_bits
    form = rows, config.period, _KINDS[config.chopping], *chances, int(config.waits), *lfsr
    _walk(row, counters, (c_in, flipped, c_out), marks, out_signs, form)
    passes, settled, register = counters.tolist()
    following = (state.row + count) % rows
    after = SequencerState(following, left, passes, settled, c_in, flipped, c_out, register)
    negative, fresh, enable, flips = marks
    signs = out_signs if config.out_chance else None
    return Sequence(vector, row, negative, fresh, enable, flips, signs), after


def _check(state, vectors, rows, columns, transfer_every, config):
    check_int("vectors", vectors, 0, 2**62)
    check_int("rows", rows, 1, config.rows)
    check_int("columns", columns, 1, config.columns)
    check_int("transfer_every", transfer_every, 1, 65535)
    check_int("state.row", state.row, 0, rows - 1)
    check_int("state.vectors", state.vectors, 0, transfer_every - 1)
    check_int("state.passes", state.passes, 0, config.period - 1)
    check_int("state.lfsr", state.lfsr, 1, 2**config.lfsr.width - 1)
    if not config.out_chance and np.any(state.column_choppers):
        raise ValueError("state.column_choppers must be 0 where out_chance is 0")


@compiled
def _walk(row, counters, choppers, marks, out_signs, form):
    row_choppers, flipped, column_choppers = choppers
    rows, period, kind, in_chance, out_chance, waits, feedback, word_bits = form
    passes, settled, register = counters
    for t in range(len(row)):
        k = row[t]
        marks[0, t], marks[1, t] = row_choppers[k], flipped[k]
        marks[2, t] = settled | (1 - waits)
        if out_chance:
            out_signs[t] = column_choppers[: out_signs.shape[1]]
        flip = np.uint8(kind == 1 and passes == period - 1)
        if kind == 2:
            flip = np.uint8((register & 0xFFFF) < in_chance)
            register = _step(register, feedback, word_bits)
        marks[3, t] = flipped[k] = flip
        row_choppers[k] ^= flip
        if k == rows - 1:
            passes += 1
            if passes == period:
                passes, settled = 0, 1
            if out_chance:
                for j in range(out_signs.shape[1]):
                    column_choppers[j] ^= np.uint8((register & 0xFFFF) < out_chance)
                    register = _step(register, feedback, word_bits)
    counters[0], counters[1], counters[2] = passes, settled, register


@compiled
def _step(register, feedback, word_bits):
    for _ in range(word_bits):
        register = (register >> 1) ^ (feedback & -(register & 1))
    return register
