"""Bit-exact twin of :mod:`rtl_gen.units.fused_dot`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.config.floats import FusedDotConfig
from models.digital.float_arrays import check_axis, in_chunks, patterns, random_words, storage
from models.digital.float_terms import Terms, multiply, unpack
from models.digital.fused_terms import rounded_packets


def fused_dot(
    a: ArrayLike, b: ArrayLike, config: FusedDotConfig, random: ArrayLike | None = None
) -> NDArray[np.unsignedinteger]:
    """Sum products of patterns along the last axis, rounding once; products are exact.

    The exact form (window 0) rounds the true sum. The windowed form aligns the products of a
    beat to the largest exponent and cuts each one off below the window; between beats the sum
    is carried with its exponent, and whichever of the two is smaller is shifted right, rounded
    down.

    Parameters
    ----------
    a, b : array_like of int, shape (..., config.terms) or (..., k, config.terms)
        Patterns of ``config.format``; leading axes broadcast. With ``config.beats > 1`` a packet
        has ``k`` beats, 1 to ``config.beats``.
    config : FusedDotConfig
        Terms, beats, window, formats, subnormals, rounding.
    random : array_like of int, optional
        Words of ``config.random_bits`` bits, broadcast to the sums; needed for stochastic
        rounding, else not used.

    Returns
    -------
    ndarray of uint8, uint16 or uint32, shape (...)
        Patterns of ``config.result``.
    """
    a, b = _beats("a", a, config), _beats("b", b, config)
    count = a.shape[-2]
    check_axis("b", b, -2, count, count)

    def kernel(a, b, random=None):
        beats = (_products(a[:, beat], b[:, beat], config) for beat in range(count))
        return (rounded_packets(beats, count, config, random),)

    words = random_words(random, config)
    return in_chunks(kernel, [a, b, *words], [2, 2, *(0 for _ in words)], [storage(config.result)])[
        0
    ]


def _beats(name: str, value: ArrayLike, config: FusedDotConfig) -> NDArray:
    value = patterns(name, value, config.format)
    check_axis(name, value, -1, config.terms, config.terms)
    if config.beats == 1:
        return value[..., None, :]
    check_axis(name, value, -2, 1, config.beats)
    return value


def _products(a: NDArray, b: NDArray, config: FusedDotConfig) -> Terms:
    sides = (np.ascontiguousarray(side.T) for side in (a, b))
    sides = (unpack(side, config.format, flushed=config.is_flushed) for side in sides)
    products = multiply(*sides)
    if not config.window:
        return products
    # In a window a product that is zero stands below all others.
    exponent = np.where(products.significand == 0, config.lsb_exponent, products.exponent)
    return products._replace(exponent=exponent)
