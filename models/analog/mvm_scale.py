"""Noise management: by what the inputs of each vector are divided."""

import numpy as np
from numpy.typing import NDArray

from models.analog.mvm_kernels import largest_magnitudes
from models.compiled import compiled
from models.config.mvm import MvmConfig

Array = NDArray[np.float32]


def scales(x: Array, config: MvmConfig, average: float | None) -> tuple[Array, float | None]:
    """Divisors of some vectors, 0 for vectors of zeros, and the running mean after them.

    Parameters
    ----------
    x : ndarray of float32, shape (n, driven)
        Vectors, in the order in which they are seen.
    config : MvmConfig
        Noise management.
    average : float or None
        Running mean of the largest magnitudes before; None at the very start, where the first
        vector gives it. Only ``average_abs_max`` changes it; vectors of zeros do not.
    """
    largest = _largest(x)
    kind = config.noise_management
    if kind == "abs_max":
        return _limited(largest, config), average
    if kind == "abs_max_np_sum":
        return np_sum(x, config), average
    if kind == "average_abs_max":
        start = -1.0 if average is None else average
        found, after = np.empty_like(largest), np.empty(1)
        running_mean(largest, start, config.average_decay, found, after)
        return found, None if after[0] < 0 else float(after[0])
    constant = config.constant if kind == "constant" else 1.0
    return np.where(largest > 0, np.float32(constant), np.float32(0)), average


def _largest(x: Array) -> Array:
    found = np.empty(len(x), np.float32)
    largest_magnitudes(x.view(np.int32), found.view(np.int32))
    return found


def _limited(largest: Array, config: MvmConfig) -> Array:
    return np.minimum(largest, np.float32(config.constant or np.inf))


def np_sum(x: Array, config: MvmConfig) -> Array:
    """Scale at which ``assumed_weight`` everywhere would not saturate, but at least abs-max.

    The larger of the sums of the positive and of the negative inputs counts. With
    ``coarsest_step`` it exceeds abs-max by no more than bound management may.
    """
    largest = _limited(_largest(x), config)
    total = np.empty(len(x))
    larger_sums(x, total)
    needed = total * (config.assumed_weight / config.output_bound)
    if config.coarsest_step and config.dac_bits:
        most = config.coarsest_step / config.relative_step
        needed = np.minimum(needed, largest.astype(np.float64) * most)
    return np.maximum(largest, needed.astype(np.float32))


@compiled
def running_mean(largest, start, decay, means, after):
    """Write the exponential mean after each vector, in float64; 0 for vectors of zeros.

    ``start`` below 0 stands for no mean yet; ``after`` (one element) gets the last mean.
    """
    mean = start
    for vector in range(len(largest)):
        value = np.float64(largest[vector])
        if value == 0.0:
            means[vector] = 0
            continue
        mean = value if mean < 0.0 else mean * (1.0 - decay) + decay * value
        means[vector] = np.float32(mean)
    after[0] = mean


@compiled
def larger_sums(x, total):
    """Write the sum of the positive or of the negative inputs of each vector, whichever is larger.

    Magnitudes, float64, in the order of the lines.
    """
    for vector in range(x.shape[0]):
        up, down = 0.0, 0.0
        for line in range(x.shape[1]):
            value = np.float64(x[vector, line])
            up += max(value, 0.0)
            down -= min(value, 0.0)
        total[vector] = max(up, down)
