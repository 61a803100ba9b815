"""What devices are like: bounds, steps and slopes drawn once per crosspoint, for every law."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.config.pulsed import PulsedDeviceConfig

LEAST_BOUND = 0.01  # of the mean bound
GAMMAS = {"constant_step": 0.0, "soft_bounds": 1.0, "soft_bounds_reference": 1.0}

Array = NDArray[np.float64]


class Population(NamedTuple):
    """Arrays of float64 of the shape of the array of devices.

    Parameters
    ----------
    held : ndarray
        Weight of a stuck device, NaN for one that moves.
    lower, upper : ndarray
        Bounds.
    up, down : ndarray
        Magnitudes of the steps at weight 0, 0 of stuck devices.
    gamma_up, gamma_down : ndarray or float
        Linear kinds: share of the step that is lost from weight 0 to the bound of the slope.
    bound_up, bound_down : ndarray or float
        Those bounds.
    """

    held: Array
    lower: Array
    upper: Array
    up: Array
    down: Array
    gamma_up: Array | float
    gamma_down: Array | float
    bound_up: Array | float
    bound_down: Array | float


def draw_population(
    config: PulsedDeviceConfig, shape: tuple[int, ...], rng: Generator
) -> Population:
    """Draw a population of some shape.

    Steps are magnitudes of normal or exponentials of normal draws, bounds are magnitudes of normal
    draws, at least 0.01 of their mean. The number of draws depends on the shape alone, but for
    spreads of the slopes of ``soft_bounds_reference``, which come last.
    """
    xi = rng.standard_normal((6, *shape))
    upper = config.w_max * np.maximum(np.abs(1 + config.w_max_dtod * xi[0]), LEAST_BOUND)
    lower = config.w_min * np.maximum(np.abs(1 + config.w_min_dtod * xi[1]), LEAST_BOUND)
    upper, lower = upper.astype(np.float32), lower.astype(np.float32)
    size, skew = 1 + config.dw_min_dtod * xi[2], config.up_down_dtod * xi[3]
    if config.dw_min_log_normal:
        size = np.exp(config.dw_min_dtod * xi[2])
    stuck, place = rng.random((2, *shape))
    least, most = (np.clip(b, -config.stuck_range, config.stuck_range) for b in (lower, upper))
    held = np.where(stuck < config.stuck_fraction, least + (most - least) * place, np.nan)
    moving = np.isnan(held) * config.dw_min
    up = np.abs(size + min(config.up_down, 0) + skew) * moving
    down = np.abs(size - max(config.up_down, 0) - skew) * moving
    if config.slope_up_dtod or config.slope_down_dtod:
        lower, upper = _moved_bounds(config, lower, upper, rng)
    slopes = _slopes(config, lower, upper, xi[4:])
    return Population(held, lower, upper, up, down, *slopes)


def _moved_bounds(config: PulsedDeviceConfig, lower, upper, rng: Generator):
    """Bounds of ``soft_bounds_reference``, divided by the spreads of the slopes."""
    xi = rng.standard_normal((2, *lower.shape))
    spreads = np.array([config.slope_up_dtod, config.slope_down_dtod])
    slopes = np.maximum(np.abs(1 + spreads.reshape((2,) + (1,) * lower.ndim) * xi), LEAST_BOUND)
    return (lower / slopes[1]).astype(np.float32), (upper / slopes[0]).astype(np.float32)


def _slopes(config: PulsedDeviceConfig, lower, upper, xi):
    """Shares of the steps lost to a bound and those bounds, up and down of each."""
    if config.kind in GAMMAS:
        gamma = GAMMAS[config.kind]
        return gamma, gamma, upper, lower
    gamma_up = np.abs(config.gamma_up + config.gamma_dtod * xi[0])
    gamma_down = np.abs(config.gamma_down + config.gamma_dtod * xi[1])
    if config.mean_bound_reference:
        return gamma_up, gamma_down, config.w_max, config.w_min
    return gamma_up, gamma_down, upper, lower
