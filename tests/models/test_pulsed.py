"""Every statistical test holds the model against walks that pulse and clip one pulse at a time."""

from dataclasses import replace

import numpy as np
import pytest

from models.analog.pulsed import PulsedDevices, draw_pulsed_devices, pulse
from models.config.pulsed import FAST_KINDS, PulsedDeviceConfig
from models.randomness import generator

N = 150_000
SIGMAS = 5.5  # of some 1,000 comparisons none is expected beyond (4e-5)
COUNTS = (1, 2, 7, 31)
EQUAL = dict.fromkeys(
    ("dw_min_dtod", "w_max_dtod", "w_min_dtod", "up_down_dtod", "gamma_dtod"), 0.0
)
SAME = PulsedDeviceConfig(
    dw_min=0.02, w_max=0.6, w_min=-0.5, up_down=-0.2, gamma_up=0.7, gamma_down=0.4, **EQUAL
)
LONG = {"kind": "linear_step", "gamma_up": 1.5, "gamma_down": 2.5}  # targets within the bounds
FLAT = {"kind": "linear_step", "gamma_up": 0.0, "gamma_down": 0.0}
LAWS = ({"kind": "constant_step"}, {"kind": "soft_bounds"}, {"kind": "linear_step"}, LONG, FLAT)


def population(config, shape):
    return draw_pulsed_devices(config, shape, generator(1, "population"))


def full(size, value):
    return np.full(size, value, np.float32)


def one_step(w, sign, config):
    """Change of weights by one pulse without noise: the literal law of the kind."""
    gammas = {"constant_step": (0, 0), "soft_bounds": (1, 1)}
    up, down = gammas.get(config.kind, (config.gamma_up, config.gamma_down))
    if sign > 0:
        return config.dw_min * (1 + min(config.up_down, 0)) * (1 - up * w / config.w_max)
    return -config.dw_min * (1 - max(config.up_down, 0)) * (1 - down * w / config.w_min)


def walk(w, sign, config, count, rng):
    """One pulse after another, each with its own draw, each clipped; whether any was."""
    clipped = False
    for _ in range(count):
        jitter = 1 + config.cycle_spread * rng.standard_normal(len(w))
        free = w + one_step(w, sign, config) * jitter
        w = np.clip(free, config.w_min, config.w_max)
        clipped |= bool(np.any(np.abs(w - free) > 1e-9))
    return w, clipped


def moments(values):
    """Mean, its standard error, variance and its standard error."""
    off = values - values.mean()
    square, fourth = np.mean(off**2), np.mean(off**4)
    errors = np.sqrt(np.array([square, fourth - square**2]) / len(values))
    return values.mean(), errors[0], square, errors[1]


def agree(found, wanted, config, clipped):
    """Sampling errors, float32, and where anything was clipped the bounds of the docstring."""
    (mean, e1, square, e2), (mean0, f1, square0, f2) = moments(found), moments(wanted)
    ends = [abs(one_step(w, s, config)) for w in (config.w_min, config.w_max) for s in (1, -1)]
    behind = config.cycle_spread**2 * max(ends) / 2 * clipped
    assert abs(mean - mean0) <= SIGMAS * np.hypot(e1, f1) + behind + 2e-7
    scale = max(np.sqrt(square0), np.sqrt(square), 1e-7)
    error = SIGMAS * np.hypot(e2, f2) / scale
    assert abs(np.sqrt(square) - np.sqrt(square0)) <= error + np.sqrt(2) * behind + 2e-7


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("share", [0, 0.02, 0.5, 0.9, 1])
@pytest.mark.parametrize("changes", LAWS, ids=str)
def test_mean_and_variance_from_bound_to_bound(changes, share, sign):
    config = replace(SAME, **changes)
    start = config.w_min + share * (config.w_max - config.w_min)
    devices, rng = population(config, (N,)), generator(2, str(changes), str(share), sign)
    wanted, done, clipped = np.full(N, start), 0, False
    for count in COUNTS:
        wanted, now = walk(wanted, sign, config, count - done, rng)
        done, clipped = count, clipped or now
        found = full(N, start)
        pulse(found, devices, full(N, sign * count), rng)
        agree(found.astype(float), wanted, config, clipped and count > 1)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("kind", FAST_KINDS)
@pytest.mark.parametrize("share", [0, 0.5, 1])
def test_cycle_noise_of_twice_the_step(kind, share, sign):
    """Small steps: the bounds on clipping are 2 and 2.8 steps."""
    config = replace(SAME, kind=kind, cycle_spread=2.0, dw_min=0.002)
    start = config.w_min + share * (config.w_max - config.w_min)
    rng = generator(3, kind, str(share), sign)
    wanted, clipped = walk(np.full(N, start), sign, config, 31, rng)
    found = full(N, start)
    pulse(found, population(config, (N,)), full(N, sign * 31), rng)
    assert clipped == (share != 0.5 and (kind != "soft_bounds" or (share > 0) != (sign > 0)))
    agree(found.astype(float), wanted, config, clipped)


@pytest.mark.parametrize(("dw_min", "cycle_spread"), [(0.2, 0.7), (0.3, 0.3), (0.05, 3.0)])
def test_coarse_steps(dw_min, cycle_spread):
    """Noise of 0.15 to 0.3 of what a pulse leaves: 1e-3 of the pulses pass the target.

    Of those the walk is clipped and the draw is not; 1 % of the mean and 2 % of the variance.
    """
    config = replace(
        SAME, dw_min=dw_min, up_down=0, w_max=2 / 3, w_min=-9, cycle_spread=cycle_spread
    )
    rng, devices = generator(4, str(dw_min)), population(config, (N,))
    for count in (1, 2, 4, 7):
        wanted, _ = walk(np.full(N, -1.0), 1, config, count, rng)
        found = full(N, -1.0)
        pulse(found, devices, full(N, count), rng)
        left, wanted = 2 / 3 - found.astype(float), 2 / 3 - wanted
        (mean, e1, square, e2), (mean0, f1, square0, f2) = moments(left), moments(wanted)
        assert mean == pytest.approx(mean0, rel=0.01, abs=SIGMAS * np.hypot(e1, f1))
        assert square == pytest.approx(square0, abs=0.02 * square0 + SIGMAS * np.hypot(e2, f2))


@pytest.mark.parametrize("sign", [1, -1])
def test_variance_against_its_formula(sign):
    """n = 1,000,000 and 5 standard errors: 1 % of the variance; from the middle, no clipping."""
    config = replace(SAME, up_down=0.2)
    devices, start, bound = population(config, (10**6,)), 0.1, (0.6, -0.5)[sign < 0]
    b = (0.02, 0.016)[sign < 0] / abs(bound)
    for count in COUNTS:
        found = full(10**6, start)
        pulse(found, devices, full(10**6, sign * count), generator(40, sign, count))
        share = (1 - b) ** count
        wanted = ((1 - b) ** 2 + (0.3 * b) ** 2) ** count - share**2
        left = (found.astype(float) - bound) / (start - bound)
        assert left.mean() == pytest.approx(share, abs=5 * np.sqrt(wanted / 1e6) + 1e-6)
        assert left.var() == pytest.approx(wanted, rel=0.01)


def test_the_shape_is_that_of_the_walk():
    """Skewness about 3 S of both; S = 0.33, n = 31. The third moment of 150,000 is off by 5 %."""
    config = replace(SAME, dw_min=0.02, up_down=0, cycle_spread=2.0, w_min=-9)
    wanted, _ = walk(np.full(N, -1.0), 1, config, 31, generator(41))
    found = full(N, -1.0)
    pulse(found, population(config, (N,)), full(N, 31), generator(42))
    skews = [np.mean(((v - v.mean()) / v.std()) ** 3) for v in (found.astype(float), wanted)]
    assert skews[1] < -0.9
    assert skews[0] == pytest.approx(skews[1], rel=0.1)


@pytest.mark.parametrize("kind", FAST_KINDS)
def test_response_curve(kind):
    """n = 20,000: 124 up, then 124 down, in trains of 31 and of 3 and 1 between."""
    config, size = replace(SAME, kind=kind, dw_min=0.005), 20_000
    devices, rng = population(config, (size,)), generator(5, kind)
    found, wanted = full(size, -0.3), np.full(size, -0.3)
    for sign in (1, -1):
        for count in (31, 3, 1, 31, 27, 31):
            wanted, _ = walk(wanted, sign, config, count, rng)
            pulse(found, devices, full(size, sign * count), rng)
        agree(found.astype(float), wanted, config, clipped=False)


@pytest.mark.parametrize("changes", LAWS, ids=str)
def test_without_noise_the_walk_is_met_to_rounding(changes):
    """1 to 1,000 pulses up and down from 0, steps of 1e-6 to 0.15: unclipped and clipped."""
    rng = generator(6)
    for dw_min in (1e-6, 1e-4, 0.01, 0.15):
        config = replace(SAME, **changes, cycle_spread=0, dw_min=dw_min)
        devices = population(config, (1,))
        for count in (1, 2, 3, 10, 31, 200, 1000):
            for sign in (1, -1):
                wanted, clipped = walk(np.zeros(1), sign, config, count, rng)
                found = full(1, 0)
                pulse(found, devices, full(1, sign * count), rng)
                assert found == pytest.approx(wanted, rel=3e-6)
                assert not clipped or found[0] in (devices.upper, devices.lower)


def test_constant_steps_are_exact():
    """Of devices with spread: each sign takes its own step, to the last bit."""
    config = PulsedDeviceConfig(kind="constant_step", cycle_spread=0, dw_min=1e-5)
    devices, rng = population(config, (500,)), generator(61)
    counts = rng.integers(-31, 32, 500).astype(np.float32)
    found, wanted = full(500, 0), np.abs(counts) * np.where(counts > 0, devices.up, devices.down)
    pulse(found, devices, counts, rng)
    assert np.array_equal(found, np.clip(wanted, devices.lower, devices.upper))


def test_a_coarse_step_leaves_a_hundredth():
    config = replace(SAME, dw_min=1.0, cycle_spread=0, up_down=0)
    found = full(1, 0)
    pulse(found, population(config, (1,)), full(1, 1), generator(7))
    assert found == pytest.approx(0.99 * 0.6, rel=1e-6)


def test_no_pulse_no_change_and_no_draw_without_noise():
    config = replace(SAME, cycle_spread=0)
    rng, found = generator(8), full(5, 0.1)
    pulse(found, population(config, (5,)), np.array([0, -0.0, 0, 0, 0], np.float32), rng)
    assert np.array_equal(found, full(5, 0.1))
    assert rng.random() == generator(8).random()


@pytest.mark.parametrize("kind", FAST_KINDS)
def test_the_key_gives_the_result_whatever_the_block(kind):
    config = PulsedDeviceConfig(kind=kind, stuck_fraction=0.1)
    devices = population(config, (37, 23))
    counts = generator(11).integers(-31, 32, (37, 23)).astype(np.float32)
    results, next_draws = [], []
    for block in (4, 64, 500, 65536):
        rng, weight = generator(12), devices.placed(np.zeros((37, 23)))
        pulse(weight, devices, counts, rng, block)
        results.append(weight)
        next_draws.append(rng.random())
    assert len(set(next_draws)) == 1
    assert all(np.array_equal(result, results[0]) for result in results)
    other = devices.placed(np.zeros((37, 23)))
    pulse(other, devices, counts, generator(13))
    assert not np.array_equal(other, results[0])


def test_draws_of_a_pulse_are_independent_between_devices():
    """n = 150,000 neighbours; 5 standard errors."""
    config = replace(SAME, kind="constant_step", cycle_spread=1)
    found = full(N, 0)
    pulse(found, population(config, (N,)), full(N, 7), generator(14))
    assert abs(np.corrcoef(found[1:], found[:-1])[0, 1]) <= 5 / np.sqrt(N)


def test_what_cannot_be_pulsed():
    devices, counts, rng = population(SAME, (4, 4)), full((4, 4), 1), generator(15)
    with pytest.raises(
        ValueError, match=r"^weight must be C-contiguous float32, not float64 \(32, 8\)$"
    ):
        pulse(np.zeros((4, 4)), devices, counts, rng)  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match=r"^weight must be C-contiguous float32, not float32 \(4, 16\)$"
    ):
        pulse(full((4, 4), 0).T, devices, counts, rng)
    with pytest.raises(ValueError, match=r"^counts must be of shape \(4, 4\), not \(16,\)$"):
        pulse(full((4, 4), 0), devices, counts.reshape(-1), rng)
    with pytest.raises(ValueError, match=r"^block must be a multiple of 4, not 6$"):
        pulse(full((4, 4), 0), devices, counts, rng, 6)


def test_an_empty_array():
    devices = population(SAME, (0, 3))
    pulse(full((0, 3), 0), devices, full((0, 3), 1), generator(16))
    assert isinstance(devices, PulsedDevices)
