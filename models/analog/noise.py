"""Standard normal draws, fast and the same on every machine."""

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
    4.32. More than twice as fast as ``Generator.standard_normal``, and independent of the
    machine's mathematical library.

    Parameters
    ----------
    rng : Generator
        Source of 16 bits per draw.
    shape : tuple of int
        Shape of the result.
    """
    return _table().take(rng.integers(0, QUANTILES, shape, np.uint16))
