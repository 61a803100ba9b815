"""Exponential and power in sums and products of float64: the same bits on every machine."""

import numpy as np

from models.compiled import inlined

LOG2_E = 1.4426950408889634
# 2**r on [-1/2, 1/2]: ln(2)**n / n!, lowest power first; the first term left out is below 2e-10
POWERS = (
    1.0,
    0.6931471805599453,
    0.2402265069591007,
    0.05550410866482158,
    0.009618129107628477,
    0.0013333558146428441,
    0.0001540353039338161,
    1.5252733804059838e-05,
    1.3215486790144305e-06,
)
# log2((1 + s) / (1 - s)) / s in s**2, |s| < 0.172: 2 / (ln(2) (2 n + 1)); next term below 1e-9
LOGARITHMS = (
    2.8853900817779268,
    0.9617966939259756,
    0.5770780163555854,
    0.41219858311113244,
    0.3205988979753252,
)
MANTISSA, ONE = np.int64(2**52 - 1), np.int64(1023) << np.int64(52)


@inlined
def exp2(exponent: np.float64) -> np.float64:
    """Two to a power held within -200 and 200; relative error below 1e-9."""
    held = min(max(exponent, -200.0), 200.0)
    whole = np.floor(held + 0.5)
    r = held - whole
    value = POWERS[8]
    value = value * r + POWERS[7]
    value = value * r + POWERS[6]
    value = value * r + POWERS[5]
    value = value * r + POWERS[4]
    value = value * r + POWERS[3]
    value = value * r + POWERS[2]
    value = value * r + POWERS[1]
    value = value * r + POWERS[0]
    scale = np.int64((np.int64(whole) + np.int64(1023)) << np.int64(52))
    return value * scale.view(np.float64)


@inlined
def log2(value: np.float64) -> np.float64:
    """Logarithm to base 2 of a positive normal number; absolute error below 2e-9."""
    bits = np.float64(value).view(np.int64)
    power = np.float64((bits >> np.int64(52)) - np.int64(1023))
    mantissa = np.int64((bits & MANTISSA) | ONE).view(np.float64)
    if mantissa > 1.4142135623730951:
        mantissa = mantissa * 0.5
        power = power + 1.0
    s = (mantissa - 1.0) / (mantissa + 1.0)
    square = s * s
    series = LOGARITHMS[4]
    series = series * square + LOGARITHMS[3]
    series = series * square + LOGARITHMS[2]
    series = series * square + LOGARITHMS[1]
    series = series * square + LOGARITHMS[0]
    return power + s * series


@inlined
def exp(exponent: np.float64) -> np.float64:
    """Exponential of a number held within -138 and 138; relative error below 1e-9."""
    return exp2(exponent * LOG2_E)


@inlined
def power(base: np.float64, exponent: np.float64) -> np.float64:
    """``base**exponent``, 0 for a base up to 0; relative error below 2e-9 per unit of exponent."""
    if base <= 0.0:
        return np.float64(0.0)
    return exp2(exponent * log2(base))
