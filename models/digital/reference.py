"""Bit-exact twin of :mod:`rtl_gen.units.reference`."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.config.checks import check_int
from models.config.chopped_units import ReferenceConfig
from models.digital.bf16 import BF16_ADD, BF16_MUL, INT_TO_BF16
from models.digital.float_add import float_add
from models.digital.float_mul import float_mul
from models.digital.int_to_float import int_to_float

SIGN = np.uint16(0x8000)


class Referenced(NamedTuple):
    """What leaves the reference unit, in one broadcast shape.

    ``fixed``: ``difference`` int64, means int32, in ``2**-fraction_bits`` codes. ``bf16``: uint16
    patterns.
    """

    difference: NDArray[Any]
    mean: NDArray[Any]
    past: NDArray[Any]


def reference(
    z: ArrayLike,
    mean: ArrayLike,
    past: ArrayLike,
    fresh: ArrayLike,
    config: ReferenceConfig,
    beta: int,
) -> Referenced:
    """Take the past mean off a code, and move the running mean.

    Parameters
    ----------
    z : array_like of int
        Codes, within ``+-(2**(code_width - 1) - 1)``.
    mean, past : array_like of int
        Running mean and mean of the last chopper period: integers in ``2**-fraction_bits`` codes,
        or BF16 patterns.
    fresh : array_like of bool
        Where the row's chopper has flipped since the last read: the mean becomes the past first.
    config : ReferenceConfig
        Variant and widths.
    beta : int
        Rate of the mean: 0 to 4096 for 0 to 1 (``fixed``), or a BF16 pattern.
    """
    z, fresh = np.asarray(z), np.asarray(fresh, np.bool_)
    if config.variant == "fixed":
        check_int("beta", beta, 0, 2**config.BETA_BITS)
        return _fixed(
            z, np.asarray(mean, np.int64), np.asarray(past, np.int64), fresh, config, beta
        )
    check_int("beta", beta, 0, 0xFFFF)
    return _bf16(z, np.asarray(mean, np.uint16), np.asarray(past, np.uint16), fresh, config, beta)


def plain_difference(z: ArrayLike, config: ReferenceConfig) -> NDArray[Any]:
    """Give codes as the transfer unit takes them without reference: int64, or uint16 patterns."""
    if config.variant == "fixed":
        return np.asarray(z, np.int64) << config.fraction_bits
    return int_to_float(np.asarray(z), INT_TO_BF16)


def _fixed(z, mean, past, fresh, config, beta):
    code = plain_difference(z, config)
    past = np.where(fresh, mean, past)
    half = 1 << (config.BETA_BITS - 1)
    moved = mean + ((code - mean) * beta + half >> config.BETA_BITS)
    shape = np.broadcast_shapes(code.shape, past.shape)
    means = (np.broadcast_to(m, shape).astype(np.int32) for m in (moved, past))
    return Referenced(code - past, *means)


def _bf16(z, mean, past, fresh, config, beta):
    code = plain_difference(z, config)
    past = np.where(fresh, mean, past)
    difference = float_add(code, past ^ SIGN, BF16_ADD)
    gap = float_add(code, mean ^ SIGN, BF16_ADD)
    moved = float_add(mean, float_mul(np.uint16(beta), gap, BF16_MUL), BF16_ADD)
    means = (np.broadcast_to(m, difference.shape).copy() for m in (moved, past))
    return Referenced(difference, *means)
