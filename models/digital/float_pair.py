"""Sums of two terms, rounded once."""

import numpy as np
from numpy.typing import NDArray

from models.config.floats import FloatUnitConfig
from models.digital.float_rounding import head_of, rounded, with_specials
from models.digital.float_terms import Terms

_TOP = 58  # place of each term's leading one: the sum stays below 2**60
_NOWHERE = -(2**40)  # log2 of a zero: never the larger term


def rounded_sum(
    a: Terms, b: Terms, config: FloatUnitConfig, random: NDArray | None
) -> NDArray[np.int64]:
    """Patterns of ``a + b``; significands of at most 48 bits.

    The terms meet in one 60-bit window with their leading ones at bit 58 or, of the smaller one,
    below; ones that it loses there set its lowest bit. That rounds as the exact sum does: ones
    are lost only from 12 places apart on, so the sum keeps its leading one at bit 57 or above,
    and no rounding has a boundary below bit 2 (24 bits of a significand, 32 random bits). The
    larger term has its 11 lowest bits clear, so the sum ends in a one: like the exact sum it
    lies strictly between two neighbouring even numbers of the window.
    """
    (x, x_log2), (y, y_log2) = _aligned_head(a), _aligned_head(b)
    log2 = np.maximum(x_log2, y_log2)
    total = _signed(_shifted(x, log2 - x_log2), a.negative)
    total += _signed(_shifted(y, log2 - y_log2), b.negative)
    negative = np.where(total == 0, a.negative & b.negative, total < 0)
    head, place = head_of(np.abs(total))
    pattern = rounded(head, log2 + place - _TOP, negative, config, random)
    return _special_sums(pattern, a, b, config)


def _aligned_head(terms):
    head, log2 = head_of(terms.significand)
    return head >> 1, np.where(head == 0, _NOWHERE, log2 + terms.exponent)


def _shifted(value, places):
    places = np.minimum(places, 63)
    kept = value >> places
    kept |= kept << places != value
    return kept


def _signed(value, negative):
    return np.where(negative, -value, value)


def _special_sums(pattern, a, b, config):
    is_infinite = a.is_infinite | b.is_infinite
    is_nan = a.is_nan | b.is_nan | a.is_infinite & b.is_infinite & (a.negative ^ b.negative)
    negative = np.where(a.is_infinite, a.negative, b.negative)
    return with_specials(pattern, negative, is_nan, is_infinite, config)
