"""Bit-exact twin of :mod:`rtl_gen.units.float_compare`."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.config.floats import FloatCompareConfig
from models.digital.float_arrays import in_chunks, patterns, storage


class Compared(NamedTuple):
    """Order of two numbers, the larger and the smaller one."""

    less: NDArray[np.bool_]
    equal: NDArray[np.bool_]
    unordered: NDArray[np.bool_]
    maximum: NDArray[np.unsignedinteger]
    minimum: NDArray[np.unsignedinteger]


def float_compare(a: ArrayLike, b: ArrayLike, config: FloatCompareConfig) -> Compared:
    """Compare patterns of ``config.format``; they broadcast.

    -0 equals +0, but the maximum of the two is +0 and the minimum -0. With a NaN the pair is
    unordered, and maximum and minimum are the canonical NaN. Flushed subnormals come out as
    zeros of their sign.
    """
    operands = patterns("a", a, config.format), patterns("b", b, config.format)
    kind = storage(config.format)

    def kernel(a, b):
        return _compare(_flushed(a, config), _flushed(b, config), config)

    return Compared(*in_chunks(kernel, operands, [0, 0], [bool, bool, bool, kind, kind]))


def _flushed(pattern, config):
    pattern = pattern.astype(np.int64)
    if not config.is_flushed:
        return pattern
    sign = 2 ** (config.format.width - 1)
    is_small = pattern & sign - 1 < 2**config.format.mantissa_bits
    return np.where(is_small, pattern & sign, pattern)


def _compare(a, b, config):
    (a_key, a_zero, a_nan), (b_key, b_zero, b_nan) = _key(a, config), _key(b, config)
    unordered, zeros = a_nan | b_nan, a_zero & b_zero
    equal = ((a == b) | zeros) & ~unordered
    less = a_key < b_key
    nan = config.format.nan
    maximum = np.where(unordered, nan, np.where(less, b, a))
    minimum = np.where(unordered, nan, np.where(less, a, b))
    return less & ~zeros & ~unordered, equal, unordered, maximum, minimum


def _key(pattern, config):
    """Integers in the order of the numbers with -0 below +0, zeros, NaNs."""
    sign = 2 ** (config.format.width - 1)
    magnitude = pattern & sign - 1
    key = np.where(pattern >= sign, ~magnitude, magnitude)
    top = config.format.largest if config.format.infinity is None else config.format.infinity
    return key, magnitude == 0, magnitude > top
