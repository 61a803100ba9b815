"""From a population to the arrays of the compiled loops."""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.analog.crosspoint_population import Population, draw_population
from models.analog.crosspoint_pulses import (
    ADDITIVE,
    CELL,
    DOWN,
    DOWN_FORM,
    EXPONENTIAL,
    LINEAR,
    LOWER,
    POWER,
    UP,
    UP_FORM,
    UPPER,
    VISIBLE,
    Points,
)
from models.config.pulsed import PulsedDeviceConfig

Array = NDArray[np.float32]
LAWS = {"exp_step": EXPONENTIAL, "power_step": POWER}


def draw_points(
    config: PulsedDeviceConfig, crosspoints: int, columns: int, rng: Generator
) -> tuple[Population, Points]:
    """Draw devices with weight 0; a stuck one has its weight as both bounds."""
    count = crosspoints * (2 if config.one_sided else 1)
    drawn = draw_population(config, (count,), rng)
    stuck = ~np.isnan(drawn.held)
    cells = np.zeros((count, CELL), np.float32)
    cells[:, LOWER] = np.where(stuck, drawn.held, drawn.lower)
    cells[:, UPPER] = np.where(stuck, drawn.held, drawn.upper)
    cells[:, UP], cells[:, DOWN] = drawn.up, drawn.down
    cells[:, UP_FORM], cells[:, DOWN_FORM] = _forms(config, drawn, rng)
    linear = ADDITIVE if config.cycle_noise == "additive" else LINEAR
    points = Points(
        cells=cells,
        visible=cells[:, VISIBLE],
        coefficients=_coefficients(config),
        cycle=np.float32(config.cycle_spread),
        write=np.float32(config.write_noise * config.dw_min),
        columns=columns,
        second=crosspoints if config.one_sided else 0,
        law=LAWS.get(config.kind, linear),
    )
    return drawn, points


def _coefficients(config: PulsedDeviceConfig) -> tuple[float, ...]:
    c = config
    gains = c.exp_gain_up, c.exp_gain_down, c.exp_rate_up, c.exp_rate_down, c.exp_offset
    sizes = c.exp_std_add, c.exp_std_slope
    return tuple(float(value) for value in (*gains, *sizes, any(sizes)))


def _forms(config: PulsedDeviceConfig, drawn: Population, rng: Generator):
    """Forms of the steps, up and down."""
    if config.kind == "exp_step":
        scale = 2 * config.exp_slope / (drawn.upper.astype(np.float64) - drawn.lower)
        return scale, scale
    if config.kind == "power_step":
        return _exponents(config, len(drawn.up), rng)
    up = -drawn.up * drawn.gamma_up / drawn.bound_up
    below = np.where(drawn.bound_down == 0, -1.0, drawn.bound_down)  # of one-sided pairs: not used
    return up, -drawn.down * drawn.gamma_down / below


def _exponents(config: PulsedDeviceConfig, count: int, rng: Generator):
    xi = rng.standard_normal((2, count))
    size, skew = 1 + config.power_dtod * xi[0], config.power_up_down_dtod * xi[1]
    up = config.power * (size + min(config.power_up_down, 0) + skew)
    down = config.power * (size - max(config.power_up_down, 0) - skew)
    return np.abs(up), np.abs(down)


def _symmetric(drawn: Population) -> NDArray[np.float64]:
    """Symmetry points of soft bounds, 0 of stuck devices."""
    slopes = drawn.up / drawn.upper - drawn.down / drawn.lower
    return (drawn.up - drawn.down) / np.where(slopes > 0, slopes, 1.0)


def draw_reference(
    config: PulsedDeviceConfig, drawn: Population, crosspoints: int, rng: Generator
) -> Array | None:
    """Draw the weights of the reference devices; None if all are 0."""
    if not (config.reference_mean or config.reference_std or config.subtract_symmetry_point):
        return None
    reference = np.full(crosspoints, float(config.reference_mean))
    if config.reference_std:
        reference += config.reference_std * rng.standard_normal(crosspoints)
    if config.subtract_symmetry_point:
        reference += _symmetric(drawn)
    return reference.astype(np.float32)


def draw_rest(config: PulsedDeviceConfig, drawn: Population, rng: Generator) -> Array:
    """Draw the reset weights; with ``subtract_symmetry_point`` they are around that point."""
    rest = np.full(len(drawn.up), float(config.reset))
    if config.reset_dtod:
        rest += config.reset_dtod * rng.standard_normal(len(rest))
    if config.subtract_symmetry_point:
        rest += _symmetric(drawn)
    return rest.astype(np.float32)
