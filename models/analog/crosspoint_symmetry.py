"""Where up and down pulses cancel, and how large they are at weight 0."""

from dataclasses import replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from models.analog.crosspoint_draws import draw_points
from models.analog.crosspoint_pulses import (
    ADDITIVE,
    DOWN,
    DOWN_FORM,
    HIDDEN,
    LOWER,
    UP,
    UP_FORM,
    UPPER,
    Points,
    apply_pulses,
)
from models.config.pulsed import PulsedDeviceConfig
from models.randomness import generator

HALVINGS = 40  # of the range of a device: float32 has 24 bits
EVEN = dict.fromkeys(
    (
        *("dw_min_dtod", "w_max_dtod", "w_min_dtod", "up_down_dtod", "gamma_dtod"),
        *("slope_up_dtod", "slope_down_dtod", "power_dtod", "power_up_down_dtod"),
        *("cycle_spread", "write_noise", "stuck_fraction"),
    ),
    0.0,
)


def _moved(points: Points, weight: NDArray[np.floating], up: int) -> NDArray[np.float64]:
    """Change of every device at ``weight`` by one pulse without noise."""
    cells = points.cells.copy()
    cells[:, HIDDEN] = weight
    quiet = points._replace(cells=cells, visible=points.visible.copy(), cycle=np.float32(0))
    none = np.zeros(len(cells), np.float32)
    places, ups = np.arange(len(cells)), np.full(len(cells), up, np.uint8)
    apply_pulses(quiet, places, ups, none, none)
    return cells[:, HIDDEN].astype(np.float64) - np.asarray(weight, np.float32)


def symmetry_point(points: Points) -> NDArray[np.float32]:
    """Weight of each device at which its up and down steps are equal; NaN if there is none.

    Raises
    ------
    ValueError
        For one-sided pairs, which take no down pulses.
    """
    if points.second:
        raise ValueError("one_sided must be false for a symmetry point, not True")
    cells = points.cells.astype(np.float64)
    lower, upper = cells[:, LOWER], cells[:, UPPER]
    if points.law <= ADDITIVE:
        slopes = cells[:, DOWN_FORM] - cells[:, UP_FORM]
        with np.errstate(divide="ignore", invalid="ignore"):
            found = (cells[:, UP] - cells[:, DOWN]) / slopes
        return np.where((found >= lower) & (found <= upper), found, np.nan).astype(np.float32)
    for _ in range(HALVINGS):
        middle = (lower + upper) / 2
        rises = _moved(points, middle, 1) + _moved(points, middle, 0) > 0
        lower, upper = np.where(rises, middle, lower), np.where(rises, upper, middle)
    inside = (lower > cells[:, LOWER]) & (upper < cells[:, UPPER])
    return np.where(inside, lower, np.nan).astype(np.float32)


@cache
def mean_step(config: PulsedDeviceConfig) -> float:
    """Step of a mean device at weight 0: the unit of learning rates, aihwkit's "granularity".

    ``dw_min`` of linear kinds. Of the others the mean of up and down, of pairs the step up; aihwkit
    takes the down step of ``exp_step`` alone and ignores the bounds of ``power_step``.
    """
    if config.kind not in ("exp_step", "power_step"):
        return config.dw_min
    _, points = draw_points(replace(config, **EVEN), 1, 1, generator(0, "mean step"))
    up = float(_moved(points, np.zeros(len(points.cells)), 1)[0])
    return up if config.one_sided else (up - float(_moved(points, np.zeros(1), 0)[0])) / 2
