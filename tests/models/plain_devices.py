"""Devices as algorithms.md, section 2.2, has them: one pulse after the other, in float64.

Written apart from models/analog, with numpy's own exp and power; all devices are equal.
"""

from types import SimpleNamespace

import numpy as np

NO_SPREAD = dict.fromkeys(
    (
        *("dw_min_dtod", "w_max_dtod", "w_min_dtod", "up_down_dtod", "gamma_dtod"),
        *("power_dtod", "power_up_down_dtod"),
    ),
    0.0,
)


def sizes(config, w, up):
    """Mean step at ``w``, positive, and the size that scales the cycle-to-cycle noise."""
    c = config
    s = c.dw_min * (1 + min(c.up_down, 0) if up else 1 - max(c.up_down, 0))
    if c.kind == "exp_step":
        z = 2 * w / (c.w_max - c.w_min) * c.exp_slope + c.exp_offset
        gain, rate = (c.exp_gain_up, c.exp_rate_up) if up else (c.exp_gain_down, -c.exp_rate_down)
        step = s * np.maximum(1 - gain * np.exp(rate * z), 0)
        return step, step + c.exp_std_add + c.exp_std_slope * np.abs(w)
    if c.kind == "power_step":
        omega = (c.w_max - w) / (c.w_max - c.w_min)
        skew = min(c.power_up_down, 0) if up else -max(c.power_up_down, 0)
        step = s * np.maximum(omega if up else 1 - omega, 0) ** (c.power * (1 + skew))
        return step, step
    gammas = {"constant_step": (0, 0), "linear_step": (c.gamma_up, c.gamma_down)}
    gamma = gammas.get(c.kind, (1, 1))[0 if up else 1]
    step = s * (1 - gamma * w / (c.w_max if up else c.w_min))
    return step, s + 0 * w if c.cycle_noise == "additive" else step


def pulsed(config, w, up, xi):
    """Weight after one pulse with the draw ``xi``."""
    step, size = sizes(config, w, up)
    if config.kind == "exp_step" and (config.exp_std_add or config.exp_std_slope):
        free = w + (step if up else -step) + config.cycle_spread * size * xi
    else:
        free = w + (1 if up else -1) * (step + config.cycle_spread * size * xi)
    return np.clip(free, config.w_min, config.w_max)


def walk(config, w, ups, rng):
    """Weights after a sequence of pulses, each with draws of its own."""
    for up in ups:
        w = pulsed(config, w, up, rng.standard_normal(len(w)))
    return w


def moments(values):
    """Mean, its standard error, variance and its standard error."""
    off = values - values.mean()
    square, fourth = np.mean(off**2), np.mean(off**4)
    errors = np.sqrt(np.array([square, fourth - square**2]) / len(values))
    return SimpleNamespace(
        mean=values.mean(), mean_error=errors[0], variance=square, variance_error=errors[1]
    )
