"""Bit-exact twin of :mod:`rtl_gen.units.int_to_float`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.config.floats import FloatConvertConfig, IntToFloatConfig
from models.digital.bf16 import from_float32
from models.digital.float_arrays import check_range, elementwise
from models.digital.float_rounding import HEAD_BITS, head_of, rounded
from models.formats import BF16

_FLOAT32_EXACT = 2**24
_FLOAT64_EXACT_WIDTH = 54  # signed width whose every integer float64 holds


def int_to_float(
    value: ArrayLike, config: IntToFloatConfig, random: ArrayLike | None = None
) -> NDArray[np.unsignedinteger]:
    """Convert signed integers to patterns, rounding once; zero is +0.

    Parameters
    ----------
    value : array_like of int
        Integers of ``config.int_width`` bits.
    config : IntToFloatConfig
        Width, format, rounding.
    random : array_like of int, optional
        Words of ``config.random_bits`` bits; needed for stochastic rounding, else not used.

    Returns
    -------
    ndarray of uint8, uint16 or uint32
        Patterns of ``config.result``.
    """
    value = np.asarray(value)
    limit = 2 ** (config.int_width - 1)
    low, high = check_range("value", value, -limit, limit - 1)
    is_narrow = config.int_width <= _FLOAT64_EXACT_WIDTH
    if is_narrow and config.result == BF16 and config.rounding == "nearest_even":
        return _bf16(value, max(-low, high))
    unit = FloatConvertConfig(
        result=config.result, rounding=config.rounding, random_bits=config.random_bits
    )

    def kernel(value, random=None):
        head, log2 = _heads(np.abs(value))
        return rounded(head, log2, value < 0, unit, random)

    return elementwise(kernel, [value.astype(np.int64, copy=False)], config, random)


def _heads(magnitude: NDArray[np.int64]) -> tuple[NDArray, NDArray]:
    # np.abs leaves -2**63 as it is, and that read as unsigned is its magnitude.
    unsigned = magnitude.view(np.uint64)
    is_long = unsigned >= 2**HEAD_BITS
    cut = unsigned >> np.uint64(4) | (unsigned & np.uint64(15) != 0)
    head, log2 = head_of(np.where(is_long, cut, unsigned).view(np.int64))
    return head, log2 + 4 * is_long


def _bf16(value: NDArray[np.integer], largest: int) -> NDArray[np.uint16]:
    if largest <= _FLOAT32_EXACT:
        return from_float32(value.astype(np.float32))
    return from_float32(_round_to_8_bits(value.astype(np.float64)).astype(np.float32))


def _round_to_8_bits(value: NDArray[np.float64]) -> NDArray[np.float64]:
    # float64 holds the integers exactly; 45 of its 52 mantissa bits are rounded away by an
    # integer addition that carries into the exponent. What is left fits float32 exactly.
    bits = value.view(np.uint64)
    offset = bits >> np.uint64(45)
    offset &= np.uint64(1)
    offset += np.uint64(2**44 - 1)
    bits = bits + offset
    bits &= np.uint64(2**64 - 2**45)
    return bits.view(np.float64)
