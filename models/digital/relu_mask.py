"""Bit-exact twin of :mod:`rtl_gen.units.relu_mask`."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.config.checks import check_int

PASS, RELU, MASK = range(3)


class Activated(NamedTuple):
    """Values after the activation and the mask of its derivative."""

    value: NDArray[np.uint16]
    mask: NDArray[np.bool_]


def relu_mask(value: ArrayLike, mask: ArrayLike, mode: int) -> Activated:
    """Pass, rectify or mask BF16 patterns.

    Parameters
    ----------
    value : array_like of uint16
        BF16 patterns.
    mask : array_like of bool
        One bit per value.
    mode : int
        0 passes both. 1 turns values with the sign bit set into +0; the mask becomes 1 where the
        result is not zero. 2 turns values whose mask is 0 into +0 and passes the mask.

    Returns
    -------
    Activated
        Value and mask, in the shape of ``value``.
    """
    check_int("mode", mode, PASS, MASK)
    value = np.asarray(value, np.uint16)
    if mode == RELU:
        rectified = np.asarray(np.maximum(value.view(np.int16), np.int16(0))).view(np.uint16)
        return Activated(rectified, np.asarray(rectified != 0))
    mask = np.broadcast_to(np.asarray(mask, np.bool_), value.shape)
    return Activated(np.asarray(value * mask) if mode == MASK else value, mask)
