"""Moving codes and sums between images and windows: addressing, no arithmetic.

Rows are (sample, y, x) and hold one entry per channel, as a crossbar takes and gives them.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Code = TypeVar("Code", bound=np.integer)


def planes(rows: NDArray, image: tuple[int, int], side: int) -> NDArray:
    """Entries of pooling windows, one plane for each place (y, x) in the window.

    Parameters
    ----------
    rows : ndarray, shape (n * h * w, c)
        Entries of all pixels.
    image : tuple of int
        Height ``h`` and width ``w``.
    side : int
        Side of a window; rows and columns that fill none are dropped.

    Returns
    -------
    ndarray, shape (side * side, n * (h // side) * (w // side) * c)
    """
    (h, w), c = image, rows.shape[1]
    height, width = h // side, w // side
    cut = rows.reshape(-1, h, w, c)[:, : height * side, : width * side]
    windows = cut.reshape(-1, height, side, width, side, c)
    return windows.transpose(2, 4, 0, 1, 3, 5).reshape(side * side, -1)


def pick(planes: NDArray, places: NDArray[np.uint8]) -> NDArray:
    """Entry of each window at its place, from what `planes` gives."""
    size = planes.shape[1]
    return planes.reshape(-1).take(places * np.intp(size) + np.arange(size))


def unpool(
    codes: NDArray[Code], places: NDArray[np.uint8], side: int, image: tuple[int, int]
) -> NDArray[Code]:
    """Rows with each code where its window's maximum was; zero elsewhere.

    Parameters
    ----------
    codes : ndarray of integers, shape (n, h // side, w // side, c)
        One code (or BF16 pattern) per window.
    places : ndarray of uint8, size of ``codes``
        As `pick` takes them.
    side, image
        As in `planes`.

    Returns
    -------
    ndarray of their type, shape (n * h * w, c)
    """
    n, height, width, c = codes.shape
    rows = np.zeros((n, *image, c), codes.dtype)
    cut = rows[:, : height * side, : width * side]
    windows = cut.reshape(n, height, side, width, side, c)  # splits axes: always a view
    places = places.reshape(codes.shape)
    for place in range(side * side):
        y, x = divmod(place, side)
        np.multiply(codes, places == place, out=windows[:, :, y, :, x])
    return rows.reshape(-1, c)


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
        Zeros where no window reaches. In memory the last axis comes first: sums over it add whole
        planes.
    """
    c, h, w = shape
    tiles = partials.shape[-1]
    height, width = h + 2 * padding - kernel + 1, w + 2 * padding - kernel + 1
    windows = partials.reshape(-1, height, width, c, kernel, kernel, tiles)
    padded = (len(windows), h + 2 * padding, w + 2 * padding, c)
    pixels = np.zeros((kernel, kernel, tiles, *padded), np.int64)
    for ky, kx, tile in np.ndindex(kernel, kernel, tiles):
        part = windows[:, :, :, :, ky, kx, tile]
        pixels[ky, kx, tile, :, ky : ky + height, kx : kx + width] = part
    inner = pixels[:, :, :, :, padding : padding + h, padding : padding + w]
    return inner.reshape(-1, len(windows), h, w, c).transpose(1, 4, 2, 3, 0)
