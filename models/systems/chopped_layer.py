"""One weighted layer with its ReLU and pooling, on a pair of arrays."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.digital.bf16 import to_float32
from models.systems.chopped_array import ChoppedArray
from models.systems.chopped_product import ONE
from models.systems.windows import pick, planes, unpool
from models.trainer.layers import im2rows

Bits = NDArray[np.uint16]
Key = tuple[str | int, ...]


@dataclass
class Passed:
    """What backward and update need from a forward pass: rows that were driven, mask, places."""

    rows: Bits
    mask: NDArray[np.bool_] | None
    places: NDArray[np.uint8] | None


class ChoppedLayer:
    """One weighted layer with its optional ReLU and max pooling.

    Parameters
    ----------
    array : ChoppedArray
        The weights, with those of the bias in the last row.
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
        array: ChoppedArray,
        shape: tuple[int, ...],
        kernel: int,
        padding: int,
        relu: bool,
        pool: int,
    ):
        self.array, self.units, self.index = array, array.units, array.index
        self.shape, self.kernel, self.padding = shape, kernel, padding
        self.relu, self.pool = relu, pool
        self.passed: Passed | None = None

    def weight(self) -> NDArray[np.float64]:
        """Weights, shape (rows, columns), with those of the bias in the last row."""
        return self.array.weight()

    def forward(self, values: Bits, key: Key) -> Bits:
        """BF16 values [n, ...] to those that leave the layer, [n, c, h, w] or [n, outputs]."""
        n, rows = len(values), self._rows(values)
        out, mask, places = self.array.forward(rows, key), None, None
        if self.relu:
            out, mask = self.units.relu(out)
        if self.pool:
            cut = self._before_pool(), self.pool
            best, places = self.units.max_pool(np.ascontiguousarray(planes(out, *cut).T))
            out = best.reshape(-1, out.shape[1])
            if mask is not None:
                mask = pick(planes(mask, *cut), places).reshape(out.shape)
        self.passed = Passed(rows, mask, places)
        return self._image(out, n)

    def _rows(self, values: Bits) -> Bits:
        """One row per vector of the array, the constant of the bias at its end."""
        if not self.kernel:
            inputs = values.reshape(len(values), -1)
        else:
            inputs = im2rows(values, self.kernel, self.padding)
        rows = np.empty((len(inputs), inputs.shape[1] + 1), np.uint16)
        rows[:, :-1], rows[:, -1] = inputs, ONE
        return rows

    def _image(self, rows: NDArray, n: int) -> NDArray:
        """Rows (sample, y, x) to images [n, c, h, w]; linear layers keep [n, outputs]."""
        if not self.kernel:
            return rows
        sides = (side // max(1, self.pool) for side in self._before_pool())
        return rows.reshape(n, *sides, -1).transpose(0, 3, 1, 2)

    def _before_pool(self) -> tuple[int, int]:
        """Height and width of a convolution's output."""
        height, width = (side + 2 * self.padding - self.kernel + 1 for side in self.shape[1:])
        return height, width

    def backward(self, delta: Bits, key: Key, factor: float) -> Bits:
        """Errors [n, outputs] of the array to those of the layer's input, times ``factor``."""
        found = self.array.backward(delta, key, factor)[:, :-1]
        if not self.kernel:
            return np.ascontiguousarray(found).reshape(-1, *self.shape)
        return self._folded(found)

    def _folded(self, found: Bits) -> Bits:
        """Add up what the windows have for each pixel, one place in the window after another."""
        c, h, w = self.shape
        height, width = self._before_pool()
        k, p = self.kernel, self.padding
        windows = found.reshape(-1, height, width, c, k, k)
        pixels = np.zeros((len(windows), h + 2 * p, w + 2 * p, c), np.uint16)
        for y, x in np.ndindex(k, k):
            part = pixels[:, y : y + height, x : x + width]
            part[...] = self.units.add(part.copy(), windows[..., y, x].copy())
        return pixels[:, p : p + h, p : p + w].transpose(0, 3, 1, 2)

    def spread(self, delta: Bits) -> Bits:
        """Errors behind the layer to one row per vector of its array."""
        passed = self._passed()
        if self.kernel:
            delta = delta.reshape(len(delta), -1, *self._after_pool()).transpose(0, 2, 3, 1)
            rows = np.ascontiguousarray(delta).reshape(-1, delta.shape[3])
        else:
            rows = delta.reshape(len(delta), -1)
        if passed.mask is not None:
            rows = self.units.masked(rows, passed.mask)
        if passed.places is None:
            return rows
        image = self._before_pool()
        return unpool(rows.reshape(delta.shape), passed.places, self.pool, image)

    def _after_pool(self) -> tuple[int, int]:
        height, width = self._before_pool()
        side = max(1, self.pool)
        return height // side, width // side

    def update(self, delta: Bits, step: int, rate: float) -> None:
        """Learn from error rows, see `spread`."""
        self.array.update(self._passed().rows, delta, step, rate)

    def products(self, delta: Bits) -> NDArray[np.float64]:
        """Sum of the outer products of a batch in the units of the layer: (rows, columns)."""
        x, errors = (to_float32(side).astype(np.float64) for side in (self._passed().rows, delta))
        return x.T @ errors / self.array.scale

    def _passed(self) -> Passed:
        if self.passed is None:
            raise RuntimeError("a forward pass must come before a backward pass")
        return self.passed
