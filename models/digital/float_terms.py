"""Patterns as exact terms: a sign, an integer and a power of two."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.formats import FloatFormat


class Terms(NamedTuple):
    """Numbers ``(-1)**negative * significand * 2**exponent``.

    The significand of specials says nothing but that they are not zero.
    """

    negative: NDArray[np.bool_]
    significand: NDArray[np.int64]
    exponent: NDArray[np.int64]
    is_nan: NDArray[np.bool_]
    is_infinite: NDArray[np.bool_]


def unpack(pattern: NDArray, number_format: FloatFormat, *, flushed: bool) -> Terms:
    """Exact terms of patterns; ``flushed``: subnormals become zeros of their sign.

    A subnormal or zero has the exponent of the smallest normal number, and so have specials.
    """
    places = number_format.mantissa_bits
    bits = pattern.astype(np.int64)
    magnitude = bits & 2 ** (number_format.width - 1) - 1
    field = magnitude >> places
    hidden = np.minimum(field, 1)
    significand = (magnitude & 2**places - 1) | hidden << places
    if flushed:
        significand *= hidden
    lowest = 1 - number_format.bias - places
    exponent = field - hidden
    exponent += lowest
    is_special = magnitude > number_format.largest
    is_infinite = magnitude == (-1 if number_format.infinity is None else number_format.infinity)
    if is_special.any():  # they must not stand beyond the largest number
        exponent[is_special] = lowest
    return Terms(bits != magnitude, significand, exponent, is_special & ~is_infinite, is_infinite)


def multiply(a: Terms, b: Terms) -> Terms:
    """Exact products of terms of at most 31 bits each; an infinity times zero is a NaN."""
    significand = a.significand * b.significand
    is_infinite = a.is_infinite | b.is_infinite
    is_nan = a.is_nan | b.is_nan | is_infinite & (significand == 0)
    return Terms(
        a.negative ^ b.negative, significand, a.exponent + b.exponent, is_nan, is_infinite & ~is_nan
    )
