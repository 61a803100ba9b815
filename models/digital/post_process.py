"""Bit-exact twin of :mod:`rtl_gen.units.post_process`."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.config.units import PostProcessConfig
from models.digital.bf16 import BF16_ADD, BF16_MUL, INT_TO_BF16
from models.digital.float_add import float_add
from models.digital.float_mul import float_mul
from models.digital.int_to_float import int_to_float
from models.digital.relu_mask import relu_mask
from models.digital.requantize import requantize


class PostProcessed(NamedTuple):
    """Everything that leaves the unit for one packet of partial sums."""

    sum: NDArray[np.int64]
    value: NDArray[np.uint16]
    mask: NDArray[np.bool_]
    code: NDArray[np.int16]


def post_process(
    partials: NDArray[np.int64],
    scale: ArrayLike,
    bias: ArrayLike,
    mask: ArrayLike,
    random: ArrayLike | None,
    config: PostProcessConfig,
    *,
    activation: int,
    exponent: int,
    stochastic: bool,
) -> PostProcessed:
    """Sum partial sums, scale, add a bias, activate, requantise.

    Parameters
    ----------
    partials : ndarray of int64, shape (..., k)
        The ``k`` partial sums of each packet.
    scale, bias : array_like of uint16
        BF16 patterns, broadcast to the packets.
    mask : array_like of bool
        Broadcast to the packets; matters for activations 0 and 2.
    random : array_like of int, optional
        Random words as in :func:`models.digital.requantize.requantize`.
    config : PostProcessConfig
        Widths; the sum wraps at ``config.sum_width``.
    activation : int
        Mode of :func:`models.digital.relu_mask.relu_mask`.
    exponent : int
        Exponent of the code's LSB.
    stochastic : bool
        Kind of rounding to the code.

    Returns
    -------
    PostProcessed
        Sum, BF16 value after the activation, mask of the activation, code.
    """
    total = _wrapped_sum(partials, config.sum_width)
    product = float_mul(int_to_float(total, INT_TO_BF16), scale, BF16_MUL)
    value, mask = relu_mask(float_add(product, bias, BF16_ADD), mask, activation)
    code = requantize(
        value, config.requantize, exponent=exponent, stochastic=stochastic, random=random
    )
    return PostProcessed(total, value, mask, code)


def _wrapped_sum(partials: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    # int64 addition wraps at 2**64, a multiple of 2**width
    total = partials[..., 0] if partials.shape[-1] == 1 else partials.sum(axis=-1)
    limit = 2 ** (width - 1)
    if int(total.max(initial=0)) < limit and int(total.min(initial=0)) >= -limit:
        return total
    unused = np.int64(64 - width)
    return total << unused >> unused
