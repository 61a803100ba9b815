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
    magnitude = np.abs(codes)
    levels = np.empty((len(codes), slices, phases, codes.shape[1]), kind)
    for phase in range(phases):
        sided = magnitude if phases == 1 else magnitude * ((codes > 0, codes < 0)[phase])
        for place in range(slices):
            shift = macro.slice_bits * (slices - 1 - place)
            levels[:, place, phase] = (sided >> shift) & (2**macro.slice_bits - 1)
    return levels


def column_levels(
    codes: NDArray[np.integer],
    macro: MacroConfig,
    *,
    slices: int,
    kind: type[np.floating] = np.float32,
) -> NDArray[np.floating]:
    """Levels of the columns for a transposed pass, always in two phases.

    A positive code drives the plus column of its pair in phase 0 and the minus column in phase 1,
    a negative code the other way round.

    Parameters
    ----------
    codes : ndarray of int, shape (n, pairs)
        Signed codes.
    macro, slices, kind
        As in `row_levels`.

    Returns
    -------
    ndarray, shape (n, slices, 2, 2 * pairs)
    """
    sides = row_levels(codes, macro, slices=slices, phases=2, kind=kind)
    levels = np.empty((*sides.shape[:3], 2 * codes.shape[1]), kind)
    levels[..., 0::2] = sides
    levels[..., 1::2] = sides[:, :, ::-1]
    return levels
