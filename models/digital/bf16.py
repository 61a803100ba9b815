"""BF16 bit patterns and float32 values: how the BF16 twins read and write numbers."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.config.floats import FloatAddConfig, FloatMulConfig, IntToFloatConfig
from models.formats import BF16

BF16_MUL = FloatMulConfig()
BF16_ADD = FloatAddConfig()
INT_TO_BF16 = IntToFloatConfig(int_width=48)
_CANONICAL_NAN = np.uint16(BF16.nan)


def to_float32(pattern: ArrayLike) -> NDArray[np.float32]:
    """Give the values of BF16 patterns, exactly; a new array."""
    bits = np.left_shift(np.asarray(pattern, np.uint16), np.uint32(16), dtype=np.uint32)
    return np.asarray(bits).view(np.float32)


def from_float32(value: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Round float32 values to BF16 patterns, to nearest even; the array given is used up.

    The low 16 bits are rounded away by an integer addition whose carry runs from the mantissa
    through the exponent into infinity; every NaN becomes the canonical one.
    """
    value = np.asarray(value)
    is_nan = np.isnan(value)
    bits = value.view(np.uint32)
    offset = np.asarray(bits >> np.uint32(16))
    np.bitwise_and(offset, np.uint32(1), out=offset)
    np.add(offset, np.uint32(0x7FFF), out=offset)
    np.add(bits, offset, out=bits)
    pattern = np.asarray(np.right_shift(bits, np.uint32(16), out=bits)).astype(np.uint16)
    if is_nan.any():
        np.copyto(pattern, _CANONICAL_NAN, where=is_nan)
    return pattern
