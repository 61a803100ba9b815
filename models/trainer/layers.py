"""Layers on NCHW arrays: ``forward`` keeps what ``backward`` needs, ``backward`` fills gradients.

Shapes are free in the batch dimension n; arrays keep the dtype of what reaches them.
"""

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def im2col(x: Array, kernel: int, padding: int) -> Array:
    """Unroll every window into a row, for any dtype.

    Parameters
    ----------
    x : array
        Shape [n, c, h, w].
    kernel, padding : int
        Side of the window, which moves by one; zeros added on each side.

    Returns
    -------
    array
        Shape [n * positions, c * kernel * kernel]: rows by (sample, y, x), columns by
        (channel, ky, kx). The memory order is column first; `numpy.ascontiguousarray` where
        whole rows are wanted in one piece.
    """
    if padding:
        x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    n, c, height, width = (*x.shape[:2], *(side - kernel + 1 for side in x.shape[2:]))
    columns = np.empty((c, kernel, kernel, n, height, width), x.dtype)
    channels = x.transpose(1, 0, 2, 3)
    for ky in range(kernel):
        for kx in range(kernel):
            columns[:, ky, kx] = channels[:, :, ky : ky + height, kx : kx + width]
    return columns.reshape(c * kernel * kernel, -1).T


def im2rows(x: Array, kernel: int, padding: int) -> Array:
    """Unroll every window into a row as `im2col` does, each row in one piece of memory."""
    if padding:
        x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    places = _places(x.shape[1:], kernel)
    rows = x.reshape(len(x), -1).take(places, axis=1, mode="wrap")  # all are inside
    return rows.reshape(-1, x.shape[1] * kernel * kernel)


@lru_cache(maxsize=64)
def _places(shape: tuple[int, ...], kernel: int) -> NDArray[np.intp]:
    """Where the windows of an image [c, h, w] take their entries from, window by window."""
    image = np.arange(math.prod(shape), dtype=np.intp).reshape(shape)
    windows = np.lib.stride_tricks.sliding_window_view(image, (kernel, kernel), axis=(1, 2))
    return windows.transpose(1, 2, 0, 3, 4).reshape(-1)


def col2im(cols: Array, shape: tuple[int, ...], kernel: int, padding: int) -> Array:
    """Add every row of ``cols`` back onto its window: the transpose of `im2col`.

    Parameters
    ----------
    cols : array
        As `im2col` gives it. Sums are made in its dtype, so integers must leave room for
        ``kernel * kernel`` terms.
    shape : tuple of int
        Shape [n, c, h, w] of the result, without padding.
    kernel, padding : int
        As in `im2col`.
    """
    n, c, h, w = shape
    height, width = h + 2 * padding - kernel + 1, w + 2 * padding - kernel + 1
    windows = cols.reshape(n, height, width, c, kernel, kernel).transpose(3, 0, 1, 2, 4, 5)
    total = np.zeros((c, n, h + 2 * padding, w + 2 * padding), cols.dtype)
    for ky in range(kernel):
        for kx in range(kernel):
            total[:, :, ky : ky + height, kx : kx + width] += windows[..., ky, kx]
    return total[:, :, padding : padding + h, padding : padding + w].transpose(1, 0, 2, 3)


class Layer:
    """A step of a network.

    Attributes
    ----------
    parameters, gradients : dict of str to array
        What training changes, and the gradient of the loss after `backward`; same names.
    """

    _kept: Array = np.empty(0)  # from the last forward for backward
    _shape: tuple[int, ...] = ()  # of the last input

    def __init__(self):
        self.parameters: dict[str, Array] = {}
        self.gradients: dict[str, Array] = {}

    def forward(self, x: Array) -> Array:
        """Give the output of the layer for ``x``."""
        raise NotImplementedError

    def backward(self, grad: Array) -> Array:
        """Give the gradient by the last ``x`` from the gradient by its output."""
        raise NotImplementedError


class Weighted(Layer):
    """Layer with ``weight`` [outputs, inputs] and ``bias`` [outputs].

    Parameters
    ----------
    weight, bias : array
        First values; the layer keeps and changes these arrays.
    input_gradient : bool
        False for a first layer: `backward` then saves the work and gives an empty array.
    """

    def __init__(self, weight: Array, bias: Array, *, input_gradient: bool = True):
        super().__init__()
        self.parameters = {"weight": weight, "bias": bias}
        self.input_gradient = input_gradient


class Conv2d(Weighted):
    """Convolution with stride 1; weight columns in the order (channel, ky, kx) of `im2col`.

    Parameters
    ----------
    weight, bias : array
        Shapes [outputs, channels * kernel * kernel] and [outputs].
    kernel, padding : int
        Side of the window; zeros added on each side.
    input_gradient : bool
        As in `Weighted`.
    """

    def __init__(
        self, weight: Array, bias: Array, kernel: int, padding: int, *, input_gradient: bool = True
    ):
        super().__init__(weight, bias, input_gradient=input_gradient)
        self.kernel = kernel
        self.padding = padding

    def forward(self, x: Array) -> Array:
        """Shape [n, c, h, w] to [n, outputs, h', w']."""
        self._shape, self._kept = x.shape, im2col(x, self.kernel, self.padding)
        y = self.parameters["weight"] @ self._kept.T + self.parameters["bias"][:, None]
        height, width = (side + 2 * self.padding - self.kernel + 1 for side in x.shape[2:])
        return y.reshape(-1, len(x), height, width).transpose(1, 0, 2, 3)

    def backward(self, grad: Array) -> Array:
        """Shape of the output to shape of the input."""
        rows = grad.transpose(1, 0, 2, 3).reshape(grad.shape[1], -1)
        self.gradients = {"weight": rows @ self._kept, "bias": rows.sum(axis=1)}
        if not self.input_gradient:
            return np.empty(0, grad.dtype)
        cols = (self.parameters["weight"].T @ rows).T
        return col2im(cols, self._shape, self.kernel, self.padding)


class Linear(Weighted):
    """Matrix product; flattens each sample to (channel, y, x)."""

    def forward(self, x: Array) -> Array:
        """Shape [n, ...] to [n, outputs]."""
        self._shape, self._kept = x.shape, x.reshape(len(x), -1)
        return self._kept @ self.parameters["weight"].T + self.parameters["bias"]

    def backward(self, grad: Array) -> Array:
        """Shape of the output to shape of the input."""
        self.gradients = {"weight": grad.T @ self._kept, "bias": grad.sum(axis=0)}
        if not self.input_gradient:
            return np.empty(0, grad.dtype)
        return (grad @ self.parameters["weight"]).reshape(self._shape)


class ReLU(Layer):
    """``max(x, 0)``; gradient 0 at 0."""

    def forward(self, x: Array) -> Array:
        """Any shape."""
        self._kept = np.maximum(x, x.dtype.type(0))
        return self._kept

    def backward(self, grad: Array) -> Array:
        """Any shape."""
        return grad * (self._kept > 0)


class Tanh(Layer):
    """Hyperbolic tangent."""

    def forward(self, x: Array) -> Array:
        """Any shape."""
        self._kept = np.tanh(x)
        return self._kept

    def backward(self, grad: Array) -> Array:
        """Any shape."""
        return grad * (1 - self._kept * self._kept)


class Pool(Layer):
    """Windows of ``kernel`` x ``kernel`` that do not overlap; trailing rows and columns dropped."""

    def __init__(self, kernel: int):
        super().__init__()
        self.kernel = kernel

    def _views(self, x: Array) -> list[Array]:
        """One view per place in the window, in the order (ky, kx)."""
        k = self.kernel
        height, width = (side // k * k for side in x.shape[2:])
        return [x[:, :, ky:height:k, kx:width:k] for ky in range(k) for kx in range(k)]

    def _spread(self, grad: Array) -> Array:
        n, c, h, w = self._shape
        return np.zeros((c, n, h, w), grad.dtype).transpose(1, 0, 2, 3)


class MaxPool(Pool):
    """Largest of each window; of equal ones the first in the order (ky, kx)."""

    def forward(self, x: Array) -> Array:
        """Shape [n, c, h, w] to [n, c, h // kernel, w // kernel]."""
        self._shape = x.shape
        best, *others = self._views(x)
        self._kept = np.zeros_like(best, np.uint16)
        for place, value in enumerate(others, start=1):
            np.copyto(self._kept, place, where=value > best)
            best = np.maximum(best, value)
        return best

    def backward(self, grad: Array) -> Array:
        """Shape of the output to shape of the input."""
        result = self._spread(grad)
        for place, view in enumerate(self._views(result)):
            np.multiply(grad, self._kept == place, out=view)
        return result


class AvgPool(Pool):
    """Mean of each window."""

    def forward(self, x: Array) -> Array:
        """Shape [n, c, h, w] to [n, c, h // kernel, w // kernel]."""
        self._shape = x.shape
        first, *others = self._views(x)
        total = first.copy()
        for value in others:
            total += value
        return total / x.dtype.type(self.kernel**2)

    def backward(self, grad: Array) -> Array:
        """Shape of the output to shape of the input."""
        result = self._spread(grad)
        share = grad / grad.dtype.type(self.kernel**2)
        for view in self._views(result):
            view[...] = share
        return result
