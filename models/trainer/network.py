"""A network of golden layers built from its config."""

import math
from collections.abc import Mapping

import numpy as np

from models.config.network import LayerConfig, NetworkConfig
from models.randomness import generator
from models.trainer.layers import (
    Array,
    AvgPool,
    Conv2d,
    Layer,
    Linear,
    MaxPool,
    ReLU,
    Tanh,
)
from models.trainer.optimizer import copy_into

_UNWEIGHTED = {"relu": ReLU, "tanh": Tanh}
_POOLS = {"maxpool": MaxPool, "avgpool": AvgPool}


class Network:
    """Layers in order, with parameters named ``<index of layer>.weight`` and ``.bias``.

    Parameters
    ----------
    config : NetworkConfig
        The layers.
    seed : int
        Of the first weights, see `first_weight`.
    dtype : float32 or float64
        Of all parameters; inputs are cast to it.
    """

    def __init__(self, config: NetworkConfig, seed: int, dtype: type[np.floating] = np.float32):
        self.config = config
        self.dtype = np.dtype(dtype)
        self.layers = [
            _layer(config, index, seed, self.dtype) for index in range(len(config.layers))
        ]

    def forward(self, images: Array) -> Array:
        """Logits [n, classes] of images [n, c, h, w]; ValueError for another image shape."""
        if images.shape[1:] != self.config.input_shape:
            raise ValueError(
                f"images must be of shape {self.config.input_shape}, not {images.shape[1:]}"
            )
        x = np.asarray(images, self.dtype)
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad: Array) -> None:
        """Fill the gradients of every layer from the gradient by the logits of the last forward."""
        for layer in reversed(self.layers):
            grad = layer.backward(grad)

    def parameters(self) -> dict[str, Array]:
        """Give the arrays themselves, not copies."""
        return _named([layer.parameters for layer in self.layers])

    def gradients(self) -> dict[str, Array]:
        """Give the gradients of the last `backward`, by the names of `parameters`."""
        return _named([layer.gradients for layer in self.layers])

    def state(self) -> dict[str, Array]:
        """Copy the parameters."""
        return {name: value.copy() for name, value in self.parameters().items()}

    def load_state(self, state: Mapping[str, Array]) -> None:
        """Copy parameters into place; ValueError if a name, shape or dtype differs."""
        copy_into(self.parameters(), state)


def first_weight(config: NetworkConfig, index: int, seed: int) -> Array:
    """First weight of a layer in float64, uniform in plus or minus ``sqrt(gain / fan_in)``.

    The gain is 6 where a ReLU comes before the next weighted layer [1]_ (weight variance
    2 / fan_in), else 3 (variance 1 / fan_in). Biases start at zero. The numbers come from
    ``generator(seed, "init", index)``, so no layer depends on another.

    References
    ----------
    .. [1] K. He et al., ICCV 2015, arXiv:1502.01852, section 2.2.
    """
    layer = config.layers[index]
    channels_or_inputs = config.shapes()[index]
    if layer.kind == "conv":
        fan_in = channels_or_inputs[0] * layer.kernel**2
    else:
        fan_in = math.prod(channels_or_inputs)
    bound = math.sqrt((6 if _next_is_relu(config.layers[index + 1 :]) else 3) / fan_in)
    return generator(seed, "init", index).uniform(-bound, bound, (layer.units, fan_in))


def _next_is_relu(rest: tuple[LayerConfig, ...]) -> bool:
    for layer in rest:
        if layer.kind in ("relu", "tanh", "conv", "linear"):
            return layer.kind == "relu"
    return False


def _layer(config: NetworkConfig, index: int, seed: int, dtype: np.dtype) -> Layer:
    layer = config.layers[index]
    if layer.kind in _UNWEIGHTED:
        return _UNWEIGHTED[layer.kind]()
    if layer.kind in _POOLS:
        return _POOLS[layer.kind](layer.kernel)
    weight = first_weight(config, index, seed).astype(dtype)
    bias = np.zeros(layer.units, dtype)
    if layer.kind == "conv":
        return Conv2d(weight, bias, layer.kernel, layer.padding, input_gradient=index > 0)
    return Linear(weight, bias, input_gradient=index > 0)


def _named(groups: list[dict[str, Array]]) -> dict[str, Array]:
    return {
        f"{index}.{name}": value
        for index, group in enumerate(groups)
        for name, value in group.items()
    }
