import re
from dataclasses import replace

import pytest

from models.config.memristor import MemristorConfig
from models.config.network import LayerConfig, NetworkConfig

CONV = LayerConfig(kind="conv", units=4, kernel=3)
RELU = LayerConfig(kind="relu")
POOL = LayerConfig(kind="maxpool", kernel=2)
LINEAR = LayerConfig(kind="linear", units=10)


def network(*layers, shape=(1, 8, 8), name="test"):
    return NetworkConfig(name=name, input_shape=shape, layers=layers)


def test_shapes_before_each_layer_and_after_the_last():
    padded = replace(CONV, padding=2)
    found = network(CONV, RELU, POOL, padded, LINEAR, shape=(3, 9, 10)).shapes()
    assert found == ((3, 9, 10), (4, 7, 8), (4, 7, 8), (4, 3, 4), (4, 5, 6), (10,))


@pytest.mark.parametrize(
    ("layers", "shape", "message"),
    [
        ((), (1, 8, 8), "layers must be non-empty with a linear layer last"),
        ((LINEAR, RELU), (1, 8, 8), "layers must be non-empty with a linear layer last"),
        ((LINEAR, CONV, LINEAR), (1, 8, 8), "layers[1] must come before the first linear layer"),
        ((LINEAR, POOL, LINEAR), (1, 8, 8), "layers[1] must come before the first linear layer"),
        ((CONV, LINEAR), (1, 8, 2), "layers[0].kernel must be at most 2, not 3"),
        ((CONV, POOL, LINEAR), (1, 3, 8), "layers[1].kernel must be at most 1, not 2"),
        ((LINEAR,), (8, 8), "input_shape must be 3 numbers, not (8, 8)"),
        ((LINEAR,), (0, 8, 8), "input_shape must be between 1 and 4096, not 0"),
    ],
)
def test_networks_that_do_not_fit(layers, shape, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        network(*layers, shape=shape)


def test_networks_of_a_wrong_kind():
    with pytest.raises(TypeError, match=r"^name must be a string, not 3$"):
        network(LINEAR, name=3)
    with pytest.raises(TypeError, match=r"^input_shape must be a tuple, not 8$"):
        network(LINEAR, shape=8)
    with pytest.raises(TypeError, match=r"^layers\[1\] must be a LayerConfig, not 'linear'$"):
        network(CONV, "linear")
    with pytest.raises(TypeError, match=r"^layers must be a tuple, not \[\]$"):
        NetworkConfig(name="test", input_shape=(1, 8, 8), layers=[])  # pyright: ignore
    with pytest.raises(TypeError, match=r"^input_shape must be an int, not 8\.0$"):
        network(LINEAR, shape=(1, 8.0, 8))


@pytest.mark.parametrize(
    ("layers", "index", "after", "kind"),
    [
        ((RELU, LINEAR), 0, "the input", "relu"),
        ((POOL, LINEAR), 0, "the input", "maxpool"),
        ((CONV, RELU, RELU, LINEAR), 2, "relu", "relu"),
        ((CONV, POOL, RELU, LINEAR), 2, "maxpool", "relu"),
        ((CONV, POOL, POOL, LINEAR), 2, "maxpool", "maxpool"),
        ((CONV, LayerConfig(kind="tanh"), LINEAR), 1, "conv", "tanh"),
        ((CONV, LayerConfig(kind="avgpool", kernel=2), LINEAR), 1, "conv", "avgpool"),
    ],
)
def test_layer_orders_that_the_memristor_system_does_not_run(layers, index, after, kind):
    message = (
        f"network.layers[{index}].kind must be a supported step after {after} "
        f"(conv or linear, then relu, then maxpool), not '{kind}'"
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        MemristorConfig(network=network(*layers))


def test_layer_orders_that_it_runs():
    for layers in ((CONV, LINEAR), (CONV, RELU, CONV, POOL, LINEAR), (LINEAR, RELU, LINEAR)):
        MemristorConfig(network=network(*layers))
