"""Populations, read from what pulses do to them."""

from typing import Any

import numpy as np
import pytest

from models.analog.pulsed import draw_pulsed_devices, pulse
from models.config.pulsed import FAST_KINDS, PulsedDeviceConfig
from models.randomness import generator

SURE: dict[str, Any] = {"w_max_dtod": 0.0, "w_min_dtod": 0.0, "cycle_spread": 0.0}


def population(config, shape):
    return draw_pulsed_devices(config, shape, generator(1, "population"))


@pytest.mark.parametrize("kind", FAST_KINDS)
def test_stuck_devices(kind):
    """n = 100,000; places of the stuck are uniform in their own bounds."""
    config, size = PulsedDeviceConfig(kind=kind, stuck_fraction=0.2, gamma_up=0.2), 100_000
    devices, rng = population(config, (size,)), generator(9)
    stuck = ~np.isnan(devices.held)
    assert stuck.mean() == pytest.approx(0.2, abs=5 * np.sqrt(0.16 / size))
    weight = devices.placed(np.zeros(size))
    assert np.array_equal(weight == 0, ~stuck)
    place = ((weight - devices.lower) / (devices.upper - devices.lower))[stuck]
    assert np.allclose(
        np.quantile(place, [0.01, 0.25, 0.5, 0.99]), [0.01, 0.25, 0.5, 0.99], atol=0.02
    )
    before = weight.copy()
    pulse(weight, devices, rng.integers(1, 32, size).astype(np.float32), rng)
    assert np.array_equal(weight == before, stuck)


def test_placing_clips_to_the_own_bounds():
    devices = population(PulsedDeviceConfig(), (3, 4))
    assert np.array_equal(devices.placed(np.full((3, 4), 9.0)), devices.upper)
    assert np.array_equal(devices.placed(np.full((3, 4), -9.0)), devices.lower)


def steps(devices, weight, sign):
    """Change by one pulse at a weight within all bounds."""
    after = np.full(devices.lower.shape, weight, np.float32)
    pulse(after, devices, np.full(after.shape, sign, np.float32), generator(10))
    return after.astype(float) - np.float32(weight)


def test_bounds_are_magnitudes_and_leave_a_hundredth():
    """Of 100,000 bounds with spread 1 0.49 % would be nearer to 0."""
    devices = population(PulsedDeviceConfig(w_max_dtod=1, w_min_dtod=1), (100_000,))
    for bound, mean in ((devices.upper, 0.6), (devices.lower, -0.6)):
        assert (bound / mean).min() == pytest.approx(0.01)
        assert np.mean(bound / mean < 0.0101) == pytest.approx(0.0048, abs=0.001)


@pytest.mark.parametrize("up_down", [-0.3, 0, 0.2])
@pytest.mark.parametrize("kind", FAST_KINDS)
def test_spreads_of_a_population(kind, up_down):
    """n = 100,000, steps read from pulses at 0; 5 standard errors."""
    size = 100_000
    spread: dict[str, Any] = {
        "w_max_dtod": 0.1,
        "w_min_dtod": 0.15,
        "dw_min_dtod": 0.1,
        "up_down_dtod": 0.05,
    }
    config = PulsedDeviceConfig(
        kind=kind, dw_min=0.01, w_max=0.8, up_down=up_down, cycle_spread=0, **spread
    )
    devices = population(config, (size,))
    up, down = steps(devices, 0, 1) / 0.01, -steps(devices, 0, -1) / 0.01
    means = {"up": 1 + min(up_down, 0), "down": 1 - max(up_down, 0), "upper": 0.8, "lower": -0.6}
    spreads = {"up": np.hypot(0.1, 0.05), "down": np.hypot(0.1, 0.05), "upper": 0.08, "lower": 0.09}
    parts = {"up": up, "down": down, "upper": devices.upper, "lower": devices.lower}
    for name, part in parts.items():
        assert part.mean() == pytest.approx(means[name], abs=5 * spreads[name] / np.sqrt(size))
        assert part.std() == pytest.approx(spreads[name], rel=5 / np.sqrt(2 * size))
    others = np.corrcoef([up, devices.upper, devices.lower]) - np.eye(3)
    assert np.all(np.abs(others) <= 5 / np.sqrt(size))
    assert np.cov(up, down)[0, 1] == pytest.approx(0.1**2 - 0.05**2, abs=5 * 0.0125 / np.sqrt(size))


def test_spread_of_the_slopes():
    """n = 100,000: the slope of a step, times w_max over the step at 0, is gamma."""
    size = 100_000
    config = PulsedDeviceConfig(
        kind="linear_step", gamma_up=0.7, gamma_down=0.4, dw_min=0.05, dw_min_dtod=0.1, **SURE
    )
    devices = population(config, (size,))
    for sign, w, gamma, bound in ((1, 0.3, 0.7, 0.6), (-1, -0.3, 0.4, -0.6)):
        found = (1 - steps(devices, w, sign) / steps(devices, 0, sign)) * bound / w
        assert found.mean() == pytest.approx(gamma, abs=5 * 0.05 / np.sqrt(size))
        assert found.std() == pytest.approx(0.05, rel=5 / np.sqrt(2 * size) + 1e-3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "exp_step"}, "kind must be one of constant_step, linear_step, soft_bounds, not "),
        ({"write_noise": 1.0}, "write_noise must be 0 or false here, not 1.0"),
        ({"one_sided": True}, "one_sided must be 0 or false here, not True"),
        ({"reference_std": 0.1}, "reference_std must be 0 or false here, not 0.1"),
        ({"subtract_symmetry_point": True}, "subtract_symmetry_point must be 0 or false here, not"),
        ({"cycle_noise": "additive"}, "cycle_noise must be multiplicative here, not 'additive'"),
    ],
)
def test_what_has_no_law_of_many_pulses(changes, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        population(PulsedDeviceConfig(**changes), (2, 2))
    constant = PulsedDeviceConfig(kind="constant_step", cycle_noise="additive")
    assert population(constant, (2, 2)).config is constant
