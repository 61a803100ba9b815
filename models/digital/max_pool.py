"""Bit-exact twin of :mod:`rtl_gen.units.max_pool`."""

import numpy as np
from numpy.typing import NDArray


def max_pool(codes: NDArray[np.integer]) -> tuple[NDArray[np.integer], NDArray[np.uint8]]:
    """Largest of the ``k`` codes in each row of ``codes`` [n, k], 1 to 256; the first of equals.

    Returns
    -------
    code : ndarray, shape (n,), type of ``codes``
        Largest code.
    index : ndarray of uint8, shape (n,)
        Its place in the row.
    """
    count = codes.shape[1]
    if not 1 <= count <= 256:
        raise ValueError(f"codes per window must be between 1 and 256, not {count}")
    best = codes[:, 0].copy()
    index = np.zeros(len(codes), np.uint8)
    for place in range(1, count):
        code = codes[:, place]
        larger = (code > best).view(np.uint8)
        np.maximum(index, larger * np.uint8(place), out=index)  # places only grow
        np.maximum(best, code, out=best)
    return best, index
