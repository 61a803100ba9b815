from dataclasses import replace

import numpy as np
import pytest

from models.analog.device import GRID_BITS, LARGEST, Devices, draw_devices, on_grid, pulse
from models.config.analog import DeviceConfig
from models.config.presets import DEVICES

GRID = 2.0**-GRID_BITS
EXACT = DeviceConfig(
    step_spread=0.0, cycle_spread=0.0, bound_spread=0.0, asymmetry_spread=0.0, states=64
)
N = 200_000


def same(shape, bound=1.0, up=1 / 64, down=1 / 64):
    """A population of equal devices."""
    return Devices(*(np.full(shape, value, np.float32) for value in (bound, up, down)))


def slow_pulse(conductance, devices, counts, config, rng):
    """One pulse after another on one device after another, in float32 scalars."""
    g = [np.float32(value) for value in conductance.ravel()]
    left = [int(value) for value in counts.ravel()]
    up, down, bound = (part.ravel() for part in (devices.up, devices.down, devices.bound))
    while any(left):
        active = [n for n, count in enumerate(left) if count]
        draws = rng.standard_normal(len(active), np.float32)
        for n, draw in zip(active, draws, strict=True):
            jitter = np.float32(1) + np.float32(config.cycle_spread) * draw
            ratio = g[n] / bound[n]
            step = up[n] * (np.float32(1) - ratio) if left[n] > 0 else -down[n] * ratio
            g[n] = min(max(g[n] + step * jitter, np.float32(0)), bound[n])
            left[n] -= 1 if left[n] > 0 else -1
    values = [round(float(value) * 2**GRID_BITS) / 2**GRID_BITS for value in g]
    return np.array(values, np.float32).reshape(conductance.shape)


@pytest.mark.parametrize("name", DEVICES)
def test_pulses_are_those_of_the_slow_reference(name):
    config = replace(DEVICES[name], stuck_fraction=0.1)
    rng = np.random.default_rng(1)
    devices = draw_devices(config, (9, 14), rng)
    conductance = on_grid(devices.bound * rng.choice([0, 0.3, 0.6, 1], (9, 14)))
    counts = rng.integers(-15, 16, (9, 14)).astype(np.int16)
    before = conductance.copy()
    after = pulse(conductance, devices, counts, config, np.random.default_rng(2))
    assert np.array_equal(
        after, slow_pulse(conductance, devices, counts, config, np.random.default_rng(2))
    )
    assert after.dtype == np.float32
    assert np.array_equal(conductance, before)
    assert np.array_equal(after[counts == 0], before[counts == 0])


def test_the_largest_negative_count_is_not_lost():
    counts = np.full((1, 1), -128, np.int8)
    after = pulse(np.ones((1, 1), np.float32), same((1, 1)), counts, EXACT, np.random.default_rng())
    assert after[0, 0] == pytest.approx((1 - 1 / 64) ** 128, abs=GRID)


def test_a_train_of_pulses_follows_the_exponential():
    """g after n SET pulses from 0 is b (1 - (1 - s / b)**n); RESET is its mirror image."""
    counts = np.arange(128, dtype=np.int16)
    devices = same(128, bound=1.25)
    expected = 1.25 * (1 - (1 - 1 / 64 / 1.25) ** counts.astype(float))
    zero, full = np.zeros(128, np.float32), np.full(128, 1.25, np.float32)
    assert pulse(zero, devices, counts, EXACT, np.random.default_rng()) == pytest.approx(
        expected, abs=GRID
    )
    assert pulse(full, devices, -counts, EXACT, np.random.default_rng()) == pytest.approx(
        1.25 - expected, abs=GRID
    )


@pytest.mark.parametrize(("up", "down"), [(1, 1), (1.4, 0.8), (0.5, 1.5)])
def test_alternating_pulses_settle_at_the_symmetry_point(up, down):
    """SET and RESET are equal at b s_up / (s_up + s_down), and every state goes there."""
    bound, rng = 1.25, np.random.default_rng(3)
    step_up, step_down = up / 64, down / 64
    point = bound * up / (up + down)
    devices = same(4, bound, step_up, step_down)
    at = on_grid(np.full(4, point, np.float32))
    one = np.ones(4, np.int8)
    rise = pulse(at, devices, one, EXACT, rng) - at
    fall = at - pulse(at, devices, -one, EXACT, rng)
    assert rise == pytest.approx(fall, abs=2 * GRID)
    assert rise == pytest.approx(step_up * step_down / (step_up + step_down), abs=2 * GRID)
    g = np.array([0, 0.2, 0.9, 1.25], np.float32)
    for _ in range(400):
        g = pulse(g, devices, one, EXACT, rng)
        g = pulse(g, devices, -one, EXACT, rng)
    # By hand: the state that a SET and a RESET pulse give back. Half a grid step of rounding per
    # pulse stalls the approach, whose rate is (s_up + s_down) / b a pair.
    left, right = 1 - step_up / bound, 1 - step_down / bound
    fixed = step_up * right / (1 - left * right)
    assert abs(fixed - point) < rise[0]
    room = GRID * bound / (step_up + step_down) + GRID
    assert g == pytest.approx(fixed, abs=room)


@pytest.mark.parametrize(("sign", "g"), [(1, 0.25), (-1, 0.25), (1, 0.75)])
def test_mean_and_spread_of_a_pulse(sign, g):
    """n = 200,000; bounds are 5 standard errors (and the grid's variance of GRID**2 / 12)."""
    config = replace(EXACT, cycle_spread=0.3)
    start = np.full(N, g, np.float32)
    counts = np.full(N, sign, np.int8)
    change = pulse(start, same(N), counts, config, np.random.default_rng(4)) - start
    mean = (1 - g if sign > 0 else -g) / 64
    deviation = np.sqrt((0.3 * mean) ** 2 + GRID**2 / 12)
    assert change.mean(dtype=float) == pytest.approx(mean, abs=5 * deviation / np.sqrt(N))
    assert change.std(dtype=float) == pytest.approx(deviation, rel=5 / np.sqrt(2 * N))


def test_draws_of_two_pulses_are_independent():
    """n = 200,000; the variance of four pulses from one state is four times that of one."""
    config = replace(EXACT, states=2048, cycle_spread=0.5)
    devices = same(N, 1.0, 1 / 2048, 1 / 2048)
    start = np.full(N, 0.5, np.float32)
    after = pulse(start, devices, np.full(N, 4, np.int8), config, np.random.default_rng(5))
    deviation = np.sqrt(4 * (0.5 * 0.5 / 2048) ** 2 + GRID**2 / 12)
    # 5 standard errors, and 1 in 2048 that four steps change the step by
    assert after.std(dtype=float) == pytest.approx(deviation, rel=5 / np.sqrt(2 * N) + 1e-3)


def test_spread_of_a_population():
    """n = 200,000; 5 standard errors. The spreads are small: no |.| or clip bites."""
    config = DeviceConfig(
        states=100, step_spread=0.1, asymmetry_spread=0.05, bound_spread=0.05, stuck_fraction=0.2
    )
    devices = draw_devices(config, (N,), np.random.default_rng(6))
    moving = devices.up > 0
    assert np.array_equal(moving, devices.down > 0)
    n = int(moving.sum())
    assert n / N == pytest.approx(0.8, abs=5 * np.sqrt(0.2 * 0.8 / N))
    mean = (devices.up + devices.down)[moving] / 2 * 100
    skew = (devices.up - devices.down)[moving] / 2 * 100
    for values, centre, spread in ((mean, 1, 0.1), (skew, 0, 0.05), (devices.bound, 1, 0.05)):
        count = len(values)
        assert values.mean(dtype=float) == pytest.approx(centre, abs=5 * spread / np.sqrt(count))
        assert values.std(dtype=float) == pytest.approx(spread, rel=5 / np.sqrt(2 * count))
    assert abs(np.corrcoef(mean, skew)[0, 1]) < 5 / np.sqrt(n)


def test_a_population_is_its_generators():
    first, again = (
        draw_devices(DeviceConfig(), (3, 4), np.random.default_rng(7)) for _ in range(2)
    )
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    assert all(part.shape == (3, 4) and part.dtype == np.float32 for part in first)


@pytest.mark.parametrize("name", DEVICES)
def test_bounds_are_never_left_and_stuck_devices_never_move(name):
    config = replace(
        DEVICES[name], stuck_fraction=0.3, cycle_spread=3.0, bound_spread=0.5, step_spread=1.0
    )
    rng = np.random.default_rng(8)
    devices = draw_devices(config, (50, 60), rng)
    assert devices.bound.min() >= 0.1 - GRID
    assert devices.bound.max() == LARGEST
    assert min(devices.up.min(), devices.down.min()) == 0
    g = start = on_grid(devices.bound * rng.choice([0, 0.5, 1], (50, 60)))
    low = high = False
    for _ in range(20):
        g = pulse(g, devices, rng.integers(-15, 16, g.shape), config, rng)
        assert g.min() >= 0
        assert np.all(g <= devices.bound)
        assert np.array_equal(g, on_grid(g))
        low, high = low or (g == 0).any(), high or (g == devices.bound).any()
    assert low
    assert high
    stuck = devices.up == 0
    assert 0.2 < stuck.mean() < 0.4
    assert np.array_equal(g[stuck], start[stuck])
    assert (g[~stuck] != start[~stuck]).mean() > 0.9


def test_grid():
    values = np.array([0, 0.4, 0.5, 0.6, 1.5, 2.5, 32768.4]) * GRID
    assert (on_grid(values) / GRID).tolist() == [0, 0, 0, 1, 2, 2, 32768]
    assert on_grid(values).dtype == np.float32
