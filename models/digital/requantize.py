"""Bit-exact twin of :mod:`rtl_gen.units.requantize`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.config.checks import check_int
from models.config.units import RequantizeConfig
from models.digital.bf16 import to_float32

_INFINITY = 0x7F80


def requantize(
    value: ArrayLike,
    config: RequantizeConfig,
    *,
    exponent: int,
    stochastic: bool,
    random: ArrayLike | None = None,
) -> NDArray[np.int16]:
    """Convert BF16 patterns to signed codes whose LSB weighs ``2**exponent``.

    Parameters
    ----------
    value : array_like of uint16
        BF16 patterns; NaN gives 0, an infinity the largest code of its sign.
    config : RequantizeConfig
        Widths.
    exponent : int
        -256 to 255.
    stochastic : bool
        False: round to nearest even. True: add ``random`` below the LSB of the magnitude, whose
        ``config.random_bits`` highest fraction bits are kept, and drop the fraction.
    random : array_like of int, optional
        Words of ``config.random_bits`` bits; needed when ``stochastic``.

    Returns
    -------
    ndarray of int16
        Codes within ``+-config.limit``.
    """
    check_int("exponent", exponent, -256, 255)
    value = np.asarray(value, np.uint16)
    if not stochastic:
        number = _scaled(value, -exponent)
        np.rint(number, out=number)
        return np.clip(number, -config.limit, config.limit, out=number).astype(np.int16)
    if random is None:
        raise ValueError("random must be given for stochastic rounding, not None")
    return _stochastic(value, config, exponent, np.asarray(random))


def _stochastic(
    value: NDArray[np.uint16], config: RequantizeConfig, exponent: int, random: NDArray[np.integer]
) -> NDArray[np.int16]:
    # The largest sum, limit * 2**random_bits + random, is below 2**31.
    bits = config.random_bits
    number = _scaled(value & np.uint16(0x7FFF), bits - exponent)
    np.minimum(number, np.float32(config.limit * 2**bits), out=number)
    code = number.astype(np.int32)  # truncates, and that is floor
    code = np.asarray(code + random.astype(np.int32))
    code = np.asarray(code >> bits).astype(np.int16)
    sign = np.asarray(value.view(np.int16) >> 15)
    code ^= sign
    code -= sign
    return code


def _scaled(value: NDArray[np.uint16], power: int) -> NDArray[np.float32]:
    """``value * 2**power`` with NaN as 0, in a new array.

    Exact in float32 but for underflow, where anything below 2**-126 stays below it, and for
    overflow, which is beyond every code. Two factors, because ``power`` may exceed the range of
    float32 exponents.
    """
    number = np.asarray(to_float32(value))
    is_nan = (value & np.uint16(0x7FFF)) > _INFINITY
    if is_nan.any():
        np.copyto(number, np.float32(0), where=is_nan)
    half = max(-126, min(126, power))
    with np.errstate(over="ignore", under="ignore"):
        np.multiply(number, np.float32(2.0**half), out=number)
        if power != half:
            rest = max(-149, min(127, power - half))
            np.multiply(number, np.float32(2.0**rest), out=number)
    return number
