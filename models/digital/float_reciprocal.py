"""Bit-exact twin of :mod:`rtl_gen.units.float_reciprocal`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.digital.bf16 import from_float32, to_float32
from models.digital.float_arrays import patterns
from models.formats import BF16


def float_reciprocal(value: ArrayLike) -> NDArray[np.uint16]:
    """Give ``1 / value`` of BF16 patterns, rounded once to nearest even.

    Subnormals are kept. A zero gives the infinity of its sign and the other way round; a NaN
    gives the canonical one.

    Parameters
    ----------
    value : array_like of int
        BF16 patterns.
    """
    # A tie of BF16 quotients is no float32 rounding of anything else: the quotient of two
    # significands of 8 bits is a tie or at least 2**-18 of itself away from one.
    with np.errstate(all="ignore"):
        return from_float32(np.float32(1) / to_float32(patterns("value", value, BF16)))
