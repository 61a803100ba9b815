"""Bit-exact twin of :mod:`rtl_gen.units.float_add`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.config.floats import FloatAddConfig
from models.digital.bf16 import from_float32, to_float32
from models.digital.float_arrays import elementwise, is_plain_bf16, patterns
from models.digital.float_pair import rounded_sum
from models.digital.float_terms import unpack


def float_add(
    a: ArrayLike, b: ArrayLike, config: FloatAddConfig, random: ArrayLike | None = None
) -> NDArray[np.unsignedinteger]:
    """Add patterns, rounding once.

    Parameters
    ----------
    a, b : array_like of int
        Patterns of ``config.format``; they broadcast.
    config : FloatAddConfig
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
        return rounded_sum(a, b, config, random)

    return elementwise(kernel, [a, b], config, random)


def _bf16(a: NDArray[np.uint16], b: NDArray[np.uint16]) -> NDArray[np.uint16]:
    # Rounding the sum to the 24 bits of float32 first changes nothing: a sum of two 8-bit
    # significands that is not exact in 24 bits has operands at least 16 binades apart, so it
    # lies within 2**-8 BF16 ulp of the larger operand, far from any tie. Sums are multiples of
    # 2**-133, so no subnormal sum is rounded at all.
    with np.errstate(over="ignore", invalid="ignore"):
        return from_float32(to_float32(a) + to_float32(b))
