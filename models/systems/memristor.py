"""Mixed-precision training on memristor crossbars (Wu et al. 2023; Nandakumar et al. 2020).

Forward and backward products run on the arrays at the converters' precision. Weight changes are
accumulated digitally (chi) and written as blind pulses once they exceed what a pulse does:
``chi -= lr * delta * x``, ``n = trunc(chi / eps)`` [1]_. The learning rate is folded into the error
at the output; every error below carries it.

References
----------
.. [1] S. R. Nandakumar et al., Front. Neurosci. 14:406, 2020, arXiv:2001.11773; rule confirmed in
   the code of aihwkit. Y. Wu et al., Adv. Mater. 2023, arXiv:2305.14547 trains LeNet with it; its
   device, threshold and schedule are not public, ours are proposals.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.config.memristor import MemristorConfig
from models.digital.bf16 import from_float32, to_float32
from models.digital.golden import DigitalUnits
from models.digital.relu_mask import MASK, PASS, RELU
from models.randomness import generator
from models.systems.counters import Counters
from models.systems.crossbar_layer import SYSTEM, CrossbarLayer, content_key
from models.systems.range_control import RangeControl
from models.trainer.layers import im2col
from models.trainer.loss import softmax_cross_entropy
from models.trainer.network import first_weight

INPUT_EXPONENT = -8  # one LSB of an input code: images are in [0, 1]
BIAS_EXPONENT = -32  # one LSB of a bias accumulator
BIAS_LIMIT = 2**47 - 1
CALIBRATION_ROUNDS = 40

Bits = NDArray[np.uint16]
Codes = NDArray[np.int16]


@dataclass
class Passed:
    """What the backward and update passes need from the forward pass of one stage."""

    columns: Codes
    mask: NDArray[np.bool_]
    places: NDArray[np.uint8] | None


class Stage:
    """One weighted layer with its optional ReLU and max pooling, as the digital side runs it.

    Parameters
    ----------
    crossbar : CrossbarLayer
        The weights.
    shape : tuple of int
        Shape of one input sample.
    kernel, padding : int
        Window of a convolution; kernel 0 is a linear layer.
    relu : bool
        Rectify.
    pool : int
        Side of the pooling window; 0 is none.
    """

    def __init__(
        self,
        crossbar: CrossbarLayer,
        shape: tuple[int, ...],
        kernel: int,
        padding: int,
        relu: bool,
        pool: int,
    ):
        self.crossbar, self.units = crossbar, crossbar.units
        self.shape, self.kernel, self.padding = shape, kernel, padding
        self.relu, self.pool = relu, pool
        self.bias = np.zeros(crossbar.outputs, np.int64)
        self.register = np.zeros(crossbar.outputs, np.uint16)
        limit = 2**crossbar.config.macro.dac_bits - 1
        self.exponent = RangeControl(-6, -40, 20, limit)
        self.passed: Passed | None = None

    def forward(
        self, codes: Codes, exponent: int, key: tuple[str | int, ...]
    ) -> tuple[Bits, Codes]:
        """BF16 values and codes that leave the stage, from input codes of LSB ``2**exponent``."""
        n = len(codes)
        columns = self._columns(codes)
        partials = self.crossbar.forward(columns, key, signed=bool((codes < 0).any()))
        scale = bits(self.crossbar.forward_unit * 2.0**exponent)
        out = self.units.post_process(
            partials,
            scale,
            np.broadcast_to(self.register, partials.shape[:2]),
            np.zeros(partials.shape[:2], np.bool_),
            activation=RELU if self.relu else PASS,
            exponent=self.exponent.value,
        )
        self.crossbar.counters["bf16_operations"] += 4 * out.value.size
        self.exponent.add(self.exponent.see(out.code))
        value, code, mask = (self._image(part, n) for part in (out.value, out.code, out.mask))
        places = None
        if self.pool:
            windows = _windows(code, self.pool)
            best, where = self.units.max_pool(windows.reshape(-1, self.pool**2))
            code, places = best.reshape(windows.shape[:-1]), where.reshape(windows.shape[:-1])
            value, mask = (_pick(_windows(part, self.pool), places) for part in (value, mask))
        self.passed = Passed(columns, mask, places)
        return value, code

    def _columns(self, codes: Codes) -> Codes:
        if self.kernel:
            return np.ascontiguousarray(im2col(codes, self.kernel, self.padding))
        return codes.reshape(len(codes), -1)

    def _image(self, rows: NDArray, n: int) -> NDArray:
        """Rows (sample, position) to images [n, c, h, w]; linear stages keep [n, outputs]."""
        if not self.kernel:
            return rows
        side = [size + 2 * self.padding - self.kernel + 1 for size in self.shape[1:]]
        return np.ascontiguousarray(rows.reshape(n, *side, -1).transpose(0, 3, 1, 2))

    def spread(self, codes: Codes) -> Codes:
        """Error codes after the stage to one row per vector of the crossbar."""
        passed = self._passed()
        if passed.places is not None:
            codes = _unpool(codes, passed.places, self.pool, self._before_pool())
        if not self.kernel:
            return codes.reshape(len(codes), -1)
        c = codes.shape[1]
        return np.ascontiguousarray(codes.transpose(0, 2, 3, 1)).reshape(-1, c)

    def _before_pool(self) -> tuple[int, ...]:
        side = [size + 2 * self.padding - self.kernel + 1 for size in self.shape[1:]]
        return (self.crossbar.outputs, *side)

    def backward(
        self,
        delta: Codes,
        exponent: int,
        mask: NDArray[np.bool_] | None,
        key: tuple[str | int, ...],
    ) -> Bits:
        """BF16 error at the input of the stage, from its error rows (see `spread`)."""
        partials = self.crossbar.backward(delta, key)
        if self.kernel:
            partials = _gather(partials, self.shape, self.kernel, self.padding)
        shape = partials.shape[:-1]
        out = self.units.post_process(
            partials,
            bits(self.crossbar.backward_unit * 2.0**exponent),
            np.zeros(shape, np.uint16),
            np.ones(shape, np.bool_) if mask is None else mask.reshape(shape),
            activation=PASS if mask is None else MASK,
            exponent=exponent,
        )
        self.crossbar.counters["bf16_operations"] += 3 * out.value.size
        return out.value.reshape(-1, *self.shape)

    def update(self, delta: Codes, exponent: int, input_exponent: int, step: int) -> None:
        """Update weights and bias from error rows of LSB ``2**exponent``."""
        self.crossbar.update(self._passed().columns, delta, exponent + input_exponent, step)
        total = delta.sum(axis=0, dtype=np.int64) << (exponent - BIAS_EXPONENT)
        self.bias = np.clip(self.bias - total, -BIAS_LIMIT, BIAS_LIMIT)
        unit = np.full(self.bias.shape, bits(2.0**BIAS_EXPONENT), np.uint16)
        self.register = self.units.bf16_mul(self.units.int_to_bf16(self.bias), unit)

    def products(self, delta: Codes) -> NDArray[np.float64]:
        """Sum of outer products of a batch, as the update unit adds them up: (inputs, outputs)."""
        return self._passed().columns.T.astype(np.float64) @ delta

    def mask(self) -> NDArray[np.bool_] | None:
        """Where the activation let the last forward pass through; None without ReLU."""
        return self._passed().mask if self.relu else None

    def _passed(self) -> Passed:
        if self.passed is None:
            raise RuntimeError("a forward pass must come before a backward pass")
        return self.passed

    def state(self) -> dict[str, NDArray]:
        """Copy of everything that changes."""
        return self.crossbar.state() | {
            "bias": self.bias.copy(),
            "bias_register": self.register.copy(),
            "exponent": np.array([self.exponent.value], np.int64),
        }

    def load_state(self, state: dict[str, NDArray]) -> None:
        """Take back what `state` gave; ValueError if something does not fit."""
        if state["bias"].shape != self.bias.shape:
            raise ValueError(f"bias must be of shape {self.bias.shape}")
        self.crossbar.load_state(state)
        self.bias, self.register = state["bias"].copy(), state["bias_register"].copy()
        self.exponent.value = int(state["exponent"][0])


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
        for index, layer in enumerate(network.layers):
            if layer.kind not in ("conv", "linear"):
                continue
            after = [step.kind for step in network.layers[index + 1 : index + 3]]
            relu = after[:1] == ["relu"]
            pooled = network.layers[index + 1 + relu] if len(after) > relu else None
            pool = pooled.kernel if pooled is not None and pooled.kind == "maxpool" else 0
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
        names = sorted(self.counters)
        state["counter_names"] = np.array(names, dtype="U64")
        state["counter_values"] = np.array([self.counters[name] for name in names], np.int64)
        return state

    def load_state(self, state: dict[str, NDArray]) -> None:
        """Become the system that gave ``state``; ValueError if it does not fit."""
        try:
            for stage in self.stages:
                prefix = f"{stage.crossbar.index}."
                stage.load_state(
                    {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
                )
            self.step, self.random_state = (int(value) for value in state["scalars"])
            names, values = state["counter_names"].tolist(), state["counter_values"].tolist()
        except KeyError as missing:
            raise ValueError(f"state must have {missing}") from missing
        self.counters.clear()
        self.counters.update(dict(zip(names, values, strict=True)))


def bits(value: float) -> int:
    """BF16 pattern nearest to a number of the host."""
    return int(from_float32(np.array([value], np.float32))[0])


def _windows(image: NDArray, side: int) -> NDArray:
    """Images [n, c, h, w] to windows [n, c, h // side, w // side, side * side]."""
    n, c, h, w = image.shape
    h, w = h // side, w // side
    cut = image[:, :, : h * side, : w * side].reshape(n, c, h, side, w, side)
    return cut.transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h, w, side * side)


def _pick(windows: NDArray, places: NDArray[np.uint8]) -> NDArray:
    return np.take_along_axis(windows, places[..., None].astype(np.intp), axis=-1)[..., 0]


def _unpool(codes: Codes, places: NDArray[np.uint8], side: int, shape: tuple[int, ...]) -> Codes:
    """Put each code where its window's maximum was; zero elsewhere."""
    n, c, h, w = codes.shape
    spread = np.zeros((n, c, h, side, w, side), codes.dtype)
    for place in range(side * side):
        y, x = divmod(place, side)
        spread[:, :, :, y, :, x] = np.where(places == place, codes, 0)
    image = np.zeros((n, *shape), codes.dtype)
    image[:, :, : h * side, : w * side] = spread.reshape(n, c, h * side, w * side)
    return image


def _gather(
    partials: NDArray[np.int64], shape: tuple[int, ...], kernel: int, padding: int
) -> NDArray[np.int64]:
    """Partial sums per window to the partial sums of every input pixel.

    Parameters
    ----------
    partials : ndarray of int64, shape (n * positions, c * kernel * kernel, tiles)
        As the crossbar gives them.
    shape : tuple of int
        Channels, height, width of the input.
    kernel, padding : int
        The window.

    Returns
    -------
    ndarray of int64, shape (n, c, h, w, kernel * kernel * tiles)
        Zeros where no window reaches.
    """
    c, h, w = shape
    tiles = partials.shape[-1]
    height, width = h + 2 * padding - kernel + 1, w + 2 * padding - kernel + 1
    windows = partials.reshape(-1, height, width, c, kernel, kernel, tiles)
    padded = (len(windows), c, h + 2 * padding, w + 2 * padding, kernel, kernel, tiles)
    pixels = np.zeros(padded, np.int64)
    for ky in range(kernel):
        for kx in range(kernel):
            part = windows[:, :, :, :, ky, kx].transpose(0, 3, 1, 2, 4)
            pixels[:, :, ky : ky + height, kx : kx + width, ky, kx] = part
    inner = pixels[:, :, padding : padding + h, padding : padding + w]
    return inner.reshape(len(windows), c, h, w, -1)
