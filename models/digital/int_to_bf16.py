"""Bit-exact twin of :mod:`rtl_gen.units.int_to_bf16`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.digital.bf16 import from_float32

_FLOAT32_EXACT = 2**24


def int_to_bf16(n: ArrayLike) -> NDArray[np.uint16]:
    """Convert integers within ``+-2**47`` to BF16 patterns, rounding once to nearest even."""
    n = np.asarray(n)
    if max(int(n.max(initial=0)), -int(n.min(initial=0))) <= _FLOAT32_EXACT:
        return from_float32(n.astype(np.float32))
    return from_float32(_round_to_8_bits(n.astype(np.float64)).astype(np.float32))


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
