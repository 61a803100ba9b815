"""One weighted layer with its ReLU and pooling, as the digital side of the tiles runs it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.digital.bf16 import from_float32
from models.digital.relu_mask import MASK, PASS, RELU
from models.systems.crossbar_layer import CrossbarLayer
from models.systems.range_control import RangeControl
from models.systems.windows import gather, pick, planes, unpool
from models.trainer.layers import im2rows

BIAS_EXPONENT = -32  # one LSB of a bias accumulator
BIAS_LIMIT = 2**47 - 1

Bits = NDArray[np.uint16]
Codes = NDArray[np.int16]


@dataclass
class Passed:
    """What the backward and update passes need from the forward pass of one stage."""

    columns: Codes
    mask: NDArray[np.bool_]
    places: NDArray[np.uint8] | None  # of windows in the order (sample, y, x, channel)


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
            self.register,
            np.zeros(1, np.bool_),
            activation=RELU if self.relu else PASS,
            exponent=self.exponent.value,
        )
        self.crossbar.counters["bf16_operations"] += 4 * out.value.size
        self.exponent.add(self.exponent.see(out.code))
        value, code, mask = out.value, out.code, out.mask
        places = None
        if self.pool:
            cut = self._before_pool(), self.pool
            code, places = self.units.max_pool(planes(code, *cut).T)
            value, mask = (pick(planes(part, *cut), places) for part in (value, mask))
        value, code, mask = (self._image(part, n) for part in (value, code, mask))
        self.passed = Passed(columns, mask, places)
        return value, code

    def _columns(self, codes: Codes) -> Codes:
        if self.kernel:
            return im2rows(codes, self.kernel, self.padding)
        return codes.reshape(len(codes), -1)

    def _image(self, rows: NDArray, n: int) -> NDArray:
        """Rows (sample, y, x) to images [n, c, h, w]; linear stages keep [n, outputs]."""
        if not self.kernel:
            return rows
        sides = (side // max(1, self.pool) for side in self._before_pool())
        return rows.reshape(n, *sides, -1).transpose(0, 3, 1, 2)

    def spread(self, codes: Codes) -> Codes:
        """Error codes after the stage to one row per vector of the crossbar."""
        passed = self._passed()
        if not self.kernel:
            return codes.reshape(len(codes), -1)
        codes = codes.transpose(0, 2, 3, 1)
        if passed.places is not None:
            return unpool(codes, passed.places, self.pool, self._before_pool())
        return codes.reshape(-1, codes.shape[3])

    def _before_pool(self) -> tuple[int, int]:
        """Height and width of a convolution's output."""
        height, width = (side + 2 * self.padding - self.kernel + 1 for side in self.shape[1:])
        return height, width

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
            partials = gather(partials, self.shape, self.kernel, self.padding)
        shape = partials.shape[:-1]
        out = self.units.post_process(
            partials,
            bits(self.crossbar.backward_unit * 2.0**exponent),
            np.zeros(1, np.uint16),
            np.ones(1, np.bool_) if mask is None else mask.reshape(shape),
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


def bits(value: float) -> int:
    """BF16 pattern nearest to a number of the host."""
    return int(from_float32(np.array([value], np.float32))[0])
