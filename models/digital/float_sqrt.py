"""Bit-exact twin of :mod:`rtl_gen.units.float_sqrt`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.digital.bf16 import from_float32, to_float32
from models.digital.float_arrays import patterns
from models.formats import BF16


def float_sqrt(value: ArrayLike) -> NDArray[np.uint16]:
    """Give square roots of BF16 patterns, rounded once to nearest even.

    Subnormals are kept. A zero keeps its sign; a negative number or a NaN gives the canonical
    NaN.

    Parameters
    ----------
    value : array_like of int
        BF16 patterns.
    """
    # A root is never half way between BF16 numbers: the square of a significand of 9 bits that
    # ends in 1 needs more than 8. It is at least 2**-18 of itself away from that: float32 is
    # closer.
    with np.errstate(invalid="ignore"):
        return from_float32(np.sqrt(to_float32(patterns("value", value, BF16))))
