"""Level 3 of the cross-check: hardware training against FP32 training."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.config.network import NetworkConfig
from models.systems.memristor import MemristorSystem
from models.systems.stage import BIAS_EXPONENT
from models.trainer.data import DataSet
from models.trainer.loss import softmax_cross_entropy
from models.trainer.network import Network


def reference_gradients(
    system: MemristorSystem, images: NDArray, labels: NDArray
) -> list[NDArray[np.float64]]:
    """FP64 gradients (inputs, outputs) at the weights that the hardware holds."""
    network = Network(system.config.network, 0, np.float64)
    parameters = network.parameters()
    for stage in system.stages:
        index = stage.crossbar.index
        parameters[f"{index}.weight"][:] = stage.crossbar.weight().T
        parameters[f"{index}.bias"][:] = stage.bias * 2.0**BIAS_EXPONENT
    _, gradient = softmax_cross_entropy(network.forward(images), labels)
    network.backward(gradient)
    found = network.gradients()
    return [found[f"{stage.crossbar.index}.weight"].T for stage in system.stages]


def gradient_quality(
    system: MemristorSystem, data: DataSet, rate: float, samples: int = 256
) -> list[dict[str, Any]]:
    """Cosine and SQNR of the hardware's weight gradients, layer by layer.

    SQNR is ``10 log10(|g|^2 / |g_hw - g|^2)`` in dB against the FP64 gradient ``g`` of the same
    samples at the same weights.
    """
    images, labels = data.train_images[:samples], data.train_labels[:samples]
    pairs = zip(
        reference_gradients(system, images, labels),
        system.gradients(images, labels, rate),
        system.stages,
        strict=True,
    )
    return [
        {
            "layer": layer_name(system.config.network, stage.crossbar.index),
            "cosine": _cosine(want, got),
            "sqnr_db": _sqnr_db(want, got),
        }
        for want, got, stage in pairs
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
