"""Signs of all lines during a batch: those of the values, and the choppers."""

import numpy as np
from numpy.typing import NDArray

from models.systems.chopped_watch import ArrayUpdate

Signs = NDArray[np.uint8]


def line_signs(seen: ArrayUpdate) -> tuple[Signs, Signs]:
    """Signs of rows and columns for each vector pair, [n, rows] and [n, columns]; 1 is negative.

    The choppers are those of the fast array; they flip after reads.
    """
    rows, columns = ((side >> 15).astype(np.uint8) for side in (seen.x, seen.delta))
    if seen.array != "fast":
        return rows, columns
    order, count = seen.order, len(seen.x)
    flips = np.zeros((count + 1, seen.x.shape[1]), np.uint8)
    np.bitwise_xor.at(flips, (order.vector + 1, order.row), order.flips)
    flips[0] = seen.before.row_choppers[: seen.x.shape[1]]
    choppers = np.bitwise_xor.accumulate(flips, axis=0)[:-1]
    last = seen.after.column_choppers[None, : seen.delta.shape[1]]
    if order.out_signs is None:
        return rows ^ choppers, columns ^ last
    signs = np.concatenate([order.out_signs, last])  # at each read and after the last
    return rows ^ choppers, columns ^ signs[np.searchsorted(order.vector, np.arange(count))]
