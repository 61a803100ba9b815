"""Bit-exact twin of :mod:`rtl_gen.units.requantize`."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.config.checks import check_int
from models.config.units import RequantizeConfig
from models.digital.bf16 import to_float32
from models.digital.float_arrays import in_chunks, patterns
from models.digital.float_terms import unpack
from models.formats import BF16

_INFINITY = 0x7F80


def requantize(
    value: ArrayLike,
    config: RequantizeConfig,
    *,
    exponent: int,
    stochastic: bool,
    random: ArrayLike | None = None,
) -> NDArray[np.signedinteger]:
    """Convert numbers to integers: signed codes whose LSB weighs ``2**exponent``.

    Parameters
    ----------
    value : array_like of int
        Patterns of ``config.format``; NaN gives 0, an infinity the largest code of its sign.
    config : RequantizeConfig
        Format and widths.
    exponent : int
        -256 to 255.
    stochastic : bool
        False: round to nearest even. True: add ``random`` below the LSB of the magnitude, whose
        ``config.random_bits`` highest fraction bits are kept, and drop the fraction.
    random : array_like of int, optional
        Words of ``config.random_bits`` bits; needed when ``stochastic``.

    Returns
    -------
    ndarray of int16, int32 or int64
        Codes within ``+-config.limit``, in the smallest type of these that holds
        ``config.code_width`` bits.
    """
    check_int("exponent", exponent, -256, 255)
    if stochastic and random is None:
        raise ValueError("random must be given for stochastic rounding, not None")
    words = np.asarray(random) if stochastic else None
    if config.format != BF16 or config.code_width > 16:
        return _exact(patterns("value", value, config.format), config, exponent, words)
    value = np.asarray(value, np.uint16)
    if words is not None:
        return _stochastic(value, config, exponent, words)
    number = _scaled(value, -exponent)
    np.rint(number, out=number)
    return np.clip(number, -config.limit, config.limit, out=number).astype(np.int16)


def _exact(
    value: NDArray, config: RequantizeConfig, exponent: int, random: NDArray | None
) -> NDArray[np.signedinteger]:
    def kernel(value, random=None):
        terms = unpack(value, config.format, flushed=False)
        significand, power = terms.significand * ~terms.is_nan, terms.exponent - exponent
        if random is None:
            code = _nearest(significand, power, config.limit)
        else:
            # Saturated, this is below 2**63: 47 bits of code, 16 of fraction.
            bits = config.random_bits
            code = _floor(significand, power + bits, config.limit << bits)
            code = (code + random.astype(np.int64)) >> bits
        code[terms.is_infinite] = config.limit
        return (np.where(terms.negative, -code, code),)

    kind = next(k for k in (np.int16, np.int32, np.int64) if config.code_width <= 8 * k().nbytes)
    operands = [value] if random is None else [value, random]
    return in_chunks(kernel, operands, [0] * len(operands), [kind])[0]


def _floor(significand: NDArray[np.int64], power: NDArray[np.int64], limit: int):
    """``significand * 2**power`` without its fraction, and at most ``limit``."""
    up, shifted = np.clip(power, 0, 63), significand >> np.clip(-power, 0, 63)
    return np.where(shifted > limit >> up, limit, shifted << up)


def _nearest(significand: NDArray[np.int64], power: NDArray[np.int64], limit: int):
    """``significand * 2**power`` to nearest even, and at most ``limit``."""
    whole = _floor(significand, power, limit)
    down = np.clip(-power, 0, 62)  # a significand has far fewer bits
    twice, one = 2 * (significand - (whole << down)), np.int64(1) << down
    # Where no fraction was cut off, ``twice`` is not above 0, or the limit is reached.
    whole += (twice > one) | ((twice == one) & (whole & 1 != 0))
    return np.minimum(whole, limit)


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
