"""Decay, diffusion, drift, reset, and the refresh of one-sided pairs."""

from dataclasses import replace

import numpy as np
import pytest

from models.analog.crosspoint_pulses import HIDDEN, apply_pulses
from models.analog.crosspoint_symmetry import mean_step
from models.analog.crosspoints import draw_crosspoints
from models.config.pulsed import PulsedDeviceConfig
from models.config.pulsed_presets import PULSED_DEVICES
from models.randomness import generator
from tests.models.plain_devices import NO_SPREAD

N = 100_000
PLAIN = PulsedDeviceConfig(w_max=9.0, w_min=-9.0, **NO_SPREAD)
PCM = PULSED_DEVICES["pcm"]


def crosspoints(config, shape=(1, N), start=0.0):
    points = draw_crosspoints(config, shape, generator(1, "population"))
    points.placed(np.full(shape, start))
    return points


def test_decay_is_geometric_towards_the_reset_weight():
    points = crosspoints(replace(PLAIN, lifetime=20.0, reset=0.2), (1, 3), 0.7)
    for _ in range(30):
        points.end_batch(generator(2))
    assert points.seen == pytest.approx(0.2 + 0.5 * 0.95**30, rel=1e-5)


def test_lifetimes_have_their_spread():
    """n = 100,000: 1 / (share lost) is the lifetime; those up to a batch lose everything."""
    points = crosspoints(replace(PLAIN, lifetime=50.0, lifetime_dtod=0.1), start=1.0)
    points.decay(generator(3))
    lifetime = 1 / (1 - points.seen.astype(float))
    assert lifetime.mean() == pytest.approx(50, abs=5 * 5 / np.sqrt(N) + 0.01)
    assert lifetime.std() == pytest.approx(5, rel=5 / np.sqrt(2 * N) + 1e-3)
    short = crosspoints(replace(PLAIN, lifetime=0.5), (1, 2), 1.0)
    short.decay(generator(3))
    assert not short.seen.any()


def test_diffusion_adds_up():
    """n = 100,000, 9 batches: variance 9 rho^2 (1 + 0.5^2), fourth moment of a mixture."""
    points = crosspoints(replace(PLAIN, diffusion=0.02, diffusion_dtod=0.5))
    rng = generator(4)
    for _ in range(9):
        points.diffuse(rng)
    found = points.seen.astype(float)
    wanted = 9 * 0.02**2 * 1.25
    fourth = 3 * (9 * 0.02**2) ** 2 * (1 + 6 * 0.25 + 3 * 0.0625)  # 3 Var^2 E[(1 + 0.5 xi)^4]
    assert found.var() == pytest.approx(wanted, abs=5 * np.sqrt((fourth - wanted**2) / N))
    assert abs(found.mean()) < 5 * np.sqrt(wanted / N)


def test_diffusion_stays_within_the_bounds():
    points = crosspoints(PulsedDeviceConfig(diffusion=5.0), (1, 1000))
    points.diffuse(generator(5))
    cells = points.points.cells
    assert np.all((points.seen[0] >= cells[:, 1]) & (points.seen[0] <= cells[:, 2]))
    assert np.any(points.seen[0] == cells[:, 2])


def test_drift_counts_from_the_last_change_of_each_device():
    points, rng = crosspoints(replace(PLAIN, drift_nu=0.3, drift_t0=2.0), (1, 3), 0.8), generator(6)
    points.drift(1.0, rng)  # before t0
    assert points.seen == pytest.approx(0.8)
    points.drift(9.0, rng)
    assert points.seen == pytest.approx(0.8 * 5**-0.3, rel=1e-6)
    apply_pulses(points.points, np.array([1]), np.ones(1, np.uint8), *points.draws(1, rng))
    moved = points.seen[0, 1].copy()
    points.drift(30.0, rng)
    wanted = np.array([0.8 * 20**-0.3, moved * 15**-0.3, 0.8 * 20**-0.3])
    assert points.seen[0] == pytest.approx(wanted, rel=1e-6)


def test_decay_does_not_start_drift_anew():
    points, rng = (
        crosspoints(replace(PLAIN, drift_nu=0.3, lifetime=10.0), (1, 2), 1.0),
        generator(7),
    )
    points.drift(10.0, rng)
    points.decay(rng)
    points.drift(90.0, rng)
    assert points.seen == pytest.approx(0.9 * 100**-0.3, rel=1e-6)


def test_drift_exponents_have_their_spread():
    """n = 100,000; log of the weight over -log(t)."""
    points = crosspoints(replace(PLAIN, drift_nu=0.05, drift_nu_dtod=0.4), start=1.0)
    points.drift(1000.0, generator(8))
    nu = -np.log(points.seen.astype(float)) / np.log(1000)
    assert nu.mean() == pytest.approx(0.05, abs=5 * 0.02 / np.sqrt(N))
    assert nu.std() == pytest.approx(0.02, rel=5 / np.sqrt(2 * N) + 1e-3)


def test_reset_of_some_rows():
    """n = 500 x 200 of 1,000 x 200: mean 0.1, spread of places 0.2 and of resets 0.05."""
    config = replace(PLAIN, reset=0.1, reset_dtod=0.2, reset_std=0.05, write_noise=1.0)
    points, rows = crosspoints(config, (1000, 200), 0.5), np.arange(0, 1000, 2)
    points.reset(generator(9), rows)
    assert np.all(points.seen[1::2] == np.float32(0.5))
    found = [points.points.cells[:, HIDDEN].reshape(1000, 200)[rows].astype(float).ravel()]
    points.reset(generator(10), rows)
    found.append(points.points.cells[:, HIDDEN].reshape(1000, 200)[rows].astype(float).ravel())
    spread = np.hypot(0.2, 0.05)
    assert found[0].mean() == pytest.approx(0.1, abs=5 * spread / np.sqrt(N))
    assert found[0].std() == pytest.approx(spread, rel=5 / np.sqrt(2 * N))
    assert (found[1] - found[0]).std() == pytest.approx(0.05 * np.sqrt(2), rel=5 / np.sqrt(2 * N))
    visible = points.raw()[rows].astype(float).ravel() - found[1]
    assert visible.std() == pytest.approx(0.001, rel=5 / np.sqrt(2 * N))


def test_reset_goes_to_the_symmetry_point_that_the_reference_has():
    config = PulsedDeviceConfig(up_down_dtod=0.1, subtract_symmetry_point=True, reset_std=0.0)
    points = crosspoints(config, (1, 1000), 0.2)
    points.reset(generator(11))
    assert np.median(np.abs(points.seen)) < 1e-6


def test_a_pair_takes_up_pulses_only():
    points = crosspoints(replace(PCM, **NO_SPREAD, cycle_spread=0.0), (1, 3))
    plus, minus = points.points.cells[:, HIDDEN].reshape(2, 3)
    places, ups = np.array([0, 0, 1, 2]), np.array([1, 1, 0, 1], np.uint8)
    apply_pulses(points.points, places, ups, *points.draws(4, generator(12)))
    step = mean_step(points.config)
    assert plus == pytest.approx([plus[0], 0, step], rel=1e-6)
    assert minus == pytest.approx([0, step, 0], rel=1e-6)
    assert plus[0] > step > 0
    assert points.seen[0] == pytest.approx([plus[0], -step, step])
    points.placed(np.array([[0.3, -0.4, 3.0]]))
    assert points.points.cells[:, HIDDEN] == pytest.approx([0.3, 0, 2, 0, 0.4, 0])


def linear_pair(**changes):
    config = replace(PLAIN, kind="constant_step", w_max=1.0, w_min=0.0, one_sided=True)
    return replace(config, dw_min=0.01, refresh_every=2, refresh_bl=100, reset_std=0.0, **changes)


def test_refresh_takes_pairs_with_one_device_high_and_the_other_not_low():
    points = crosspoints(linear_pair(cycle_spread=0.0), (1, 4))
    points.points.cells[:, HIDDEN] = [0.8, 0.8, 0.7, 0.3, 0.3, 0.2, 0.7, 0.9]
    points.points.visible[:] = points.points.cells[:, HIDDEN]
    rng = generator(13)
    assert points.end_batch(rng) == 0
    assert points.end_batch(rng) == 2
    plus, minus = points.points.cells[:, HIDDEN].reshape(2, 4)
    assert plus[1:3] == pytest.approx([0.8, 0.7])
    assert minus[1:3] == pytest.approx([0.2, 0.7])
    assert minus[0] == plus[3] == 0
    assert points.seen[0] == pytest.approx([0.5, 0.6, 0, -0.6], abs=0.11)


def test_refresh_writes_the_difference_on_average():
    """n = 400 x 250: difference 0.25 of 60 slots, the largest 0.6; mean and binomial variance.

    In slots of probability p = 0.25 / 0.6 a device gets n pulses, mean 25, variance 25 (1 - p), and
    each adds 0.01 (1 + 0.3 xi): variance 0.01^2 (25 (1 - p) + 25 0.3^2). 5 standard errors.
    """
    config, shape = linear_pair(), (400, 250)
    points = crosspoints(config, shape)
    plus, minus = points.points.visible.reshape(2, *shape)
    plus[:], minus[:] = 0.8, 0.55
    minus[:, 0] = 0.3 - 0.1
    plus[:, 1], minus[:, 1] = 0.3, 0.9
    assert points.refresh(generator(14)) == 400 * 249
    found = points.seen[:, 2:].astype(float)
    variance = 1e-4 * (25 * (1 - 0.25 / 0.6) + 25 * 0.09)
    assert found.mean() == pytest.approx(0.25, abs=5 * np.sqrt(variance / found.size))
    assert found.var() == pytest.approx(variance, rel=0.03)
    assert points.seen[:, 1].mean() == pytest.approx(-0.6, abs=0.01)


def test_single_devices_need_no_refresh():
    points = crosspoints(replace(PLAIN, refresh_every=1), (2, 2), 8.9)
    assert points.end_batch(generator(15)) == points.refresh(generator(15)) == 0
    assert np.all(points.seen == np.float32(8.9))
