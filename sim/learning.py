"""Level 3 of the cross-check: hardware training against FP32 training."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.config.network import NetworkConfig
from models.trainer.data import DataSet
from models.trainer.loss import softmax_cross_entropy
from models.trainer.network import Network
from sim.parts import Parts

Weights = Mapping[int, tuple[NDArray[Any], NDArray[Any]]]


def reference_gradients(
    config: NetworkConfig, weights: Weights, images: NDArray, labels: NDArray
) -> dict[int, NDArray[np.float64]]:
    """FP64 gradients (inputs, outputs) by layer, at given weights (inputs, outputs) and biases."""
    network = Network(config, 0, np.float64)
    parameters = network.parameters()
    for index, (weight, bias) in weights.items():
        parameters[f"{index}.weight"][:] = weight.T
        parameters[f"{index}.bias"][:] = bias
    _, gradient = softmax_cross_entropy(network.forward(images), labels)
    network.backward(gradient)
    found = network.gradients()
    return {index: found[f"{index}.weight"].T for index in weights}


def gradient_quality(
    parts: Parts, system: Any, data: DataSet, rate: float, samples: int = 256
) -> list[dict[str, Any]]:
    """Cosine and SQNR of the hardware's weight gradients, layer by layer.

    SQNR is ``10 log10(|g|^2 / |g_hw - g|^2)`` in dB against the FP64 gradient ``g`` of the same
    samples at the same weights.
    """
    images, labels = data.train_images[:samples], data.train_labels[:samples]
    return [
        {
            "layer": layer_name(system.config.network, index),
            "cosine": _cosine(want, got),
            "sqnr_db": _sqnr_db(want, got),
        }
        for index, want, got in parts.gradients(system, images, labels, rate)
    ]


def layer_name(network: NetworkConfig, index: int) -> str:
    """Kind and index of a layer."""
    return f"{index}.{network.layers[index].kind}"


def _cosine(want: NDArray, got: NDArray) -> float:
    size = np.linalg.norm(want) * np.linalg.norm(got)
    return float(np.vdot(want, got) / size) if size else 0.0


def _sqnr_db(want: NDArray, got: NDArray) -> float:
    noise, signal = np.sum((got - want) ** 2), np.sum(want**2)
    return float(10 * np.log10(signal / noise)) if signal and noise else 0.0
