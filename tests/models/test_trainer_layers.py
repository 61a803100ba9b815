"""Layers against direct loops, hand-worked values and central differences in float64.

A central difference with step h errs by about h**2 f'''/6 + 1e-16 f/h: 1e-10 for h = 1e-5 and
values of order 1, so a relative tolerance of 1e-6 tells every wrong term from rounding.
"""

import numpy as np
import pytest

from models.config.network import LayerConfig, NetworkConfig
from models.randomness import generator
from models.trainer.layers import (
    AvgPool,
    Conv2d,
    Linear,
    MaxPool,
    ReLU,
    Tanh,
    col2im,
    im2col,
    im2rows,
)
from models.trainer.loss import softmax_cross_entropy
from models.trainer.network import Network, first_weight
from models.trainer.optimizer import SGD

STEP = 1e-5


def differences(function, array):
    """Central differences of a scalar function by every element of ``array``, in place."""
    result = np.empty_like(array)
    for place in np.ndindex(array.shape):
        kept = array[place]
        array[place] = kept + STEP
        above = function()
        array[place] = kept - STEP
        below = function()
        array[place] = kept
        result[place] = (above - below) / (2 * STEP)
    return result


def conv(random, padding, channels=2, units=3, kernel=3):
    weight = random.normal(size=(units, channels * kernel**2))
    return Conv2d(weight, random.normal(size=units), kernel, padding)


LAYERS = {
    "conv": lambda random: conv(random, 0),
    "padded conv": lambda random: conv(random, 2),
    "1x1 conv": lambda random: conv(random, 0, kernel=1),
    "linear": lambda random: Linear(random.normal(size=(4, 70)), random.normal(size=4)),
    "relu": lambda _: ReLU(),
    "tanh": lambda _: Tanh(),
    "maxpool": lambda _: MaxPool(2),
    "maxpool 3": lambda _: MaxPool(3),
    "avgpool": lambda _: AvgPool(2),
    "avgpool 3": lambda _: AvgPool(3),
}


@pytest.mark.parametrize("name", LAYERS)
def test_gradients_equal_central_differences(name):
    random = generator(1, "layers", name)
    layer = LAYERS[name](random)
    x = random.permutation(3 * 70).reshape(3, 2, 7, 5) / 50 - 2.01  # no ties, none near 0
    grad = random.normal(size=layer.forward(x).shape)

    def loss():
        return float((layer.forward(x) * grad).sum())

    found = layer.backward(grad)
    gradients = dict(layer.gradients)
    np.testing.assert_allclose(found, differences(loss, x), rtol=1e-6, atol=1e-8)
    assert set(gradients) == set(layer.parameters)
    for key, array in layer.parameters.items():
        np.testing.assert_allclose(gradients[key], differences(loss, array), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", [np.int16, np.int64, np.float32])
@pytest.mark.parametrize(("kernel", "padding"), [(1, 0), (3, 0), (3, 1), (5, 2), (2, 3)])
def test_im2col_rows_are_windows_in_stated_order(dtype, kernel, padding):
    x = np.arange(2 * 3 * 5 * 6).reshape(2, 3, 5, 6).astype(dtype)
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = [
        padded[n, :, y : y + kernel, z : z + kernel].ravel()
        for n in range(2)
        for y in range(padded.shape[2] - kernel + 1)
        for z in range(padded.shape[3] - kernel + 1)
    ]
    cols = im2col(x, kernel, padding)
    assert cols.dtype == dtype
    np.testing.assert_array_equal(cols, rows)
    whole = im2rows(x.transpose(0, 1, 3, 2).copy().transpose(0, 1, 3, 2), kernel, padding)
    assert whole.flags.c_contiguous
    assert whole.dtype == dtype
    np.testing.assert_array_equal(whole, rows)


@pytest.mark.parametrize("contiguous", [False, True])
@pytest.mark.parametrize(("kernel", "padding"), [(1, 0), (3, 0), (3, 1), (5, 2), (2, 3)])
def test_col2im_is_the_transpose_of_im2col(kernel, padding, contiguous):
    random = generator(2, "col2im", kernel, padding)
    shape = (2, 3, 5, 6)
    x = random.integers(-9, 10, shape)
    cols = im2col(x, kernel, padding)
    other = random.integers(-9, 10, cols.shape)
    other = np.ascontiguousarray(other) if contiguous else np.asfortranarray(other)
    back = col2im(other, shape, kernel, padding)
    assert back.shape == shape
    assert back.dtype == np.int64
    assert (cols * other).sum() == (x * back).sum()


def test_convolution_by_hand():
    layer = Conv2d(np.array([[1.0, 10, 100, 1000]]), np.array([0.5]), 2, 0)
    x = np.array([[[[1.0, 2, 3], [4, 5, 6]]]])
    assert layer.forward(x).tolist() == [[[[5421.5, 6532.5]]]]


def test_max_pool_drops_trailing_rows_and_prefers_the_first_of_equals():
    layer = MaxPool(2)
    x = np.array([[[[7.0, 7, 9], [7, 7, 9], [9, 9, 9]]]])
    assert layer.forward(x).tolist() == [[[[7]]]]
    grad = layer.backward(np.array([[[[3.0]]]]))
    assert grad.tolist() == [[[[3, 0, 0], [0, 0, 0], [0, 0, 0]]]]


def test_average_pool_by_hand():
    layer = AvgPool(2)
    x = np.array([[[[1.0, 2, 9], [3, 6, 9]]]])
    assert layer.forward(x).tolist() == [[[[3]]]]
    assert layer.backward(np.array([[[[8.0]]]])).tolist() == [[[[2, 2, 0], [2, 2, 0]]]]


def test_relu_passes_no_gradient_at_zero_and_gives_no_negative_zero():
    layer = ReLU()
    y = layer.forward(np.array([-1.0, -0.0, 0.0, 2.0], np.float32))
    assert not np.signbit(y[[0, 2]]).any()
    assert layer.backward(np.ones(4, np.float32)).tolist() == [0, 0, 0, 1]


def test_loss_by_hand_and_safe_for_huge_logits():
    loss, grad = softmax_cross_entropy(np.array([[0.0, np.log(3)]]), np.array([0]))
    assert loss == pytest.approx(np.log(4), rel=1e-15)
    np.testing.assert_allclose(grad, [[-0.75, 0.75]], rtol=1e-15)
    huge = np.array([[3e38, 0, -3e38], [0, 0, 0]], np.float32)
    with np.errstate(over="ignore"):  # 6e38 is beyond float32: -inf, whose exp is 0
        loss, grad = softmax_cross_entropy(huge, np.array([0, 1]))
    assert loss == pytest.approx(np.log(3) / 2, rel=1e-6)
    assert grad.dtype == np.float32
    np.testing.assert_allclose(grad, [[0, 0, 0], [1 / 6, -1 / 3, 1 / 6]], rtol=1e-6)


def small(activation="tanh", pool="maxpool"):
    kinds = (
        LayerConfig(kind="conv", units=3, kernel=3, padding=1),
        LayerConfig(kind=activation),
        LayerConfig(kind=pool, kernel=2),
        LayerConfig(kind="conv", units=4, kernel=2),
        LayerConfig(kind=activation),
        LayerConfig(kind="linear", units=5),
        LayerConfig(kind=activation),
        LayerConfig(kind="linear", units=3),
    )
    return NetworkConfig(name="small", input_shape=(2, 7, 6), layers=kinds)


@pytest.mark.parametrize(("activation", "pool"), [("tanh", "maxpool"), ("relu", "avgpool")])
def test_gradients_of_a_whole_network(activation, pool):
    network = Network(small(activation, pool), seed=3, dtype=np.float64)
    random = generator(3, "whole", activation)
    x, labels = random.normal(size=(4, 2, 7, 6)), np.array([0, 2, 1, 2])
    for name, value in network.parameters().items():
        if name.endswith("bias"):
            value += random.normal(size=value.shape)

    def loss():
        return softmax_cross_entropy(network.forward(x), labels)[0]

    network.backward(softmax_cross_entropy(network.forward(x), labels)[1])
    gradients = {name: value.copy() for name, value in network.gradients().items()}
    assert list(gradients) == list(network.parameters())
    for name, value in network.parameters().items():
        np.testing.assert_allclose(gradients[name], differences(loss, value), rtol=1e-6, atol=1e-8)


def test_network_is_float32_and_depends_on_seed_only():
    first, same, other = (Network(small(), seed) for seed in (1, 1, 2))
    assert first.forward(np.ones((1, 2, 7, 6))).dtype == np.float32
    assert {value.dtype for value in first.parameters().values()} == {np.dtype(np.float32)}
    for name, value in first.state().items():
        np.testing.assert_array_equal(value, same.state()[name])
    assert (first.state()["0.weight"] != other.state()["0.weight"]).all()


def test_first_weights_follow_the_stated_variance():
    layers = (
        LayerConfig(kind="linear", units=500),
        LayerConfig(kind="relu"),
        LayerConfig(kind="linear", units=500),
        LayerConfig(kind="tanh"),
        LayerConfig(kind="linear", units=500),
    )
    config = NetworkConfig(name="wide", input_shape=(1, 20, 20), layers=layers)
    for index, variance in ((0, 2 / 400), (2, 1 / 500), (4, 1 / 500)):
        # 200,000 samples: the variance of a uniform law is known to 0.2 %, 1 % is 5 sigma
        assert first_weight(config, index, 1).var() == pytest.approx(variance, rel=0.01)


def test_state_goes_into_place_or_not_at_all():
    network, other = Network(small(), 1), Network(small(), 2)
    held = network.parameters()["0.weight"]
    network.load_state(other.state())
    np.testing.assert_array_equal(held, other.parameters()["0.weight"])
    bad = Network(small(), 1).state()
    bad["7.bias"] = np.zeros(4, np.float32)
    message = r"^7\.bias must be float32 of shape \(3,\), not float32 of shape \(4,\)$"
    with pytest.raises(ValueError, match=message):
        network.load_state(bad)
    np.testing.assert_array_equal(held, other.parameters()["0.weight"])
    with pytest.raises(ValueError, match=r"^state must hold "):
        network.load_state({})


def test_network_refuses_another_image_shape():
    message = r"^images must be of shape \(2, 7, 6\), not \(1, 8, 8\)$"
    with pytest.raises(ValueError, match=message):
        Network(small(), 1).forward(np.zeros((4, 1, 8, 8)))


def test_momentum_by_hand():
    weight = np.array([1.0])
    optimizer = SGD({"w": weight}, momentum=0.5)
    moved = []
    for gradient, rate in ((2.0, 0.1), (4.0, 0.1), (-1.0, 0.2)):
        optimizer.step({"w": np.array([gradient])}, rate)
        moved.append(weight[0])
    # v: 2, 1 + 4 = 5, 2.5 - 1 = 1.5; w: 1 - 0.2, - 0.5, - 0.3
    np.testing.assert_allclose(moved, [0.8, 0.3, 0.0], atol=1e-15)
    assert optimizer.state()["w"].tolist() == [1.5]


def test_no_momentum_keeps_no_state():
    weight = np.array([1.0], np.float32)
    optimizer = SGD({"w": weight})
    optimizer.step({"w": np.array([2.0], np.float32)}, 0.25)
    assert weight.tolist() == [0.5]
    assert weight.dtype == np.float32
    assert optimizer.state() == {}
