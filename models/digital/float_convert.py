"""Bit-exact twin of :mod:`rtl_gen.units.float_convert`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.config.floats import FloatConvertConfig
from models.digital.float_arrays import elementwise, patterns
from models.digital.float_rounding import head_of, rounded, with_specials
from models.digital.float_terms import unpack


def float_convert(
    value: ArrayLike, config: FloatConvertConfig, random: ArrayLike | None = None
) -> NDArray[np.unsignedinteger]:
    """Convert patterns of ``config.format`` to ``config.result``, rounding once.

    Parameters
    ----------
    value : array_like of int
        Patterns of ``config.format``.
    config : FloatConvertConfig
        Formats, subnormals, rounding.
    random : array_like of int, optional
        Words of ``config.random_bits`` bits; needed for stochastic rounding, else not used.

    Returns
    -------
    ndarray of uint8, uint16 or uint32
        Patterns of ``config.result``.
    """

    def kernel(value, random=None):
        term = unpack(value, config.format, flushed=config.is_flushed)
        head, log2 = head_of(term.significand)
        log2 += term.exponent
        pattern = rounded(head, log2, term.negative, config, random)
        return with_specials(pattern, term.negative, term.is_nan, term.is_infinite, config)

    return elementwise(kernel, [patterns("value", value, config.format)], config, random)
