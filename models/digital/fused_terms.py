"""Sums of many terms over one or more beats, exact or in a window, rounded once."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.config.floats import FusedSumConfig
from models.digital import wide
from models.digital.float_rounding import rounded, with_specials
from models.digital.float_terms import Terms


class _Sum(NamedTuple):
    """``total * 2**exponent``."""

    total: wide.Wide
    exponent: NDArray[np.int64]


def rounded_packets(
    beats: Iterable[Terms], count: int, config: FusedSumConfig, random: NDArray | None
) -> NDArray[np.int64]:
    """Patterns of the sums of ``count`` beats of terms [config.terms, n] each.

    In the windowed form a zero term counts with the exponent that it comes with.
    """
    bits = config.window_bits + (config.terms * count - 1).bit_length()
    state, flags = None, None
    for terms in beats:
        seen = _flags(terms)
        flags = seen if flags is None else _joined(flags, seen)
        if config.window:
            part = _windowed(terms, config, bits)
            state = part if state is None else _accumulated(state, part)
        else:
            state = _exact(state, terms, config, bits)
    assert state is not None
    assert flags is not None
    return _finished(state, flags, config, random)


def _exact(state, terms, config, bits):
    exponent = config.lsb_exponent + config.anchors[0]
    if state is None:
        count = terms.exponent.shape[1]
        state = _Sum(wide.zeros(bits, count), np.full(count, exponent))
    _add(state.total, terms, terms.significand, terms.exponent - exponent, config)
    return state


def _windowed(terms, config, bits):
    anchor = terms.exponent.max(axis=0)
    room = config.window - config.term_bits
    places = terms.exponent - anchor + room
    lost = np.clip(-places, 0, 63)
    value = terms.significand >> lost
    if config.sticky:
        value |= value << lost != terms.significand
    total = wide.zeros(bits, len(anchor))
    _add(total, terms, value, np.maximum(places, 0), config)
    return _Sum(total, anchor - room)


def _add(total, terms, value, places, config):
    for term in zip(value, terms.negative, places, strict=True):
        wide.add_shifted(total, *term)
    wide.carry(total)


def _accumulated(state, part):
    exponent = np.maximum(state.exponent, part.exponent)
    total = wide.shifted_right(state.total, exponent - state.exponent)
    total = total + wide.shifted_right(part.total, exponent - part.exponent)
    wide.carry(total)
    return _Sum(total, exponent)


class _Flags(NamedTuple):
    """What specials and signs of all terms say about the result."""

    is_nan: NDArray[np.bool_]
    plus: NDArray[np.bool_]
    minus: NDArray[np.bool_]
    all_negative: NDArray[np.bool_]


def _flags(terms):
    return _Flags(
        terms.is_nan.any(axis=0),
        (terms.is_infinite & ~terms.negative).any(axis=0),
        (terms.is_infinite & terms.negative).any(axis=0),
        terms.negative.all(axis=0),
    )


def _joined(a, b):
    return _Flags(
        a.is_nan | b.is_nan, a.plus | b.plus, a.minus | b.minus, a.all_negative & b.all_negative
    )


def _finished(state, flags, config, random):
    head, log2, negative = wide.head_of_wide(state.total)
    negative |= (head == 0) & flags.all_negative
    pattern = rounded(head, log2 + state.exponent, negative, config, random)
    is_nan = flags.is_nan | flags.plus & flags.minus
    return with_specials(pattern, flags.minus, is_nan, flags.plus | flags.minus, config)
