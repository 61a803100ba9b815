"""Rank-1 updates pulse by pulse, and the types of pulses."""

import math
from dataclasses import replace

import numpy as np
import pytest

from models.analog.crosspoint_pulses import HIDDEN
from models.analog.crosspoint_symmetry import mean_step
from models.analog.crosspoint_trains import signed_counts, trains
from models.analog.crosspoint_update import pulse_update
from models.analog.crosspoints import draw_crosspoints
from models.analog.pulsed import draw_pulsed_devices
from models.analog.stochastic_update import batch_update, rank_one_update
from models.config.pulsed import KINDS, PULSE_TYPES, PulsedDeviceConfig, PulsedUpdateConfig
from models.config.pulsed_presets import PULSED_DEVICES
from models.randomness import generator
from tests.models.plain_devices import NO_SPREAD

EVEN = PulsedDeviceConfig(  # sums of steps are exact
    kind="constant_step", dw_min=2.0**-10, w_max=1.0, w_min=-1.0, cycle_spread=0.0, **NO_SPREAD
)
BOTH = PulsedUpdateConfig()


def crosspoints(config, shape):
    return draw_crosspoints(config, shape, generator(1, "population"))


@pytest.mark.parametrize("lr", [0.004, -0.02])
@pytest.mark.parametrize("name", ["stochastic_compressed", "stochastic"])
def test_the_same_trains_as_the_law_of_many_pulses(name, lr):
    """Exact: steps of a power of two without noise; one sample, so the draws are the same."""
    config, rng = replace(BOTH, pulse_type=name), generator(2)
    for _ in range(4):
        x, delta = rng.uniform(-1, 1, 13), rng.uniform(-1, 1, 9)
        x[rng.random(13) < 0.3] = 0
        x[-1], key = 1, int(rng.integers(1000))
        points, fast = crosspoints(EVEN, (13, 9)), np.zeros((13, 9), np.float32)
        pulses = pulse_update(points, x[None], delta[None], lr, config, generator(key))
        devices = draw_pulsed_devices(EVEN, (13, 9), generator(1, "population"))
        assert rank_one_update(fast, devices, x, delta, lr, config, generator(key)) == pulses > 0
        assert np.array_equal(points.seen, fast)


@pytest.mark.parametrize("kind", KINDS)
def test_the_mean_of_many_updates_is_the_product(kind):
    """n = 3,000 samples on devices that hardly move, started at 0; 5 standard errors.

    ``k`` is 7.2 of 8 slots. A pulse count is binomial; the kinds without equal steps are asked for
    the ratio of both directions' steps, known from one pulse each.
    """
    config = PulsedDeviceConfig(kind=kind, dw_min=1e-5, w_max=1.0, w_min=-1.0, **NO_SPREAD)
    size, n, rng = 12, 3000, generator(3, kind)
    step = mean_step(config)
    x, delta = rng.uniform(-1, 1, size), rng.uniform(-0.5, 0.5, size)
    x[0], delta[0] = 1, 0.5
    lr = 7.2 * step / 0.5
    points, total = crosspoints(config, (size, size)), np.zeros((size, size))
    for _ in range(n):
        points.placed(np.zeros((size, size)))
        pulse_update(points, x[None], delta[None], lr, BOTH, rng)
        total += points.seen
    unit = np.zeros((2, 1))
    for up in (0, 1):
        one = crosspoints(replace(config, cycle_spread=0.0), (1, 1))
        pulse_update(one, *np.array([[[1.0]], [[1 - 2 * up]]]), step, BOTH, rng)
        unit[up] = abs(one.seen[0, 0]) / step
    counts = -lr * np.outer(x, delta) / step
    wanted = counts * np.where(counts > 0, unit[1], unit[0])
    spread = np.abs(counts) * (1 - np.abs(counts) / 8 + 0.09) * np.max(unit) ** 2
    assert np.all(np.abs(total / n / step - wanted) <= 5 * np.sqrt(spread / n) + 1e-3)


def test_a_batch_is_its_samples_one_after_another():
    """Without noise and with certain pulses there is nothing to draw."""
    config, lr = PulsedDeviceConfig(dw_min=2.0**-7, cycle_spread=0.0), 7 * 2.0**-7
    x, delta = np.ones((3, 4)), np.array([[1.0] * 5, [-1.0] * 5, [0.0] * 5])
    together, apart = (crosspoints(config, (4, 5)) for _ in range(2))
    assert pulse_update(together, x, delta, lr, BOTH, generator(4)) == 2 * 20 * 7
    for n in range(3):
        pulse_update(apart, x[n : n + 1], delta[n : n + 1], lr, BOTH, generator(5))
    assert np.array_equal(together.seen, apart.seen)
    assert pulse_update(together, x[:0], delta[:0], lr, BOTH, generator(6)) == 0


def plain_counts(x, delta, lr, dw, config):
    """Counts of the deterministic types by scalars, as algorithms.md 2.1 has them."""
    xm, dm = max(abs(v) for v in x), max(abs(v) for v in delta)
    k = abs(lr) * xm * dm / dw
    bl = min(math.ceil(k), config.desired_bl)
    dm = dm * min(1, config.desired_bl / k)
    a, b = (math.sqrt(abs(lr) / (dw * bl)) * math.sqrt(r) for r in (xm / dm, dm / xm))
    steps = (config.x_resolution, config.delta_resolution)
    if config.pulse_type == "mean_count":
        steps = (config.resolution,) * 2
    counts = np.zeros((len(x), len(delta)))
    for i, j in np.ndindex(counts.shape):
        p = [b * abs(x[i]), a * abs(delta[j])]
        p = [min(1, round(v / s) * s if s else v) for v, s in zip(p, steps, strict=True)]
        if config.pulse_type == "mean_count":
            p = [round(bl * v) / bl for v in p]
        counts[i, j] = -math.copysign(round(bl * p[0] * p[1]), lr * x[i] * delta[j])
    return counts


@pytest.mark.parametrize("lr", [0.01, -0.05])
@pytest.mark.parametrize("resolution", [0.0, 0.125])
@pytest.mark.parametrize("name", ["mean_count", "deterministic_implicit"])
def test_deterministic_types(name, resolution, lr):
    config = replace(BOTH, pulse_type=name, resolution=resolution, x_resolution=resolution)
    rng = generator(7, name)
    x, delta = rng.uniform(-1, 1, 13), rng.uniform(-1, 1, 9)
    counts = plain_counts(x, delta, lr, EVEN.dw_min, config)
    points, fast = crosspoints(EVEN, (13, 9)), np.zeros((13, 9), np.float32)
    pulses = pulse_update(points, x[None], delta[None], lr, config, rng)
    assert np.array_equal(points.seen, counts * EVEN.dw_min)
    assert pulses == np.abs(counts).sum() > 0
    devices = draw_pulsed_devices(EVEN, (13, 9), generator(1, "population"))
    assert batch_update(fast, devices, x[None], delta[None], lr, config, rng) == pulses
    assert np.array_equal(fast, points.seen)


def test_the_product_itself_within_the_bounds():
    config, rng = replace(BOTH, pulse_type="none_with_device"), generator(8)
    x, delta = rng.uniform(-1, 1, (2, 13)), rng.uniform(-1, 1, (2, 9))
    device = PulsedDeviceConfig(stuck_fraction=0.2)
    points = crosspoints(device, (13, 9))
    devices = draw_pulsed_devices(device, (13, 9), generator(1, "population"))
    start = points.seen.copy()
    fast, wanted = start.copy(), start
    for n in range(2):
        wanted = devices.placed(wanted - np.float32(0.7) * np.outer(x[n], delta[n]))
    assert pulse_update(points, x, delta, 0.7, config, rng) == 0
    assert batch_update(fast, devices, x, delta, 0.7, config, rng) == 0
    assert points.seen == pytest.approx(wanted, abs=1e-6)
    assert fast == pytest.approx(wanted, abs=1e-6)
    stuck = ~np.isnan(devices.held)
    assert np.array_equal(points.seen[stuck], start[stuck])


def test_the_product_itself_on_pairs():
    points, rng = crosspoints(PULSED_DEVICES["pcm"], (1, 2)), generator(9)
    config = replace(BOTH, pulse_type="none_with_device")
    pulse_update(points, np.ones((1, 1)), np.array([[-0.3, 0.4]]), 1.0, config, rng)
    assert points.points.cells[:, HIDDEN] == pytest.approx([0.3, 0, 0, 0.4])
    assert points.seen[0] == pytest.approx([0.3, -0.4])


@pytest.mark.parametrize(("lr", "slots", "scale"), [(0.02, 31, None), (0.1, 98, 1.0)])
def test_free_length_without_management(lr, slots, scale):
    """0.1 / 2**-10 is 102.4 steps, 0.095 97.3: above 31 slots probabilities are the values."""
    config = PulsedUpdateConfig(update_management=False, update_bl_management=False, fixed_bl=False)
    lr = lr if scale is None else 0.095
    found = trains(0.7, 0.3, lr, EVEN.dw_min, config)
    assert found.slots == slots
    scale = scale or math.sqrt(lr / EVEN.dw_min / 31)
    assert (found.x_scale, found.delta_scale) == pytest.approx((scale, scale))
    fixed = trains(0.7, 0.3, lr, EVEN.dw_min, replace(config, fixed_bl=True))
    assert fixed.slots == 31
    balanced = trains(0.7, 0.3, lr, EVEN.dw_min, replace(config, update_management=True))
    assert balanced.slots == slots
    assert balanced.x_scale * 0.7 == pytest.approx(balanced.delta_scale * 0.3)


@pytest.mark.parametrize(("dither", "chance"), [(False, 0.5), (True, 0.4)])
def test_resolution_of_probabilities(dither, chance):
    """A probability of 0.4 in steps of 0.25: 0.5, or 0.25 and 0.5 at random; 5 standard errors.

    1,000 x 20 lines with one certain partner each; with dither lines are alike in all 8 slots, so
    the variance of a line's mean is below 1/8 + 0.125**2 times 0.25.
    """
    config = replace(BOTH, resolution=0.25, stochastic_rounding=dither)
    points = crosspoints(replace(EVEN, w_max=9.0, w_min=-9.0), (1, 1000))
    total, n = 0, 20
    delta = np.full((1, 1000), 0.4)
    delta[0, 0] = 1.0
    for key in range(n):
        total += pulse_update(
            points, np.ones((1, 1)), delta, 8 * EVEN.dw_min, config, generator(key)
        )
    found = (total - 8 * n) / (8 * n * 999)
    assert found == pytest.approx(chance, abs=5 * np.sqrt(0.25 * (1 / 8 + 0.125**2) / (999 * n)))


def test_counts_by_hand():
    """11 slots for 10.24 steps: probabilities 0.965 and 0.482 of them round to 11 and 5 pulses."""
    config = replace(BOTH, pulse_type="mean_count")
    found = trains(1.0, 1.0, 0.01, EVEN.dw_min, config)
    counts = signed_counts(
        np.array([1.0, -1]), np.array([1.0, 0.5, 0]), 0.01, found, config, generator(10)
    )
    assert np.array_equal(counts, [[-11, -5, 0], [11, 5, 0]])


def test_what_cannot_be_updated():
    points, one, rng = crosspoints(EVEN, (4, 4)), np.ones((1, 4)), generator(11)
    with pytest.raises(ValueError, match=r"^x and delta must be of \(4, 4\), not \(4, 3\)$"):
        pulse_update(points, one, one[:, :3], 0.1, BOTH, rng)
    with pytest.raises(ValueError, match=r"^delta must be of 1 samples as x, not 2$"):
        pulse_update(points, one, np.ones((2, 4)), 0.1, BOTH, rng)
    with pytest.raises(ValueError, match=r"^lr, x and delta must be finite, not 0.1, nan and 1.0$"):
        pulse_update(points, one * np.nan, one, 0.1, BOTH, rng)
    assert not points.seen.any()
    assert len(PULSE_TYPES) == 5
