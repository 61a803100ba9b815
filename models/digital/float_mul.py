"""Bit-exact twin of :mod:`rtl_gen.units.float_mul`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.config.floats import FloatMulConfig
from models.digital.bf16 import from_float32, to_float32
from models.digital.float_arrays import elementwise, is_plain_bf16, patterns
from models.digital.float_rounding import head_of, rounded, with_specials
from models.digital.float_terms import multiply, unpack


def float_mul(
    a: ArrayLike, b: ArrayLike, config: FloatMulConfig, random: ArrayLike | None = None
) -> NDArray[np.unsignedinteger]:
    """Multiply patterns, rounding once.

    Parameters
    ----------
    a, b : array_like of int
        Patterns of ``config.format``; they broadcast.
    config : FloatMulConfig
        Formats, subnormals, rounding.
    random : array_like of int, optional
        Words of ``config.random_bits`` bits; needed for stochastic rounding, else not used.

    Returns
    -------
    ndarray of uint8, uint16 or uint32
        Patterns of ``config.result``.
    """
    a, b = patterns("a", a, config.format), patterns("b", b, config.format)
    if is_plain_bf16(config):
        return _bf16(a, b)

    def kernel(a, b, random=None):
        a, b = (unpack(x, config.format, flushed=config.is_flushed) for x in (a, b))
        product = multiply(a, b)
        head, log2 = head_of(product.significand)
        log2 += product.exponent
        pattern = rounded(head, log2, product.negative, config, random)
        specials = product.is_nan, product.is_infinite
        return with_specials(pattern, product.negative, *specials, config)

    return elementwise(kernel, [a, b], config, random)


def _bf16(a: NDArray[np.uint16], b: NDArray[np.uint16]) -> NDArray[np.uint16]:
    # The float32 product is exact where it decides a rounding: it has at most 16 significant
    # bits, so from 2**-134, half the smallest BF16 number, upwards it is a multiple of 2**-149
    # and fits float32. Below, float32 may round, but never above 2**-134, and all of that
    # rounds to zero.
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        return from_float32(to_float32(a) * to_float32(b))
