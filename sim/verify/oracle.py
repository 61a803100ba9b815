"""The C++ oracle on arrays: exact sums of any width, rounded once."""

import ctypes
from typing import Any

import numpy as np

from sim.verify import native
from sim.verify.source import field_widths, has_random, oracle_source

GROUP = 8  # packets that the oracle takes at once


def expected(config: Any, fields: Any, random: Any = 0) -> np.ndarray:
    """Return what the unit with ``config`` should give; windowed units as if they were exact.

    Parameters
    ----------
    config : FloatMulConfig, ...
        Of a unit in `models.config.floats`.
    fields : array_like
        [packets, fields] or [packets, beats, fields]: operands in the order of the payload,
        without the random word.
    random : array_like
        [packets] random words for stochastic rounding.

    Returns
    -------
    ndarray
        [packets] payloads of ``o`` as int64.
    """
    widths = field_widths(config)
    numbers = len(widths) - has_random(config)
    given = np.asarray(fields, dtype=np.int64)
    given = given[:, None, :] if given.ndim == 2 else given
    count, beats, _ = given.shape
    padded = -(-count // GROUP) * GROUP
    inputs = np.zeros((padded, beats, len(widths)), dtype=np.int64)
    inputs[:count, :, :numbers] = given
    words = np.zeros(padded, dtype=np.int64)
    words[:count] = random
    out = np.empty(padded, dtype=np.int64)
    evaluate = native.compiled(oracle_source(config, "oracle_array.hpp")).evaluate
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    evaluate.argtypes = [pointer, number, number, pointer, pointer]
    evaluate.restype = None
    evaluate(inputs.ctypes.data, padded, beats, words.ctypes.data, out.ctypes.data)
    return out[:count]
