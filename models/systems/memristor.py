"""Mixed-precision training on memristor crossbars (Wu et al. 2023; Nandakumar et al. 2020).

Forward and backward products run on the arrays at the converters' precision. Weight changes are
accumulated digitally (chi) and written as blind pulses once they exceed what a pulse does:
``chi -= lr * delta * x``, ``n = trunc(chi / eps)`` [1]_. The learning rate is folded into the error
at the output; every error below carries it.

The tiles do all products, sums, scaling, activation, pooling, rounding and threshold decisions. The
host keeps what is not in them: loss and its gradient, range registers (it reads codes and the
largest exponent of the errors), the integer sums behind the bias registers, and addressing.

References
----------
.. [1] S. R. Nandakumar et al., Front. Neurosci. 14:406, 2020, arXiv:2001.11773; rule confirmed in
   the code of aihwkit. Y. Wu et al., Adv. Mater. 2023, arXiv:2305.14547 trains LeNet with it; its
   device, threshold and schedule are not public, ours are proposals.
"""

import numpy as np
from numpy.typing import NDArray

from models.config.memristor import MemristorConfig
from models.config.network import weighted_groups
from models.digital.bf16 import from_float32, to_float32
from models.digital.golden import DigitalUnits
from models.randomness import generator
from models.systems.counters import Counters
from models.systems.crossbar_layer import SYSTEM, CrossbarLayer, content_key
from models.systems.range_control import RangeControl
from models.systems.stage import BIAS_EXPONENT, Bits, Codes, Stage
from models.trainer.loss import softmax_cross_entropy
from models.trainer.network import first_weight

INPUT_EXPONENT = -8  # one LSB of an input code: images are in [0, 1]
CALIBRATION_ROUNDS = 40


class MemristorSystem:
    """A network that trains on memristor crossbars; a learner for `models.trainer.loop.train`.

    Parameters
    ----------
    config : MemristorConfig
        The system.
    units : DigitalUnits
        Golden twins or RTL kernels: the results are the same, bit for bit.
    seed : int
        Of devices, converters, first weights and every draw.
    """

    def __init__(self, config: MemristorConfig, units: DigitalUnits, seed: int):
        self.config, self.units, self.seed = config, units, seed
        self.counters = Counters()
        self.stages = self._stages()
        self.step = 0
        self.random_state = int(generator(seed, SYSTEM, "lfsr").integers(1, 2**32))

    def _stages(self) -> list[Stage]:
        network, stages = self.config.network, []
        shapes = network.shapes()
        for index, layer, relu, pool in weighted_groups(network):
            weight = first_weight(network, index, self.seed)
            crossbar = CrossbarLayer(
                index, weight, self.config, self.units, self.seed, self.counters
            )
            stages.append(Stage(crossbar, shapes[index], layer.kernel, layer.padding, relu, pool))
        return stages

    def train_step(
        self, images: NDArray[np.float32], labels: NDArray[np.int64], rate: float
    ) -> tuple[float, int]:
        """Learn one batch; mean loss and number of right answers before the update."""
        if self.step == 0:
            self._calibrate(images, labels, rate)
        key = ("step", self.step)
        logits = self._forward(images, key)
        loss, gradient = softmax_cross_entropy(logits, labels)
        self._backward(gradient, rate, key, learn=True)
        for control in self._controls():
            control.move()
        self.step += 1
        return loss, int(np.count_nonzero(logits.argmax(axis=1) == labels))

    def _calibrate(self, images: NDArray, labels: NDArray, rate: float) -> None:
        """Move the range registers on the first batch until they rest; nothing is learnt."""
        for attempt in range(CALIBRATION_ROUNDS):
            key = ("calibrate", attempt)
            _, gradient = softmax_cross_entropy(self._forward(images, key), labels)
            self._backward(gradient, rate, key, learn=False)
            moved = [control.move() for control in self._controls()]
            if not any(moved):
                return

    def _controls(self) -> list[RangeControl]:
        return [
            control
            for stage in self.stages
            for control in (
                stage.crossbar.forward_range,
                stage.crossbar.backward_range,
                stage.exponent,
            )
        ]

    def _forward(
        self, images: NDArray[np.float32], key: tuple[str | int, ...]
    ) -> NDArray[np.float32]:
        codes = self.units.requantize(
            from_float32(np.array(images, np.float32)), None, exponent=INPUT_EXPONENT
        )
        self.counters["buffer_words"] += codes.size
        exponent, value = INPUT_EXPONENT, np.empty(0, np.uint16)
        for stage in self.stages:
            value, codes = stage.forward(codes, exponent, key)
            exponent = stage.exponent.value
            self.counters["buffer_words"] += codes.size
        return to_float32(value)

    def _backward(
        self,
        gradient: NDArray[np.float32],
        rate: float,
        key: tuple[str | int, ...],
        *,
        learn: bool,
        gradients: list[NDArray[np.float64]] | None = None,
    ) -> None:
        delta = from_float32((gradient * rate).astype(np.float32))
        for index in reversed(range(len(self.stages))):
            stage = self.stages[index]
            below = self.stages[index - 1] if index else None
            input_exponent = below.exponent.value if below else INPUT_EXPONENT
            exponent = self._error_exponent(delta, stage, input_exponent)
            codes = stage.spread(self._quantize(delta, exponent))
            if below is not None:
                delta = stage.backward(codes, exponent, below.mask(), key)
            if learn:
                stage.update(codes, exponent, input_exponent, self.step)
            if gradients is not None:
                unit = 2.0 ** (exponent + input_exponent) / rate
                gradients.insert(0, stage.products(codes) * unit)

    def _error_exponent(self, delta: Bits, stage: Stage, input_exponent: int) -> int:
        """Exponent of the error codes' LSB: the largest error fits, and chi resolves one LSB."""
        lowest = max(stage.crossbar.chi_exponent - input_exponent, BIAS_EXPONENT)
        largest = int((delta & 0x7FFF).max(initial=0)) >> 7  # biased exponent, read by the host
        return max(largest - 127 - (self.config.macro.dac_bits - 1), lowest)

    def _quantize(self, delta: Bits, exponent: int) -> Codes:
        self.counters["buffer_words"] += delta.size
        if not self.config.mapping.stochastic_error:
            return self.units.requantize(delta, None, exponent=exponent)
        words, self.random_state = self.units.random_words(self.random_state, delta.size)
        return self.units.requantize(delta, words.reshape(delta.shape), exponent=exponent)

    def evaluate(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits [n, classes]; state and counters stay as they are."""
        before = Counters(self.counters)
        logits = self._forward(images, content_key(images))
        self.counters.clear()
        self.counters.update(before)
        for control in self._controls():
            control.clear()
        return logits

    def gradients(
        self, images: NDArray[np.float32], labels: NDArray[np.int64], rate: float
    ) -> list[NDArray[np.float64]]:
        """Weight gradients (inputs, outputs) of each stage as the hardware sees them.

        Nothing is learnt; the random source moves on.
        """
        found: list[NDArray[np.float64]] = []
        key = ("gradients", self.step)
        _, gradient = softmax_cross_entropy(self._forward(images, key), labels)
        self._backward(gradient, rate, key, learn=False, gradients=found)
        for control in self._controls():
            control.clear()
        return found

    def state(self) -> dict[str, NDArray]:
        """Copy of everything that changes, by dotted names."""
        state = {
            f"{stage.crossbar.index}.{name}": value
            for stage in self.stages
            for name, value in stage.state().items()
        }
        state["scalars"] = np.array([self.step, self.random_state], np.int64)
        return state | self.counters.arrays()

    def load_state(self, state: dict[str, NDArray]) -> None:
        """Become the system that gave ``state``; ValueError if it does not fit."""
        try:
            for stage in self.stages:
                prefix = f"{stage.crossbar.index}."
                stage.load_state(
                    {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
                )
            self.step, self.random_state = (int(value) for value in state["scalars"])
            self.counters.load(state)
        except KeyError as missing:
            raise ValueError(f"state must have {missing}") from missing
