"""Bit-exact twin of :mod:`rtl_gen.units.pulse_trains`."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled, inlined
from models.config.checks import check_int
from models.config.chopped_units import PulseTrainConfig
from models.digital.bf16_loops import widen
from models.digital.lfsr import jump
from models.digital.update_management import Managed, multiplied


class Trains(NamedTuple):
    """Pulses of all slots, and the register after them.

    ``rows`` [slots, rows] and ``columns`` [slots, columns] are uint8, 1 where a line fires; the
    slots of a vector pair follow each other.
    """

    rows: NDArray[np.uint8]
    columns: NDArray[np.uint8]
    state: int


def pulse_trains(
    x: NDArray[np.uint16],
    delta: NDArray[np.uint16],
    managed: Managed,
    state: int,
    config: PulseTrainConfig,
    words: NDArray[np.uint16] | None = None,
) -> Trains:
    """Pulses of vector pairs.

    In each slot a line fires where its word is below its threshold, the magnitude of its value
    times its scale in units of ``2**-config.random_bits`` (see `thresholds`).

    Parameters
    ----------
    x : ndarray of uint16, shape (n, rows)
        BF16 patterns, up to ``config.rows`` of them; those lines are 0 and up.
    delta : ndarray of uint16, shape (n, columns)
        BF16 patterns, up to ``config.columns``; those lines are ``config.rows`` and up.
    managed : Managed
        Slots and scales of the ``n`` pairs.
    state : int
        Register, 1 to ``2**config.lfsr.width - 1``; it moves by one word per slot.
    config : PulseTrainConfig
        Lines, words and register.
    words : ndarray of uint16, shape (slots, rows + columns), optional
        Words instead of those of the register, which then stays; the low ``config.random_bits``
        bits count.
    """
    x, delta = _lines("x", x, config.rows), _lines("delta", delta, config.columns)
    slots, x_scale, delta_scale = (np.require(a, None, ["C", "W"]) for a in managed)
    if not len(x) == len(delta) == len(slots):
        raise ValueError(f"delta and slots must be {len(x)}, not {len(delta)} and {len(slots)}")
    check_int("state", state, 1, 2**config.lfsr.width - 1)
    total = int(slots.sum())
    rows = np.empty((total, x.shape[1]), np.uint8)
    columns = np.empty((total, delta.shape[1]), np.uint8)
    given = x, delta, slots, x_scale, delta_scale, np.uint32(2**config.random_bits), rows, columns
    if words is None:
        ahead, steps = _tables(config)
        state = int(_from_register(*given, ahead, steps, config.rows, np.uint32(state)))
    else:
        words = np.require(words, np.uint16, ["C", "W"])
        if words.shape != (total, rows.shape[1] + columns.shape[1]):
            expected = total, rows.shape[1] + columns.shape[1]
            raise ValueError(f"words must have shape {expected}, not {words.shape}")
        _from_words(*given, words)
    return Trains(rows, columns, state)


def thresholds(
    value: NDArray[np.uint16], scale: NDArray[np.uint16], random_bits: int
) -> NDArray[np.uint32]:
    """Thresholds of values [n, lines] with scales [n]: integers, ``2**random_bits`` is 1.

    They are ``requantize(float_mul(|value|, |scale|))`` to nearest even, at most 1.
    """
    value, scale = (np.require(a, np.uint16, ["C", "W"]) for a in (value, scale))
    result = np.empty(value.shape, np.uint32)
    _thresholds_of(value, scale, np.uint32(2**random_bits), result)
    return result


def _lines(name: str, value: NDArray[np.uint16], most: int) -> NDArray[np.uint16]:
    value = np.require(value, np.uint16, ["C", "W"])
    if value.ndim != 2 or value.shape[1] > most:
        raise ValueError(f"{name} must be n vectors of at most {most}, not {value.shape}")
    return value


@lru_cache(maxsize=8)
def _tables(config: PulseTrainConfig) -> tuple[NDArray[np.uint16], NDArray[np.uint32]]:
    """Give what each byte of the register adds to each line's word, and to the next state.

    Shapes (4, 256, lines) and (4, 256): stepping is linear over GF(2).
    """
    count, bits = config.rows + config.columns, np.arange(config.lfsr.width, dtype=np.uint32)
    basis = np.zeros(32, np.uint32)
    basis[: len(bits)] = np.uint32(1) << bits
    images = np.tile(basis[:, None], count)
    offsets = np.array([config.offset(line) for line in range(count)], np.uint64)
    for power in range(config.lfsr.width):
        moved = np.flatnonzero(offsets >> np.uint64(power) & np.uint64(1))
        images[:, moved] = jump(images[:, moved].ravel(), power, config.lfsr).reshape(32, -1)
    words = (images & np.uint32(2**config.random_bits - 1)).astype(np.uint16)
    return _spans(words), _spans(jump(basis, 0, config.lfsr))


def _spans(images: NDArray) -> NDArray:
    """Sum over GF(2) the images [32, ...] of the bits set in each byte: [4, 256, ...]."""
    sums = np.zeros((4, 256, *images.shape[1:]), images.dtype)
    for bit, image in enumerate(images):
        byte, place = divmod(bit, 8)
        sums[byte, 1 << place : 2 << place] = sums[byte, : 1 << place] ^ image
    return sums


@inlined
def _threshold(value, scale, one):
    product = multiplied(value & np.uint16(0x7FFF), scale & np.uint16(0x7FFF))
    if product > np.uint16(0x7F80):  # NaN
        return np.uint32(0)
    # Exact: a product with a power of two that is no smaller than 1.
    size = widen(product) * np.float32(one)
    if size >= np.float32(one):
        return np.uint32(one)
    # Below 2**16 the sum is rounded to an integer, to nearest even.
    return np.uint32((size + np.float32(2**23)) - np.float32(2**23))


@compiled
def _fill(values, scale, one, result):
    for line in range(len(values)):
        value = values[line]
        if value & np.uint16(0x7FFF):
            result[line] = _threshold(value, scale, one)
        else:
            result[line] = np.uint32(0)


@compiled
def _thresholds_of(values, scales, one, result):
    for vector in range(len(values)):
        _fill(values[vector], scales[vector], one, result[vector])


@compiled
def _fire(first, second, third, fourth, limits, fired):
    for line in range(len(limits)):
        word = first[line] ^ second[line] ^ third[line] ^ fourth[line]
        fired[line] = np.uint32(word) < limits[line]


@compiled
def _from_register(
    x, delta, slots, x_scale, delta_scale, one, rows, columns, ahead, steps, start, state
):
    x_limits = np.empty(x.shape[1], np.uint32)
    delta_limits = np.empty(delta.shape[1], np.uint32)
    stop, slot = start + delta.shape[1], 0
    for vector in range(len(slots)):
        if slots[vector] == 0:
            continue
        _fill(x[vector], x_scale[vector], one, x_limits)
        _fill(delta[vector], delta_scale[vector], one, delta_limits)
        for _ in range(slots[vector]):
            a, b, c, d = state & 255, state >> 8 & 255, state >> 16 & 255, state >> 24
            first, second, third, fourth = ahead[0, a], ahead[1, b], ahead[2, c], ahead[3, d]
            _fire(first, second, third, fourth, x_limits, rows[slot])
            _fire(
                first[start:stop],
                second[start:stop],
                third[start:stop],
                fourth[start:stop],
                delta_limits,
                columns[slot],
            )
            state = np.uint32(steps[0, a] ^ steps[1, b] ^ steps[2, c] ^ steps[3, d])
            slot += 1
    return state


@compiled
def _from_words(x, delta, slots, x_scale, delta_scale, one, rows, columns, words):
    x_limits = np.empty(x.shape[1], np.uint32)
    delta_limits = np.empty(delta.shape[1], np.uint32)
    slot, mask = 0, np.uint32(one - np.uint32(1))
    for vector in range(len(slots)):
        if slots[vector] == 0:
            continue
        _fill(x[vector], x_scale[vector], one, x_limits)
        _fill(delta[vector], delta_scale[vector], one, delta_limits)
        for _ in range(slots[vector]):
            for line in range(len(x_limits)):
                rows[slot, line] = words[slot, line] & mask < x_limits[line]
            for line in range(len(delta_limits)):
                word = words[slot, len(x_limits) + line] & mask
                columns[slot, line] = word < delta_limits[line]
            slot += 1
