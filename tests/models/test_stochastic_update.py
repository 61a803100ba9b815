"""Trains, coincidences and expected updates; what one pulse does is in test_pulsed.py."""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from models.analog import stochastic_update
from models.analog.crosspoint_trains import trains
from models.analog.pulsed import draw_pulsed_devices
from models.analog.stochastic_update import batch_update, rank_one_update
from models.config.pulsed import FAST_KINDS, PulsedDeviceConfig, PulsedUpdateConfig
from models.randomness import generator

EQUAL = dict.fromkeys(("dw_min_dtod", "w_max_dtod", "w_min_dtod", "up_down_dtod"), 0.0)
EVEN = PulsedDeviceConfig(  # sums of steps are exact
    kind="constant_step", dw_min=2.0**-10, w_max=1.0, w_min=-1.0, cycle_spread=0, **EQUAL
)
BOTH = PulsedUpdateConfig()
NEITHER = PulsedUpdateConfig(update_management=False, update_bl_management=False)
MANAGEMENTS = {
    "both": BOTH,
    "length": PulsedUpdateConfig(update_management=False),
    "balance": PulsedUpdateConfig(update_bl_management=False),
    "neither": NEITHER,
}


def population(config, shape):
    return draw_pulsed_devices(config, shape, generator(1, "population"))


zeros = partial(np.zeros, dtype=np.float32)


def literal(x, delta, lr, dw_min, config):
    """Slots and probabilities, one scalar after the other, as Gokmen et al. 2017 write them."""
    xm, dm = max(abs(v) for v in x), max(abs(v) for v in delta)
    k = lr * xm * dm / dw_min
    bl = config.desired_bl
    if config.update_bl_management:
        bl = min(math.ceil(k), config.desired_bl)
    a = b = math.sqrt(lr / (dw_min * bl))
    if config.update_management or config.update_bl_management:
        if k > config.desired_bl:
            dm = dm * config.desired_bl / k
        a = a * math.sqrt(xm / dm)
        b = b * math.sqrt(dm / xm)
    return bl, [min(1.0, b * abs(v)) for v in x], [min(1.0, a * abs(v)) for v in delta]


@pytest.mark.parametrize("lr", [1e-4, 0.003, 0.01, 0.3, 20.0])
@pytest.mark.parametrize("name", MANAGEMENTS)
def test_trains_are_those_of_the_scalar_transcription(name, lr):
    rng = generator(2, name)
    for bl in (1, 5, 31):
        config = replace(MANAGEMENTS[name], desired_bl=bl)
        x, delta = rng.uniform(-2, 2, 9), rng.uniform(-0.1, 0.1, 7)
        found = trains(np.abs(x).max(), np.abs(delta).max(), -lr, 0.001, config)
        slots, x_chance, delta_chance = literal(x, delta, lr, 0.001, config)
        assert found.slots == slots
        assert np.minimum(found.x_scale * np.abs(x), 1) == pytest.approx(x_chance)
        assert np.minimum(found.delta_scale * np.abs(delta), 1) == pytest.approx(delta_chance)


def test_trains_by_hand():
    """k = 4: four slots, and 2 and 0.5 both become probability 1; k = 124: delta is cut."""
    four = trains(2.0, 0.5, 0.004, 0.001, BOTH)
    assert four.slots == 4
    assert (four.x_scale, four.delta_scale) == pytest.approx((0.5, 2.0))
    many = trains(2.0, 0.5, 0.124, 0.001, BOTH)
    assert many.slots == 31
    assert (many.x_scale, many.delta_scale) == pytest.approx((0.5, 8.0))
    exact = trains(1.0, 1.0, 31 * 2.0**-10, 2.0**-10, BOTH)
    assert exact == (31, 1.0, 1.0)


def counted(x, delta, lr, slots, chances, rng):
    """Signed pulses by loops over slots and lines, from the same uniform draws."""
    counts = np.zeros((len(x), len(delta)))
    x_draws = rng.random((slots, len(x)), np.float32)
    delta_draws = rng.random((slots, len(delta)), np.float32)
    for slot in range(slots):
        for i, j in np.ndindex(counts.shape):
            if x_draws[slot, i] < chances[0][i] and delta_draws[slot, j] < chances[1][j]:
                counts[i, j] += 1 if lr * x[i] * delta[j] < 0 else -1
    return counts


@pytest.mark.parametrize("lr", [-0.004, 0.0001, 0.004, 0.02, 0.5])
@pytest.mark.parametrize("name", MANAGEMENTS)
def test_every_coincidence_is_one_pulse_of_the_right_sign(name, lr):
    """Exact: constant steps of a power of two without noise."""
    config, rng = MANAGEMENTS[name], generator(3, name)
    devices = population(EVEN, (13, 9))
    for sample in range(6):
        x, delta = rng.uniform(-1, 1, 13), rng.uniform(-1, 1, 9)
        x[rng.random(13) < 0.3] = 0
        delta[rng.random(9) < 0.3] = -0.0
        x[0] = delta[0] = 1
        weight = zeros((13, 9))
        pulses = rank_one_update(weight, devices, x, delta, lr, config, generator(4, sample))
        slots, *chances = literal(x, delta, abs(lr), EVEN.dw_min, config)
        counts = counted(x, delta, lr, slots, chances, generator(4, sample))
        assert np.array_equal(weight, counts * EVEN.dw_min)
        assert pulses == np.abs(counts).sum()
        assert type(pulses) is int


@pytest.mark.parametrize(
    ("kind", "name"), [*((k, "both") for k in FAST_KINDS), (FAST_KINDS[0], "neither")]
)
def test_the_mean_of_many_updates_is_the_product(kind, name):
    """n = 4,000 updates from 0 with cycle noise and equal devices; 5 standard errors, 2 % of step.

    ``k`` is 7.2: eight slots with the managements. A binomial count has less than its mean as
    variance; steps of linear kinds shrink by less than ``k dw / w_max`` over an update.
    """
    config = replace(EVEN, kind=kind, cycle_spread=0.3, gamma_up=0.5, gamma_down=0.5, gamma_dtod=0)
    size, n = 24, 4000
    rng, devices = generator(5, kind, name), population(config, (size, size))
    x, delta = rng.uniform(-1, 1, size), rng.uniform(-0.5, 0.5, size)
    x[0], delta[0] = 1, 0.5
    lr = 7.2 * config.dw_min / 0.5
    total, square = np.zeros((size, size)), np.zeros((size, size))
    for _ in range(n):
        weight = zeros((size, size))
        rank_one_update(weight, devices, x, delta, lr, MANAGEMENTS[name], rng)
        total += weight
        square += weight.astype(float) ** 2
    mean, wanted = total / n, -lr * np.outer(x, delta)
    variance = square / n - mean**2
    error = np.sqrt(variance / n)
    shrunk = (7.2 * config.dw_min) * np.abs(wanted) / 2 + 1e-7
    assert np.all(np.abs(mean - wanted) <= 5 * error + shrunk * (kind != FAST_KINDS[0]) + 1e-9)
    slots = 8 if name == "both" else 31
    steps = np.abs(wanted) / config.dw_min
    spread = steps * (1 - steps / slots + config.cycle_spread**2)
    assert variance.sum() / config.dw_min**2 == pytest.approx(spread.sum(), rel=0.03)


def test_too_large_updates_are_cut_at_the_longest_train():
    """The largest k is 310: ten times what 31 slots of certain pulses do."""
    devices, weight, lr = population(EVEN, (2, 2)), zeros((2, 2)), 310 * EVEN.dw_min
    x, delta = np.array([1.0, -1]), np.array([1.0, 0.2])
    pulses = rank_one_update(weight, devices, x, delta, lr, BOTH, generator(6))
    assert pulses == 4 * 31
    assert np.array_equal(weight, 31 * EVEN.dw_min * np.array([[-1, -1], [1, 1]], np.float32))


@pytest.mark.parametrize(("x", "delta", "lr"), [(0.0, 1.0, 1.0), (1.0, -0.0, 1.0), (1.0, 1.0, 0.0)])
def test_nothing_to_do_draws_nothing(x, delta, lr):
    devices, weight, rng = population(EVEN, (3, 5)), zeros((3, 5)), generator(7)
    assert rank_one_update(weight, devices, np.full(3, x), np.full(5, delta), lr, BOTH, rng) == 0
    assert not weight.any()
    assert rng.random() == generator(7).random()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (6, 1)])
def test_one_slot(shape):
    """Every pulse certain: one step down where signs agree."""
    devices, weight = population(EVEN, shape), zeros(shape)
    x, delta = np.resize([1.0, -1.0], shape[0]), np.resize([-1.0, 1.0], shape[1])
    config = PulsedUpdateConfig(desired_bl=1)
    pulses = rank_one_update(weight, devices, x, delta, EVEN.dw_min, config, generator(9))
    assert pulses == weight.size
    assert np.array_equal(weight, -EVEN.dw_min * np.outer(x, delta).astype(np.float32))


def test_few_pulses_and_many_take_the_same_counts(monkeypatch):
    """Without cycle noise the draws are the same, so is every weight; both ways are taken."""
    config = replace(PulsedDeviceConfig(), cycle_spread=0, stuck_fraction=0.1)
    devices, rng = population(config, (61, 47)), generator(10)
    x, delta = rng.standard_normal(61), rng.standard_normal(47)
    for lr, few in ((2e-5, True), (1e-3, None), (0.02, False)):
        results = []
        for share in (0.0, stochastic_update.SPARSE, math.inf):
            monkeypatch.setattr(stochastic_update, "SPARSE", share)
            weight = devices.placed(np.full((61, 47), 0.1))
            pulses = rank_one_update(weight, devices, x, delta, lr, BOTH, generator(11))
            results.append(weight)
            monkeypatch.undo()
        assert few in (None, pulses < stochastic_update.SPARSE * 61 * 47)
        assert pulses
        assert all(np.array_equal(result, results[0]) for result in results)


@pytest.mark.parametrize("share", [0.0, math.inf])
def test_cycle_noise_of_few_and_of_many(monkeypatch, share):
    """Certain pulses: 300 x 500 times 31 steps of noise 0.3; 5 standard errors."""
    monkeypatch.setattr(stochastic_update, "SPARSE", share)
    config = replace(EVEN, cycle_spread=0.3)
    weight = zeros((300, 500))
    x, delta, lr = np.ones(300), -np.ones(500), 31 * EVEN.dw_min
    rank_one_update(weight, population(config, (300, 500)), x, delta, lr, BOTH, generator(12))
    steps = weight.astype(float) / EVEN.dw_min
    assert steps.mean() == pytest.approx(31, abs=5 * 0.3 * math.sqrt(31 / steps.size))
    assert steps.var() == pytest.approx(31 * 0.09, rel=5 * math.sqrt(2 / steps.size))


@pytest.mark.parametrize("lr", [1e-4, 0.02])
def test_the_key_gives_the_result_whatever_the_block(lr):
    devices = population(PulsedDeviceConfig(stuck_fraction=0.05), (70, 41))
    rng = generator(13)
    x, delta = rng.standard_normal(70), rng.standard_normal(41)
    results = []
    for block in (4, 128, 65536):
        weight = devices.placed(np.zeros((70, 41)))
        pulses = rank_one_update(weight, devices, x, delta, lr, BOTH, generator(14), block)
        results.append(weight)
    assert (pulses < stochastic_update.SPARSE * weight.size) == (lr < 1e-3)
    assert all(np.array_equal(result, results[0]) for result in results)


def test_a_batch_is_its_pairs_one_after_another():
    devices, rng = population(PulsedDeviceConfig(), (12, 10)), generator(16)
    x, delta = rng.standard_normal((5, 12)), rng.standard_normal((5, 10))
    x[2] = 0
    found, wanted = (devices.placed(np.zeros((12, 10))) for _ in range(2))
    pulses = batch_update(found, devices, x, delta, 0.01, BOTH, generator(17))
    rng = generator(17)
    each = [rank_one_update(wanted, devices, x[n], delta[n], 0.01, BOTH, rng) for n in range(5)]
    assert pulses == sum(each) > 0 == each[2]
    assert np.array_equal(found, wanted)
    assert batch_update(found, devices, x[:0], delta[:0], 0.01, BOTH, rng) == 0
    none = zeros((0, 5)), population(EVEN, (0, 5)), x[0, :0], x[0, :5]
    assert rank_one_update(*none, 1, BOTH, rng) == 0


def test_stuck_devices_count_pulses_and_stay():
    devices = population(replace(EVEN, stuck_fraction=1.0), (4, 4))
    weight, one = devices.held.copy(), np.ones(4)
    assert rank_one_update(weight, devices, one, one, 31 * EVEN.dw_min, BOTH, generator(18)) == 496
    assert np.array_equal(weight, devices.held)


@pytest.mark.parametrize("lr", [1e-5, 0.02])
def test_what_cannot_be_updated(lr):
    devices, rng, one = population(EVEN, (4, 4)), generator(19), np.ones(4)
    weight = zeros((4, 4))
    with pytest.raises(ValueError, match=r"^x and delta must be of \(4, 4\), not \(4, 3\)$"):
        rank_one_update(weight, devices, one, one[:3], lr, BOTH, rng)
    with pytest.raises(ValueError, match=r"^weight must be C-contiguous float32, not float32 "):
        rank_one_update(weight.T, devices, one, one, lr, BOTH, rng)
    with pytest.raises(ValueError, match=r"^lr, x and delta must be finite, not .*, nan and 1.0$"):
        rank_one_update(weight, devices, one * np.nan, one, lr, BOTH, rng)
    with pytest.raises(ValueError, match=r"^lr, x and delta must be finite, not inf, 1.0 and 1.0$"):
        rank_one_update(weight, devices, one, one, math.inf, BOTH, rng)
    with pytest.raises(ValueError, match=r"^delta must be of 2 samples as x, not 3$"):
        batch_update(weight, devices, np.ones((2, 4)), np.ones((3, 4)), lr, BOTH, rng)
    assert not weight.any()
