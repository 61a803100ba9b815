"""Twin of the pulse sequencer: signed pulse counts to program-port transfers."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.config.checks import check_choice
from models.config.tile import SCHEMES


def pulse_program(
    row: ArrayLike, pair: ArrayLike, count: ArrayLike, scheme: str
) -> NDArray[np.int64]:
    """Transfers that program ``count`` pulses into each weight, in order.

    Parameters
    ----------
    row, pair, count : array_like of int, shape (n,)
        Commands: array row, column pair, signed pulse count (positive raises the weight).
    scheme : str
        ``push_pull`` sends the plus column, then the minus column with the opposite polarity;
        ``plus_only`` sends the plus column alone.

    Returns
    -------
    ndarray of int64, shape (m, 4)
        Row, column, polarity (1 raises the conductance) and count of each transfer. Commands
        with count 0 have none.
    """
    check_choice("scheme", scheme, SCHEMES)
    row, pair, count = (np.asarray(a, np.int64).ravel() for a in (row, pair, count))
    row, pair, count = (a[count != 0] for a in (row, pair, count))
    polarity, size = (count > 0).astype(np.int64), np.abs(count)
    plus = np.stack([row, 2 * pair, polarity, size], axis=1)
    if scheme == "plus_only":
        return plus
    minus = np.stack([row, 2 * pair + 1, 1 - polarity, size], axis=1)
    return np.stack([plus, minus], axis=1).reshape(-1, 4)
