"""Every kind's law, held against a plain one: with the same draws, and in its statistics."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.analog.crosspoint_pulses import apply_pulses
from models.analog.crosspoints import draw_crosspoints
from models.config.pulsed import PulsedDeviceConfig
from models.config.pulsed_presets import PULSED_DEVICES
from models.randomness import generator
from tests.models.plain_devices import NO_SPREAD, moments, pulsed, sizes, walk

N = 100_000
SIGMAS = 5.5  # of some 200 comparisons none is expected beyond (4e-8 each)
SAME = PulsedDeviceConfig(dw_min=0.02, w_max=0.6, w_min=-0.5, up_down=-0.2, **NO_SPREAD)
PCM = PULSED_DEVICES["pcm"]
LAWS: dict[str, dict[str, Any]] = {
    "constant": {"kind": "constant_step"},
    "linear": {"kind": "linear_step", "gamma_up": 0.7, "gamma_down": 1.6},
    "linear additive": {"kind": "linear_step", "gamma_up": 0.7, "cycle_noise": "additive"},
    "soft": {"kind": "soft_bounds"},
    "soft additive": {"kind": "soft_bounds", "cycle_noise": "additive"},
    "reference": {"kind": "soft_bounds_reference", "cycle_noise": "additive", "cycle_spread": 1.5},
    "exponential": {"kind": "exp_step", "up_down": 0.1},
    "reram": {
        **{"kind": "exp_step", "exp_gain_up": -1.18, "exp_gain_down": -0.08, "exp_slope": -0.5},
        **{"exp_rate_up": 5.0, "exp_rate_down": 5.0, "exp_offset": -0.5, "cycle_spread": 2.0},
    },
    "complex": {"kind": "exp_step", "exp_std_add": 0.01, "exp_std_slope": 0.05},
    "power": {"kind": "power_step", "power": 1.7, "power_up_down": 0.3},
    "root": {"kind": "power_step", "power": 0.4, "power_up_down": -0.2},
}


def law(name, **changes):
    return replace(SAME, **(LAWS[name] | changes))


def crosspoints(config, count):
    return draw_crosspoints(config, (1, count), generator(1, "population"))


def once(points, ups, rng):
    """One pulse on every crosspoint."""
    places = np.arange(points.shape[1])
    apply_pulses(points.points, places, ups, *points.draws(len(places), rng))


@pytest.mark.parametrize("name", LAWS)
def test_a_pulse_with_its_draw_is_that_of_the_plain_law(name):
    """5,000 weights from bound to bound; float32 rounds w, the step and their sum: 3 ulp of 0.6."""
    config, rng = law(name), generator(2, name)
    points = crosspoints(config, 5000)
    start = np.linspace(config.w_min, config.w_max, 5000).astype(np.float32)
    points.placed(start[None])
    ups = rng.integers(0, 2, 5000).astype(np.uint8)
    draws, none = points.draws(5000, rng)
    apply_pulses(points.points, np.arange(5000), ups, draws, none)
    up, xi = start.astype(float), draws.astype(float)
    wanted = np.where(ups, pulsed(config, up, True, xi), pulsed(config, up, False, xi))
    assert points.seen[0] == pytest.approx(wanted, abs=3 * 6e-8)
    assert np.abs(wanted - start).max() > 0.02


@pytest.mark.parametrize("name", LAWS)
def test_mean_and_variance_of_pulses_up_and_down(name):
    """n = 100,000: 1, 7 and 31 up and then 31 down; float32 adds at most half an ulp a pulse."""
    config, rng = law(name), generator(3, name)
    points = crosspoints(config, N)
    plain, done = np.zeros(N), 0
    for count, up in ((1, 1), (7, 1), (31, 1), (62, 0)):
        for _ in range(count - done):
            once(points, np.full(N, up, np.uint8), rng)
        plain = walk(config, plain, [up] * (count - done), rng)
        done = count
        found, wanted = moments(points.seen[0].astype(float)), moments(plain)
        error = np.hypot(found.mean_error, wanted.mean_error)
        assert found.mean == pytest.approx(wanted.mean, abs=SIGMAS * error + count * 3e-8)
        error = np.hypot(found.variance_error, wanted.variance_error)
        assert found.variance == pytest.approx(wanted.variance, abs=SIGMAS * error + 1e-9)


@pytest.mark.parametrize("name", LAWS)
def test_response_curve(name):
    """n = 1,000: from the lower bound 240 pulses up, then 240 down; means of every 40th."""
    config, rng, size = law(name, dw_min=0.01), generator(4, name), 1000
    points = crosspoints(config, size)
    points.placed(np.full((1, size), config.w_min))
    plain, curve = np.full(size, config.w_min), []
    for up in (1, 0):
        for _ in range(6):
            for _ in range(40):
                once(points, np.full(size, up, np.uint8), rng)
            plain = walk(config, plain, [up] * 40, rng)
            found, wanted = moments(points.seen[0].astype(float)), moments(plain)
            error = np.hypot(found.mean_error, wanted.mean_error)
            assert found.mean == pytest.approx(wanted.mean, abs=SIGMAS * error + 1e-5)
            curve.append(found.mean)
    assert max(curve) - min(curve) > 0.3


@pytest.mark.parametrize("name", ["soft", "reference", "reram", "power"])
def test_pairs_of_pulses_lead_to_a_stationary_distribution(name):
    """n = 20,000, 150 pulses up and down in turn, other starts: mean and variance of the plain."""
    config, rng, size = law(name, dw_min=0.05, up_down=0.1), generator(5, name), 20_000
    points = crosspoints(config, size)
    points.placed(np.full((1, size), 0.4))
    plain = walk(config, np.zeros(size), [1, 0] * 150, rng)
    for up in [1, 0] * 150:
        once(points, np.full(size, up, np.uint8), rng)
    found, wanted = moments(points.seen[0].astype(float)), moments(plain)
    error = np.hypot(found.mean_error, wanted.mean_error)
    assert found.mean == pytest.approx(wanted.mean, abs=SIGMAS * error)
    error = np.hypot(found.variance_error, wanted.variance_error)
    assert found.variance == pytest.approx(wanted.variance, abs=SIGMAS * error)
    step = sizes(config, 0.0, True)[0]
    assert abs(points.symmetry_point()[0, 0] - found.mean) < step


def test_the_stationary_variance_of_additive_noise_is_its_formula():
    """n = 100,000; nothing reaches a bound, so pulses are a first-order recursion.

    Up takes v to (1 - a) v + s (1 + sigma xi), a = s / w_max, down likewise with b. After a down
    pulse the mean m solves m = (1 - b) ((1 - a) m + s) - s, the variance V = (1 - b)^2 ((1 - a)^2
    V + (s sigma)^2) + (s sigma)^2. 5 standard errors: 1.6 % of m's spread, 2.3 % of V.
    """
    config = replace(law("reference", cycle_spread=0.7), dw_min=0.03, up_down=0.0)
    points, rng = crosspoints(config, N), generator(6)
    a, b, noise = 0.03 / 0.6, 0.03 / 0.5, 0.03 * 0.7
    for up in [1, 0] * 60:
        once(points, np.full(N, up, np.uint8), rng)
    keep = (1 - a) * (1 - b)
    mean = ((1 - b) * 0.03 - 0.03) / (1 - keep)
    variance = noise**2 * (1 + (1 - b) ** 2) / (1 - keep**2)
    assert points.seen.mean() == pytest.approx(mean, abs=5 * np.sqrt(variance / N))
    assert points.seen.astype(float).var() == pytest.approx(variance, rel=5 * np.sqrt(2 / N))


@pytest.mark.parametrize("name", sorted(set(LAWS) - {"constant"}))
def test_at_the_symmetry_point_both_steps_are_equal(name):
    config = law(name)
    points = crosspoints(config, 3)
    found = points.symmetry_point().astype(float)
    up, down = sizes(config, found, True)[0], sizes(config, found, False)[0]
    assert up == pytest.approx(down, rel=1e-5)
    assert np.all(up > 1e-4)


def test_where_there_is_no_symmetry_point():
    assert np.isnan(crosspoints(law("constant"), 2).symmetry_point()).all()
    steep = law("linear", gamma_up=0.1, gamma_down=0.1, up_down=-0.9)
    assert np.isnan(crosspoints(steep, 2).symmetry_point()).all()
    weak = law("power", up_down=-1.0)
    assert np.isnan(crosspoints(weak, 2).symmetry_point()).all()
    with pytest.raises(
        ValueError, match=r"^one_sided must be false for a symmetry point, not True$"
    ):
        crosspoints(PCM, 2).symmetry_point()
