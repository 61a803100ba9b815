"""Bit-exact twin of :mod:`rtl_gen.units.fused_sum`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.config.floats import FusedSumConfig
from models.digital.float_arrays import check_axis, in_chunks, patterns, random_words, storage
from models.digital.float_terms import unpack
from models.digital.fused_terms import rounded_packets


def fused_sum(
    x: ArrayLike, config: FusedSumConfig, random: ArrayLike | None = None
) -> NDArray[np.unsignedinteger]:
    """Sum patterns along the last axis, rounding once.

    The exact form (window 0) rounds the true sum. The windowed form aligns all terms to the
    largest exponent, cuts each one off below the window, and rounds the sum of what is left.

    Parameters
    ----------
    x : array_like of int, shape (..., config.terms)
        Patterns of ``config.format``.
    config : FusedSumConfig
        Terms, window, formats, subnormals, rounding.
    random : array_like of int, optional
        Words of ``config.random_bits`` bits, broadcast to the sums; needed for stochastic
        rounding, else not used.

    Returns
    -------
    ndarray of uint8, uint16 or uint32, shape (...)
        Patterns of ``config.result``.
    """
    x = patterns("x", x, config.format)
    check_axis("x", x, -1, config.terms, config.terms)

    def kernel(x, random=None):
        terms = unpack(np.ascontiguousarray(x.T), config.format, flushed=config.is_flushed)
        return (rounded_packets([terms], 1, config, random),)

    words = random_words(random, config)
    return in_chunks(kernel, [x, *words], [1, *(0 for _ in words)], [storage(config.result)])[0]
