"""Bit-exact twin of :mod:`rtl_gen.units.bf16_add`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.digital.bf16 import from_float32, to_float32


def bf16_add(a: ArrayLike, b: ArrayLike) -> NDArray[np.uint16]:
    """Add BF16 patterns, rounding once to nearest even; ``a`` and ``b`` broadcast.

    Rounding the sum to the 24 bits of float32 first changes nothing: a sum of two 8-bit
    significands that is not exact in 24 bits has operands at least 16 binades apart, so it lies
    within ``2**-8`` BF16 ulp of the larger operand, far from any tie. Sums are multiples of
    2**-133, so no subnormal sum is rounded at all.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return from_float32(to_float32(a) + to_float32(b))
