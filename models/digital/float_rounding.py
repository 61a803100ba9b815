"""The one rounding of every float twin: exact magnitudes to patterns of a format.

A magnitude arrives as a *head*: its 60 highest bits, the lowest of which is also set when ones
were cut off below. No rounding looks further: 24 bits of a significand, 32 bits below it that
stochastic rounding compares, and whether anything is left.
"""

import numpy as np
from numpy.typing import NDArray

from models.config.floats import FloatUnitConfig

HEAD_BITS = 60


def bit_length(value: NDArray[np.int64]) -> NDArray[np.int64]:
    """``int.bit_length`` of integers from 0 to 2**63 - 1."""
    # float64 has the length in its exponent. With the bit below the leading one cleared, its
    # rounding cannot carry into the next power of two.
    number = (value & ~(value >> 1)).astype(np.float64)
    length = number.view(np.int64) >> 52
    length -= 1022
    return np.maximum(length, 0, out=length)


def head_of(value: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Heads of integers below 2**60, and their floor(log2); of 0 they are 0 and -1."""
    length = bit_length(value)
    return value << (HEAD_BITS - length), length - 1


def rounded(
    head: NDArray[np.int64],
    log2: NDArray[np.int64],
    negative: NDArray[np.bool_],
    config: FloatUnitConfig,
    random: NDArray | None,
) -> NDArray[np.int64]:
    """Patterns of ``config.result`` nearest to finite numbers as ``config.rounding`` has it.

    Parameters
    ----------
    head, log2 : ndarray of int64
        Magnitudes: 60 highest bits (or 0) and floor(log2).
    negative : ndarray of bool
        Signs, also of zeros.
    config : FloatUnitConfig
        Result format, rounding, subnormals.
    random : ndarray of int, optional
        Words of ``config.random_bits`` bits for stochastic rounding.
    """
    result, places = config.result, config.result.mantissa_bits
    step = log2 if config.is_flushed else np.maximum(log2, 1 - result.bias)
    dropped = step - log2 + (HEAD_BITS - 1 - places)
    # The hidden bit in the steps adds 1 to the field, and so does a carry out of them.
    magnitude = (step + (result.bias - 1)) << places
    magnitude += _steps(head, dropped, config, random)
    magnitude *= head != 0
    if config.is_flushed:
        magnitude *= magnitude >= 2**places
    return _signed(magnitude, negative, config)


def with_specials(
    pattern: NDArray[np.int64],
    negative: NDArray[np.bool_],
    is_nan: NDArray[np.bool_],
    is_infinite: NDArray[np.bool_],
    config: FloatUnitConfig,
) -> NDArray[np.int64]:
    """Overwrite results that are infinite (NaN in formats without) and those that are NaN."""
    result = config.result
    if is_infinite.any():
        sign = negative[is_infinite].astype(np.int64) << (result.width - 1)
        pattern[is_infinite] = result.nan if result.infinity is None else result.infinity | sign
    if is_nan.any():
        pattern[is_nan] = result.nan
    return pattern


def _steps(head, dropped, config, random):
    """Significands in units of the result's last place."""
    if config.rounding == "stochastic":
        words = head >> np.minimum(dropped - config.random_bits, 63)
        return (words + random.astype(np.int64)) >> config.random_bits
    if config.rounding == "toward_zero":
        return head >> np.minimum(dropped, 63)
    # 62 or more bits dropped leave less than a quarter of a step.
    dropped = np.minimum(dropped, 62)
    offset = head >> dropped & 1
    offset += (np.int64(1) << (dropped - 1)) - 1
    offset += head
    return offset >> dropped


def _signed(magnitude, negative, config):
    result = config.result
    sign = negative.astype(np.int64) << (result.width - 1)
    too_large = magnitude > result.largest
    if too_large.any():
        if config.rounding == "toward_zero":
            magnitude[too_large] = result.largest
        elif result.infinity is not None:
            magnitude[too_large] = result.infinity
        else:
            magnitude[too_large] = result.nan
            sign[too_large] = 0
    return magnitude | sign
