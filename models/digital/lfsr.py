"""Bit-exact twin of :mod:`rtl_gen.units.lfsr`."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.config.checks import check_int
from models.config.units import LfsrConfig

_BLOCK = 2**12  # words at a time: their table stays in the second-level cache


def lfsr_words(state: int, count: int, config: LfsrConfig) -> tuple[NDArray[np.uint16], int]:
    """Give the next ``count`` words and the register state after them.

    Parameters
    ----------
    state : int
        Register state, 1 to ``2**config.width - 1``.
    count : int
        Words.
    config : LfsrConfig
        Register and word length.

    Returns
    -------
    words : ndarray of uint16
        The low ``config.word_bits`` bits of successive states.
    next_state : int
        State to go on from.
    """
    check_int("state", state, 1, 2**config.width - 1)
    words = np.zeros(count, np.uint16)
    images, rows = _images(config), _word_rows(config)
    for start in range(0, count, _BLOCK):
        part = words[start : start + _BLOCK]
        following = 0
        for bit in range(config.width):
            if state >> bit & 1:
                part ^= rows[bit, : len(part)]
                following ^= int(images[bit, len(part)])
        state = following
    return words, state


def step(state: int, config: LfsrConfig) -> int:
    """State after one word: ``word_bits`` shifts, the feedback mask added after each one."""
    for _ in range(config.word_bits):
        state = (state >> 1) ^ (config.feedback if state & 1 else 0)
    return state


def jump(states: NDArray[np.uint32], power: int, config: LfsrConfig) -> NDArray[np.uint32]:
    """Each state ``2**power`` words later."""
    first, *others = enumerate(_jump_tables(power, config))
    octets = states.astype("<u4", copy=False).view(np.uint8).reshape(-1, 4)
    result = first[1].take(octets[:, first[0]])
    for place, table in others:
        result ^= table.take(octets[:, place])
    return result


@lru_cache(maxsize=8)
def _images(config: LfsrConfig) -> NDArray[np.uint32]:
    """Image of each state bit 0 to ``_BLOCK`` words later: those known, jumped by their number."""
    images = np.empty((config.width, _BLOCK + 1), np.uint32)
    images[:, 0] = np.uint32(1) << np.arange(config.width, dtype=np.uint32)
    known, power = 1, 0
    while known <= _BLOCK:
        more = min(known, _BLOCK + 1 - known)
        ahead = jump(images[:, :more].ravel(), power, config)
        images[:, known : known + more] = ahead.reshape(config.width, more)
        known, power = 2 * known, power + 1
    return images


@lru_cache(maxsize=8)
def _word_rows(config: LfsrConfig) -> NDArray[np.uint16]:
    """Give what each state bit adds to the next ``_BLOCK`` words: stepping is linear over GF(2)."""
    return (_images(config)[:, :-1] & np.uint32(2**config.word_bits - 1)).astype(np.uint16)


@lru_cache(maxsize=1024)
def _jump_tables(power: int, config: LfsrConfig) -> list[NDArray[np.uint32]]:
    """Tables of what each byte of a state adds to the state ``2**power`` words later.

    Stepping is linear over GF(2), so a jump is the sum of the jumps of the bits that are set.
    """
    bits = np.uint32(1) << np.arange(config.width, dtype=np.uint32)
    if power == 0:
        images = np.array([step(int(bit), config) for bit in bits], np.uint32)
    else:
        images = jump(jump(bits, power - 1, config), power - 1, config)
    return [_span(images[low : low + 8]) for low in range(0, config.width, 8)]


def _span(images: NDArray[np.uint32]) -> NDArray[np.uint32]:
    """Sum over GF(2) of the images of the bits set in 0 to 255."""
    sums = np.zeros(1, np.uint32)
    for image in images:
        sums = np.concatenate([sums, sums ^ image])
    return sums
