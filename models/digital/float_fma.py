"""Bit-exact twin of :mod:`rtl_gen.units.float_fma`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.config.floats import FloatFmaConfig
from models.digital.float_arrays import elementwise, patterns
from models.digital.float_pair import rounded_sum
from models.digital.float_terms import multiply, unpack


def float_fma(
    a: ArrayLike,
    b: ArrayLike,
    c: ArrayLike,
    config: FloatFmaConfig,
    random: ArrayLike | None = None,
) -> NDArray[np.unsignedinteger]:
    """Give ``a * b + c``, rounded once.

    Parameters
    ----------
    a, b : array_like of int
        Patterns of ``config.format``; all three broadcast.
    c : array_like of int
        Patterns of ``config.addend``.
    config : FloatFmaConfig
        Formats, subnormals, rounding.
    random : array_like of int, optional
        Words of ``config.random_bits`` bits; needed for stochastic rounding, else not used.

    Returns
    -------
    ndarray of uint8, uint16 or uint32
        Patterns of ``config.result``.
    """
    formats = config.format, config.format, config.addend
    operands = [patterns(*item) for item in zip("abc", (a, b, c), formats, strict=True)]

    def kernel(a, b, c, random=None):
        items = zip((a, b, c), formats, strict=True)
        a, b, c = (unpack(x, kind, flushed=config.is_flushed) for x, kind in items)
        return rounded_sum(multiply(a, b), c, config, random)

    return elementwise(kernel, operands, config, random)
