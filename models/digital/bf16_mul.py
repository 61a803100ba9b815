"""Bit-exact twin of :mod:`rtl_gen.units.bf16_mul`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.digital.bf16 import from_float32, to_float32


def bf16_mul(a: ArrayLike, b: ArrayLike) -> NDArray[np.uint16]:
    """Multiply BF16 patterns, rounding once to nearest even; ``a`` and ``b`` broadcast.

    The float32 product is exact where it decides a rounding: it has at most 16 significant bits,
    so from 2**-134, half the smallest BF16 number, upwards it is a multiple of 2**-149 and fits
    float32. Below, float32 may round, but never above 2**-134, and all of that rounds to zero.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return from_float32(to_float32(a) * to_float32(b))
