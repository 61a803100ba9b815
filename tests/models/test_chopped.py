"""The system `chopped`: products, updates, whole training steps, stored states."""

from dataclasses import replace

import numpy as np
import pytest

from models.config.chopped import ChoppedConfig, DigitalConfig, SchemeConfig
from models.config.mvm import MvmConfig
from models.config.network import LayerConfig, NetworkConfig, TrainingConfig
from models.config.pulsed import PulsedDeviceConfig, PulsedUpdateConfig
from models.digital.bf16 import from_float32, to_float32
from models.digital.chopped import GoldenChoppedUnits
from models.systems.chopped import ChoppedSystem
from models.systems.chopped_array import ChoppedArray
from models.systems.counters import Counters
from models.trainer.loss import softmax_cross_entropy
from models.trainer.network import Network

ALGORITHMS = ("sgd", "ttv1", "ttv2", "cttv2", "agad")
NETWORK = NetworkConfig(
    name="tiny",
    input_shape=(1, 8, 8),
    layers=(
        LayerConfig(kind="conv", units=4, kernel=3, padding=1),
        LayerConfig(kind="relu"),
        LayerConfig(kind="maxpool", kernel=2),
        LayerConfig(kind="linear", units=12),
        LayerConfig(kind="relu"),
        LayerConfig(kind="linear", units=5),
    ),
)
# 12-bit converters without noise, devices with very small equal steps
FINE = MvmConfig(dac_bits=12, adc_bits=12, output_bound=4.0, output_noise=0.0, sums="exact")
PLAIN = PulsedDeviceConfig(
    kind="constant_step",
    dw_min=0.001,
    w_max=1.0,
    w_min=-1.0,
    dw_min_dtod=0.0,
    w_max_dtod=0.0,
    w_min_dtod=0.0,
    up_down_dtod=0.0,
    cycle_spread=0.0,
)


def config_of(algorithm="agad", **changes):
    plain = {"noise_management": "none", "bound_management": "none"}
    base = ChoppedConfig(
        network=NETWORK,
        training=TrainingConfig(),
        scheme=SchemeConfig(algorithm=algorithm, in_chop_prob=0.5, auto_granularity=10.0),
        fast=PLAIN,
        slow=PLAIN,
        forward=FINE,
        backward=replace(FINE, bound_management="none"),
        read=replace(FINE, output_bound=1.0, **plain),
    )
    return replace(base, **changes)


def system_of(config, seed=1):
    return ChoppedSystem(config, GoldenChoppedUnits(config), seed)


def batch(samples, seed=2):
    rng = np.random.default_rng(seed)
    images = rng.random((samples, 1, 8, 8)).astype(np.float32)
    images[images < 0.3] = 0
    return images, rng.integers(0, 5, samples)


def reference_of(system):
    network = Network(system.config.network, 0, np.float64)
    parameters = network.parameters()
    for layer in system.layers:
        weight = layer.array.weight()
        parameters[f"{layer.index}.weight"][:] = weight[:-1].T
        parameters[f"{layer.index}.bias"][:] = weight[-1]
    return network


@pytest.mark.parametrize("scaling", [0.0, 0.5])
def test_logits_and_gradients_are_those_of_the_network(scaling):
    """BF16 keeps 8 bits and the converters 11: errors of some 2**-8 per layer.

    Where two pixels of a pooling window are that close, or one to 0, an error takes another way:
    none does with these images.
    """
    system = system_of(config_of(weight_scaling=scaling))
    images, labels = batch(16, seed=4)
    for layer in system.layers:  # a bias that matters
        layer.array.slow.placed(layer.array.slow.seen + np.float32(0.01))
        layer.array.refresh()
    network = reference_of(system)
    want = network.forward(images)
    np.testing.assert_allclose(system.evaluate(images), want, atol=0.03 * np.abs(want).max())
    _, gradient = softmax_cross_entropy(want, labels)
    network.backward(gradient)
    found = network.gradients()
    for layer, ours in zip(system.layers, system.gradients(images, labels), strict=True):
        wanted = np.vstack([found[f"{layer.index}.weight"].T, found[f"{layer.index}.bias"]])
        assert np.linalg.norm(ours - wanted) < 0.02 * np.linalg.norm(wanted)


def array_of(config, rows=6, columns=3):
    weight = np.linspace(-0.5, 0.5, rows * columns).reshape(rows, columns)
    return ChoppedArray(0, weight, config, GoldenChoppedUnits(config), 3, Counters())


def vectors(n, rows=6, columns=3, seed=4):
    rng = np.random.default_rng(seed)
    x, delta = (rng.uniform(-1, 1, (n, side)).astype(np.float32) for side in (rows, columns))
    return from_float32(x), from_float32(delta)


def test_sgd_moves_the_weights_by_the_outer_products():
    """Weights move by -lr x d on average.

    One pair asks for at most k = lr max|x| max|d| / dw_min = 5 slots or fewer; the count of a
    crosspoint has a variance of at most its mean, so the sum over n pairs errs by at most
    5 dw_min sqrt(sum of means) for 18 crosspoints (5 sigma), beside 2 % of BF16 scales.
    """
    config = config_of("sgd", update=PulsedUpdateConfig(desired_bl=31))
    array, (x, delta) = array_of(config), vectors(4000)
    before = array.weight()
    array.update(x, delta, 0, 0.004)
    pairs = to_float32(x).astype(np.float64), to_float32(delta).astype(np.float64)
    want = -0.004 * pairs[0].T @ pairs[1]
    means = 0.004 * np.abs(pairs[0]).T @ np.abs(pairs[1]) / PLAIN.dw_min
    error = np.abs(array.weight() - before - want)
    assert (error <= 5 * PLAIN.dw_min * np.sqrt(means) + 0.02 * np.abs(want)).all()
    assert np.abs(want).max() > 0.05
    assert array.counters["device_pulses_slow"] > 10_000


@pytest.mark.parametrize("algorithm", ALGORITHMS[1:])
@pytest.mark.parametrize("variant", ["fixed", "bf16"])
def test_a_constant_gradient_moves_every_weight_against_it(algorithm, variant):
    """x and delta are constant, so the sign of each step is known.

    The mean that ``agad`` follows takes up a constant gradient as well, except after flips.
    """
    config = config_of(algorithm, digital=DigitalConfig(variant=variant))
    array = array_of(config)
    x = np.tile(from_float32(np.array([[1, -1, 0.5, 1, -0.5, 1]], np.float32)), (8, 1))
    delta = np.tile(from_float32(np.array([[0.5, -1, 1]], np.float32)), (8, 1))
    before = array.weight()
    for step in range(60):
        array.update(x, delta, step, 0.05)
    moved = array.weight() - before
    sign = -np.sign(np.outer(to_float32(x[0]), to_float32(delta[0])))
    assert (moved * sign > 0).all()
    assert array.counters["device_pulses_slow"] > 18


def test_agad_writes_nothing_in_its_first_period():
    config = config_of("agad")
    array, pulses = array_of(config), []
    x, delta = vectors(1)
    for step in range(30):  # a pass is 6 reads, the period 2 passes
        array.update(x, delta, step, 0.5)
        pulses.append(array.counters["device_pulses_slow"])
    assert pulses[11] == 0 < pulses[-1]
    assert array.counters["fast_reads"] == 30


def test_choppers_leave_the_written_gradient_alone():
    """Without spread, noise and rounding, flips change what is in A but not what leaves it."""
    moved = []
    for probability in (0.0, 0.5):
        config = config_of("cttv2")
        scheme = replace(config.scheme, in_chop_prob=probability, auto_granularity=40.0)
        array = array_of(replace(config, scheme=scheme))
        before, flipped = array.weight(), 0
        for step in range(300):
            array.update(*vectors(4, seed=0), step, 0.05)
            flipped += array.sequencer.row_choppers.sum()
        moved.append(array.weight() - before)
        assert bool(flipped) == bool(probability)
    assert np.corrcoef(moved[0].ravel(), moved[1].ravel())[0, 1] > 0.6


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("source", ["lfsr", "philox"])
def test_a_stored_system_goes_on_as_if_it_had_never_stopped(algorithm, source):
    device = PulsedDeviceConfig(
        kind="soft_bounds_reference", dw_min=0.01, reference_std=0.2, write_noise=1.0
    )
    coarse = MvmConfig(output_bound=2.0)
    config = config_of(
        algorithm,
        digital=DigitalConfig(source=source),
        fast=device,
        slow=device,
        forward=coarse,
        backward=replace(coarse, bound_management="none"),
        read=ChoppedConfig(network=NETWORK).read,
    )
    whole = system_of(config)
    for _ in range(6):
        whole.train_step(*batch(4), 0.1)
    stored = {name: value.copy() for name, value in whole.state().items()}
    images, labels = batch(4, seed=9)
    other = system_of(config)
    other.load_state(stored)
    logits = other.evaluate(images)
    np.testing.assert_array_equal(logits, whole.evaluate(images))
    for system in (whole, other):
        for _ in range(3):
            system.train_step(images, labels, 0.1)
    ours, theirs = whole.state(), other.state()
    assert set(ours) == set(theirs)
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name])
    with pytest.raises(ValueError, match=r"^state must have 'slow.hidden'$|must have"):
        other.load_state({})


def test_saturated_products_are_repeated_with_smaller_inputs():
    small = MvmConfig(dac_bits=9, adc_bits=9, output_bound=0.25, output_noise=0.0)
    config = config_of(
        forward=small,
        backward=replace(small, bound_management="none"),
        read=replace(small, noise_management="none", bound_management="none"),
    )
    array = array_of(config)
    x, _ = vectors(20)
    values = to_float32(array.forward(x, ("test",)))
    want = to_float32(x).astype(np.float64) @ array.weight()
    assert array.counters["bound_management_repeats"] > 5
    np.testing.assert_allclose(values, want, atol=0.05)


def test_zero_vectors_give_zero():
    array = array_of(config_of())
    x = np.zeros((3, 6), np.uint16)
    assert not to_float32(array.forward(x, ("test",))).any()
    before = array.weight()
    array.update(x, vectors(3)[1], 0, 0.1)
    np.testing.assert_array_equal(array.weight(), before)
