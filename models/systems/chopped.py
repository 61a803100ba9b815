"""Pulsed training on resistive crossbars: SGD, Tiki-Taka v1 and v2, c-TTv2, AGAD (Rasch et al.).

The tiles do all products, scaling, rectification, pulse trains, reads, accumulation and threshold
decisions, in BF16 and in integers. The host keeps the loss and its gradient, learning rates, the
largest magnitudes of vectors, pooling addresses, and the means behind the automatic scale.
"""

import numpy as np
from numpy.typing import NDArray

from models.config.chopped import ChoppedConfig
from models.config.network import weighted_groups
from models.digital.bf16 import from_float32, to_float32
from models.digital.chopped import ChoppedUnits
from models.systems.chopped_array import SYSTEM, ChoppedArray
from models.systems.chopped_layer import ChoppedLayer
from models.systems.counters import Counters
from models.systems.crossbar_layer import content_key
from models.trainer.loss import softmax_cross_entropy
from models.trainer.network import first_weight

Bits = NDArray[np.uint16]
Key = tuple[str | int, ...]

__all__ = ["SYSTEM", "ChoppedSystem"]


class ChoppedSystem:
    """A network that trains by pulses; a learner for `models.trainer.loop.train`.

    Parameters
    ----------
    config : ChoppedConfig
        The system.
    units : ChoppedUnits
        Golden twins or RTL kernels: the results are the same, bit for bit.
    seed : int
        Of devices, registers, first weights and every draw.
    """

    def __init__(self, config: ChoppedConfig, units: ChoppedUnits, seed: int):
        self.config, self.units, self.seed = config, units, seed
        self.counters = Counters()
        self.layers = self._layers()
        self.step = 0

    def _layers(self) -> list[ChoppedLayer]:
        network, layers = self.config.network, []
        shapes = network.shapes()
        for index, layer, relu, pool in weighted_groups(network):
            weight = first_weight(network, index, self.seed).T
            weight = np.concatenate([weight, np.zeros((1, layer.units), weight.dtype)])
            array = ChoppedArray(index, weight, self.config, self.units, self.seed, self.counters)
            window = layer.kernel, layer.padding
            layers.append(ChoppedLayer(array, shapes[index], *window, relu, pool))
        return layers

    def train_step(
        self, images: NDArray[np.float32], labels: NDArray[np.int64], rate: float
    ) -> tuple[float, int]:
        """Learn one batch; mean loss and number of right answers before the update."""
        key = ("step", self.step)
        logits = self._forward(images, key)
        loss, gradient = softmax_cross_entropy(logits, labels)
        for layer, delta in zip(self.layers, self._backward(gradient, key), strict=True):
            layer.update(delta, self.step, rate)
        self.counters["samples"] += len(labels)
        self.step += 1
        return loss, int(np.count_nonzero(logits.argmax(axis=1) == labels))

    def _forward(self, images: NDArray[np.float32], key: Key) -> NDArray[np.float32]:
        values = from_float32(np.array(images, np.float32))
        for layer in self.layers:
            values = layer.forward(values, key)
        return to_float32(values)

    def _backward(self, gradient: NDArray[np.float32], key: Key) -> list[Bits]:
        """Errors of every layer's array, one row per vector that went through it."""
        last = np.float32(self.layers[-1].array.scale)
        delta = from_float32((gradient * last).astype(np.float32))
        errors = [delta]
        for above, layer in zip(self.layers[:0:-1], self.layers[-2::-1], strict=True):
            delta = layer.spread(above.backward(errors[0], key, layer.array.scale))
            errors.insert(0, delta)
        return errors

    def evaluate(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [n, classes]; state and counters stay as they are."""
        before = Counters(self.counters)
        logits = self._forward(images, content_key(images))
        self.counters.clear()
        self.counters.update(before)
        return logits

    def gradients(
        self, images: NDArray[np.float32], labels: NDArray[np.int64]
    ) -> list[NDArray[np.float64]]:
        """Weight gradients (rows, columns) of each layer as the pulse generators get them.

        Nothing is learnt.
        """
        key = ("gradients", self.step)
        _, gradient = softmax_cross_entropy(self._forward(images, key), labels)
        errors = self._backward(gradient, key)
        return [layer.products(one) for layer, one in zip(self.layers, errors, strict=True)]

    def state(self) -> dict[str, NDArray]:
        """Copy of everything that changes, by dotted names."""
        state = {
            f"{layer.index}.{name}": value
            for layer in self.layers
            for name, value in layer.array.state().items()
        }
        state["step"] = np.array([self.step], np.int64)
        return state | self.counters.arrays()

    def load_state(self, state: dict[str, NDArray]) -> None:
        """Become the system that gave ``state``; ValueError if it does not fit."""
        try:
            for layer in self.layers:
                prefix = f"{layer.index}."
                layer.array.load_state(
                    {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
                )
            self.step = int(state["step"][0])
            self.counters.load(state)
        except KeyError as missing:
            raise ValueError(f"state must have {missing}") from missing
