"""Moving codes and sums between images and windows: addressing, no arithmetic."""

import numpy as np
from numpy.typing import NDArray


def windows(image: NDArray, side: int) -> NDArray:
    """Images [n, c, h, w] to windows [n, c, h // side, w // side, side * side]."""
    n, c, h, w = image.shape
    h, w = h // side, w // side
    cut = image[:, :, : h * side, : w * side].reshape(n, c, h, side, w, side)
    return cut.transpose(0, 1, 2, 4, 3, 5).reshape(n, c, h, w, side * side)


def pick(windows: NDArray, places: NDArray[np.uint8]) -> NDArray:
    """Entry of each window [..., k] at its place."""
    return np.take_along_axis(windows, places[..., None].astype(np.intp), axis=-1)[..., 0]


def unpool(
    codes: NDArray[np.int16], places: NDArray[np.uint8], side: int, shape: tuple[int, ...]
) -> NDArray[np.int16]:
    """Put each code where its window's maximum was; zero elsewhere."""
    n, c, h, w = codes.shape
    spread = np.zeros((n, c, h, side, w, side), codes.dtype)
    for place in range(side * side):
        y, x = divmod(place, side)
        spread[:, :, :, y, :, x] = np.where(places == place, codes, 0)
    image = np.zeros((n, *shape), codes.dtype)
    image[:, :, : h * side, : w * side] = spread.reshape(n, c, h * side, w * side)
    return image


def gather(
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
