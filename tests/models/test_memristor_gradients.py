from dataclasses import replace

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view

from models.config.analog import DeviceConfig
from models.config.memristor import MemristorConfig
from models.config.presets import ADCS
from models.digital.golden import GoldenUnits
from models.systems.memristor import MemristorSystem
from models.systems.windows import gather, pick, planes, unpool
from models.trainer import data
from models.trainer.layers import MaxPool, col2im
from tests.models.small_network import MACRO, NETWORK, TINY

EXACT = DeviceConfig(
    **{"states": 4096, "read_noise": 0.0, "g_min_s": 0.0, "bound_spread": 0.0},
    **{"step_spread": 0.0, "cycle_spread": 0.0, "asymmetry_spread": 0.0},
)
RATE = 0.1


def slow_loss(images, labels, weights, biases):
    """Loss of NETWORK in float64, straight from the definition of its layers."""
    x = np.asarray(images, np.float64)
    for n, (kernel, padding) in enumerate(((3, 1), (2, 0))):
        x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        windows = sliding_window_view(x, (kernel, kernel), (2, 3))
        weight = weights[n].reshape(x.shape[1], kernel, kernel, -1)
        x = np.einsum("ncyxij,cijo->noyx", windows, weight) + biases[n][:, None, None]
        x = np.maximum(x, 0)
        if n == 0:
            x = np.maximum.reduce([x[:, :, i::2, j::2] for i in range(2) for j in range(2)])
    x = x.reshape(len(x), -1) @ weights[2] + biases[2]
    x = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    return -np.mean(x[np.arange(len(labels)), labels])


def slow_gradients(images, labels, weights, biases):
    """Central differences; the error of 1e-6 steps is far below that of the hardware."""
    gradients = [np.zeros_like(weight) for weight in weights]
    for weight, gradient in zip(weights, gradients, strict=True):
        for place in np.ndindex(weight.shape):
            kept, sides = weight[place], []
            for step in (1e-6, -1e-6):
                weight[place] = kept + step
                sides.append(slow_loss(images, labels, weights, biases))
            weight[place] = kept
            gradient[place] = (sides[0] - sides[1]) / 2e-6
    return gradients


def cosine(a, b):
    return np.vdot(a, b) / np.linalg.norm(a) / np.linalg.norm(b)


@pytest.mark.parametrize("macro", [MACRO, TINY])
def test_gradients_of_ideal_parts_are_those_of_float64(macro):
    """Cosine above 0.99; what is left is a sign or a maximum near a tie, decided otherwise."""
    macro = replace(macro, adc_bits=12, dac_bits=10)
    config = MemristorConfig(network=NETWORK, macro=macro, device=EXACT, adc=ADCS["ideal"])
    system = MemristorSystem(config, GoldenUnits(config.tile), 1)
    digits = data.load(None)
    images, labels = digits.train_images, digits.train_labels
    for n in range(0, 48, 16):
        system.train_step(images[n : n + 16], labels[n : n + 16], RATE)
    images, labels = images[256:288], labels[256:288]
    before = system.state()
    found = system.gradients(images, labels, RATE)
    after = system.state()
    weights = [stage.crossbar.weight() for stage in system.stages]
    biases = [stage.bias * 2.0**-32 for stage in system.stages]
    assert all(np.any(bias) for bias in biases)
    for mine, true in zip(found, slow_gradients(images, labels, weights, biases), strict=True):
        assert cosine(mine, true) > 0.99
        assert np.linalg.norm(mine) == pytest.approx(np.linalg.norm(true), rel=0.03)
    for name in before:
        if not name.startswith(("scalars", "counter")):
            assert np.array_equal(before[name], after[name])


def test_unpool_sends_codes_back_to_where_the_maximum_was():
    """The golden layer of another room is the oracle; a side of 7 drops a row and a column."""
    rng = np.random.default_rng(1)
    image = rng.integers(-9, 10, (3, 2, 7, 7)).astype(np.int16)
    rows = image.transpose(0, 2, 3, 1).reshape(-1, 2)
    cut = planes(rows, (7, 7), 3)
    assert cut.shape == (9, 3 * 2 * 2 * 2)
    places = cut.argmax(axis=0).astype(np.uint8)
    errors = rng.integers(-255, 256, (3, 2, 2, 2)).astype(np.int16)
    pool = MaxPool(3)
    best = pick(cut, places).reshape(3, 2, 2, 2).transpose(0, 3, 1, 2)
    assert np.array_equal(best, pool.forward(image))
    found = unpool(errors, places, 3, (7, 7)).reshape(3, 7, 7, 2).transpose(0, 3, 1, 2)
    assert np.array_equal(found, pool.backward(errors.transpose(0, 3, 1, 2)))


@pytest.mark.parametrize(("kernel", "padding"), [(1, 0), (2, 0), (3, 1), (3, 2)])
def test_gathered_partial_sums_add_up_to_col2im(kernel, padding):
    rng = np.random.default_rng(2)
    height, width = 5 + 2 * padding - kernel + 1, 6 + 2 * padding - kernel + 1
    partials = rng.integers(-99, 100, (2 * height * width, 3 * kernel**2, 4))
    found = gather(partials, (3, 5, 6), kernel, padding)
    assert found.shape == (2, 3, 5, 6, kernel**2 * 4)
    expected = col2im(partials.sum(axis=2), (2, 3, 5, 6), kernel, padding)
    assert np.array_equal(found.sum(axis=-1), expected)
