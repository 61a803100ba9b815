"""How much work a training run is."""

import math

from models.config.network import NetworkConfig


def products(network: NetworkConfig) -> int:
    """Products of weights and inputs of one sample."""
    total, shapes = 0, network.shapes()
    for layer, before, after in zip(network.layers, shapes, shapes[1:], strict=False):
        if layer.kind == "conv":
            total += math.prod(after) * before[0] * layer.kernel**2
        elif layer.kind == "linear":
            total += math.prod(before) * layer.units
    return total
