"""Programming, references, write noise, stuck devices and stored states."""

from dataclasses import fields, replace

import numpy as np
import pytest

from models.analog.crosspoint_pulses import DOWN, DOWN_FORM, HIDDEN, LOWER, UP, UP_FORM, UPPER
from models.analog.crosspoint_pulses import apply_pulses as pulses
from models.analog.crosspoints import draw_crosspoints
from models.analog.pulsed import draw_pulsed_devices
from models.config.pulsed import FAST_KINDS, KINDS, PulsedDeviceConfig
from models.randomness import generator
from tests.models.plain_devices import NO_SPREAD

N = 100_000
SPREAD = PulsedDeviceConfig(kind="soft_bounds_reference", dw_min=0.05, up_down_dtod=0.1)


def crosspoints(config, shape=(1, N)):
    return draw_crosspoints(config, shape, generator(1, "population"))


def column(points, place):
    return points.points.cells[:, place].astype(float)


def all_pulsed(points, up, rng):
    count = points.points.cells.shape[0] // (2 if points.points.second else 1)
    ups = np.full(count, up, np.uint8)
    pulses(points.points, np.arange(count), ups, *points.draws(count, rng))


@pytest.mark.parametrize("kind", FAST_KINDS)
def test_both_laws_have_the_same_devices(kind):
    config = PulsedDeviceConfig(kind=kind, stuck_fraction=0.1, gamma_up=0.4, up_down=0.1)
    points = crosspoints(config, (30, 40))
    fast = draw_pulsed_devices(config, (30, 40), generator(1, "population"))
    stuck = ~np.isnan(fast.held)
    assert np.array_equal(points.placed(np.zeros((30, 40)))[stuck], fast.held[stuck])
    for place, bound in ((LOWER, fast.lower), (UPPER, fast.upper)):
        assert np.array_equal(points.points.cells[:, place].reshape(30, 40)[~stuck], bound[~stuck])
    if kind != "constant_step":
        cells = points.points.cells.reshape(30, 40, -1).astype(float)
        forms = (UP, UP_FORM, -1, fast.up_target), (DOWN, DOWN_FORM, 1, -fast.down_target)
        for size, form, sign, target in forms:
            slope = cells[..., size] / np.abs(target)
            assert sign * cells[..., form] == pytest.approx(slope, rel=1e-5)


def test_what_is_programmed_is_seen_within_the_bounds():
    points = crosspoints(replace(SPREAD, reference_mean=0.1, reference_std=0.2), (20, 30))
    aim = generator(2).uniform(-1, 1, (20, 30))
    seen = points.placed(aim)
    assert points.reference is not None
    low, high = (
        column(points, p).reshape(20, 30) - points.reference.reshape(20, 30) for p in (1, 2)
    )
    assert seen == pytest.approx(np.clip(aim, low, high), abs=2e-7)
    assert points.raw() == pytest.approx(column(points, HIDDEN).reshape(20, 30))
    assert np.array_equal(points.seen, points.raw() - points.reference.reshape(20, 30))
    with pytest.raises(ValueError, match=r"^weights must be of shape \(20, 30\), not \(30, 20\)$"):
        points.placed(aim.T)


def test_a_single_device_without_reference_is_seen_as_it_is():
    points = crosspoints(PulsedDeviceConfig(), (3, 4))
    seen = points.seen
    all_pulsed(points, 1, generator(3))
    assert seen.base is not None
    assert np.array_equal(seen, points.points.cells[:, HIDDEN].reshape(3, 4))
    assert (seen > 0).all()


def test_references_with_offset_and_symmetry_point():
    """n = 100,000, 5 standard errors: offsets have mean 0.3 and spread 0.2 around the points."""
    config = replace(SPREAD, reference_mean=0.3, reference_std=0.2)
    assert crosspoints(config).reference.mean() == pytest.approx(0.3, abs=5 * 0.2 / np.sqrt(N))
    points = crosspoints(replace(config, subtract_symmetry_point=True))
    offset = points.reference - points.symmetry_point()[0]
    offset = offset[np.isfinite(offset)].astype(float)
    assert len(offset) > 0.99 * N
    assert offset.mean() == pytest.approx(0.3, abs=5 * 0.2 / np.sqrt(N))
    assert offset.std() == pytest.approx(0.2, rel=5 / np.sqrt(2 * N))
    assert np.std(points.symmetry_point()[0]) > 0.01


def test_symmetry_points_are_those_of_the_formula():
    """papers.md E3.1: (s_up - s_dn) / (s_up / b_max - s_dn / b_min)."""
    points = crosspoints(SPREAD, (1, 1000))
    s_up, s_dn, low, high = (column(points, place) for place in (UP, DOWN, LOWER, UPPER))
    wanted = (s_up - s_dn) / (s_up / high - s_dn / low)
    assert points.symmetry_point()[0] == pytest.approx(wanted, rel=1e-4, abs=1e-6)


def test_log_normal_steps():
    """n = 100,000: median and spread of the logarithm; 5 standard errors."""
    points = crosspoints(replace(SPREAD, dw_min_log_normal=True, up_down_dtod=0, dw_min_dtod=0.7))
    logs = np.log(column(points, UP) / 0.05)
    assert logs.mean() == pytest.approx(0, abs=5 * 0.7 / np.sqrt(N))
    assert logs.std() == pytest.approx(0.7, rel=5 / np.sqrt(2 * N))


def test_slopes_with_spread_move_the_bounds():
    """n = 100,000: 1 / b has the spread; of magnitudes of 1 + 0.1 xi."""
    config = replace(SPREAD, w_max_dtod=0, w_min_dtod=0, slope_up_dtod=0.1, slope_down_dtod=0.2)
    points = crosspoints(config)
    for place, bound, spread in ((UPPER, 0.6, 0.1), (LOWER, -0.6, 0.2)):
        inverse = bound / column(points, place)
        assert inverse.mean() == pytest.approx(1, abs=5 * spread / np.sqrt(N) + 1e-6)
        assert inverse.std() == pytest.approx(spread, rel=5 / np.sqrt(2 * N))
    assert column(points, UP_FORM) * column(points, UPPER) == pytest.approx(-column(points, UP))


def test_slopes_refer_to_the_mean_bound_or_to_the_own():
    config = PulsedDeviceConfig(kind="linear_step", gamma_up=0.7, gamma_dtod=0.0)
    for mean, bounds in ((True, 0.6), (False, None)):
        points = crosspoints(replace(config, mean_bound_reference=mean), (1, 1000))
        against = bounds or column(points, UPPER)
        assert column(points, UP_FORM) == pytest.approx(-0.7 * column(points, UP) / against)


def test_exponents_of_power_steps():
    """n = 100,000; mean 2 (1 - 0.2) up and 2 down, spread 2 hypot(0.1, 0.05)."""
    config = PulsedDeviceConfig(
        kind="power_step", power=2.0, power_up_down=-0.2, power_up_down_dtod=0.05
    )
    points, spread = crosspoints(config), 2 * np.hypot(0.1, 0.05)
    for place, mean in ((UP_FORM, 1.6), (DOWN_FORM, 2.0)):
        found = column(points, place)
        assert found.mean() == pytest.approx(mean, abs=5 * spread / np.sqrt(N))
        assert found.std() == pytest.approx(spread, rel=5 / np.sqrt(2 * N))


def test_write_noise_is_drawn_at_each_pulse_of_a_device_only():
    """n = 100,000: spread 3 dw_min around the hidden weight, which moves as without."""
    config = replace(SPREAD, write_noise=3.0)
    noisy, quiet = crosspoints(config), crosspoints(SPREAD)
    assert np.array_equal(noisy.seen, quiet.seen)
    some = np.arange(0, N, 2)
    draws, write_draws = noisy.draws(len(some), generator(4))
    ups = np.ones(len(some), np.uint8)
    pulses(noisy.points, some, ups, draws, write_draws)
    pulses(quiet.points, some, ups, draws, write_draws[:0])
    assert np.array_equal(noisy.points.cells[:, HIDDEN], quiet.points.cells[:, HIDDEN])
    noise = (noisy.raw() - quiet.raw())[0].astype(float)
    assert not noise[1::2].any()
    assert noise[::2] == pytest.approx(0.15 * write_draws, abs=1e-7)
    assert noise[::2].std() == pytest.approx(0.15, rel=5 / np.sqrt(N))
    assert abs(noise[::2].mean()) < 5 * 0.15 / np.sqrt(N / 2)
    rest = noisy.raw()[0, 1::2].copy()
    all_pulsed(noisy, 0, generator(5))
    again = (noisy.raw()[0] - noisy.points.cells[:, HIDDEN]).astype(float)
    assert abs(np.corrcoef(again[::2], noise[::2])[0, 1]) < 5 / np.sqrt(N / 2)
    assert np.all(noisy.raw()[0, 1::2] != rest)


def test_write_noise_of_programming():
    points = crosspoints(replace(SPREAD, write_noise=3.0, stuck_fraction=0.0))
    points.placed(np.zeros((1, N)), generator(6))
    assert points.raw().astype(float).std() == pytest.approx(0.15, rel=5 / np.sqrt(2 * N))
    assert not points.points.cells[:, HIDDEN].any()


@pytest.mark.parametrize("kind", KINDS)
def test_stuck_devices(kind):
    """n = 100,000: a fifth is stuck, uniform in bounds and range, and never moves."""
    config = PulsedDeviceConfig(kind=kind, stuck_fraction=0.2, stuck_range=0.1, lifetime=5.0)
    points = crosspoints(replace(config, diffusion=0.1, drift_nu=0.1))
    before = points.seen.copy()
    stuck = column(points, UP) == 0
    assert stuck.mean() == pytest.approx(0.2, abs=5 * np.sqrt(0.16 / N))
    held = before[0, stuck].astype(float)
    assert np.abs(held).max() <= 0.1
    assert held.std() == pytest.approx(0.1 / np.sqrt(3), rel=0.03)
    for up in (1, 1, 0):
        all_pulsed(points, up, generator(7, up))
    points.end_batch(generator(8))
    points.drift(10.0, generator(8))
    points.reset(generator(9))
    assert np.array_equal((points.seen == before)[0], stuck)


def test_a_stored_state_goes_on_as_if_nothing_had_been():
    config = replace(SPREAD, write_noise=1.0, drift_nu=0.1, lifetime=9.0, diffusion=0.01)
    first = crosspoints(config, (6, 7))

    def work(points, key):
        rng = generator(key)
        all_pulsed(points, 1, rng)
        points.end_batch(rng)
        points.drift(3.0, rng)

    work(first, 1)
    stored = first.state()
    second = crosspoints(config, (6, 7))
    second.load_state(stored)
    work(first, 2)
    work(second, 2)
    assert np.array_equal(first.seen, second.seen)
    assert first.batches == second.batches == 2
    ends = zip(first.state().values(), second.state().values(), strict=True)
    assert all(np.array_equal(one, two) for one, two in ends)
    assert not np.array_equal(stored["hidden"], first.state()["hidden"])
    with pytest.raises(ValueError, match=r"^hidden must be of \(6,\), not \(42,\)$"):
        crosspoints(config, (2, 3)).load_state(stored)


def test_the_key_gives_the_array():
    config = replace(SPREAD, reference_std=0.1, reset_dtod=0.1, lifetime=3.0, lifetime_dtod=0.1)
    one, two, other = (draw_crosspoints(config, (5, 5), generator(1, k)) for k in (1, 1, 2))
    assert np.array_equal(one.points.cells, two.points.cells)
    assert np.array_equal(one.ageing.rest, two.ageing.rest)
    assert not np.array_equal(one.points.cells, other.points.cells)
    assert {f.name for f in fields(config)} >= set(NO_SPREAD)
