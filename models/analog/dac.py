"""Bit-serial DACs: signed codes to the slice levels that drive the lines.

======================  ==========================  ============
quantity                symbol                      variable
======================  ==========================  ============
level of one slice      0 to ``2**slice_bits - 1``  ``levels``
======================  ==========================  ============
"""

import numpy as np
from numpy.typing import NDArray

from models.config.macro import MacroConfig


def row_levels(
    codes: NDArray[np.integer],
    macro: MacroConfig,
    *,
    slices: int,
    phases: int,
    kind: type[np.floating] = np.float32,
) -> NDArray[np.floating]:
    """Levels of the rows for a forward pass.

    Phase 0 drives the rows with positive codes, phase 1 those with negative codes.

    Parameters
    ----------
    codes : ndarray of int, shape (n, rows)
        Signed codes; a negative one needs ``phases`` 2.
    macro : MacroConfig
        Slice width.
    slices : int
        Slices to drive, most significant first.
    phases : int
        1 or 2.
    kind : float type
        Type of the result.

    Returns
    -------
    ndarray, shape (n, slices, phases, rows)
    """
    sides = np.empty((len(codes), 1, phases, codes.shape[1]), codes.dtype)
    if phases == 1:
        np.abs(codes, out=sides[:, 0, 0])
    else:
        np.maximum(codes, 0, out=sides[:, 0, 0])
        np.maximum(-codes, 0, out=sides[:, 0, 1])
    shifts = np.arange(slices - 1, -1, -1, dtype=codes.dtype) * macro.slice_bits
    levels = sides >> shifts[:, None, None]
    levels &= 2**macro.slice_bits - 1
    return levels.astype(kind)


def column_levels(
    codes: NDArray[np.integer],
    macro: MacroConfig,
    *,
    slices: int,
    kind: type[np.floating] = np.float32,
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Levels of the column pairs for a transposed pass, always in two phases.

    A positive code drives the plus column of its pair in phase 0 and the minus column in phase 1,
    a negative code the other way round. So in phase 0 plus columns get half of ``magnitude +
    signed`` and minus columns half of ``magnitude - signed``; in phase 1 they change places.

    Parameters
    ----------
    codes : ndarray of int, shape (n, pairs)
        Signed codes.
    macro, slices, kind
        As in `row_levels`.

    Returns
    -------
    magnitude, signed : ndarray, shape (n, slices, pairs)
        Levels, and the same with the signs of the codes.
    """
    magnitude = row_levels(codes, macro, slices=slices, phases=1, kind=kind)[:, :, 0]
    return magnitude, magnitude * np.sign(codes).astype(kind)[:, None]
