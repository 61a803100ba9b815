"""BF16 arithmetic for compiled loops: float32 operations, each rounded once.

A product or sum of two BF16 numbers through float32 rounds as if once (24 >= 2 * 8 + 2 significant
bits; for products see :mod:`models.digital.float_mul`, sums below 2**-126 are exact).
"""

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled, inlined


@inlined
def widen(pattern):
    """Value of a BF16 pattern."""
    return np.uint32(np.uint32(pattern) << np.uint32(16)).view(np.float32)


@inlined
def narrow(value):
    """BF16 pattern nearest to a float32 value, ties to even; one canonical NaN."""
    bits = np.float32(value).view(np.uint32)
    if (bits & np.uint32(0x7FFFFFFF)) > np.uint32(0x7F800000):
        return np.uint16(0x7FC0)
    half = np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))
    return np.uint16((bits + half) >> np.uint32(16))


@compiled
def scaled_codes(codes: NDArray[np.int16], scale: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """``float_mul(int_to_float(codes), scale)``, codes [n, l] of up to 16 bits and scale [n]."""
    out = np.empty(codes.shape, np.uint16)
    for n in range(codes.shape[0]):
        factor = widen(scale[n])
        for line in range(codes.shape[1]):
            value = widen(narrow(np.float32(codes[n, line])))
            out[n, line] = narrow(np.float32(value * factor))
    return out


@compiled
def rounded_codes(
    values: NDArray[np.uint16], scale: NDArray[np.uint16], limit: int
) -> NDArray[np.int16]:
    """``requantize(float_mul(values, scale))`` with LSB 1, values [n, l] and scale [n]."""
    out = np.empty(values.shape, np.int16)
    bound = np.float32(limit)
    for n in range(values.shape[0]):
        factor = widen(scale[n])
        for line in range(values.shape[1]):
            product = widen(narrow(np.float32(widen(values[n, line]) * factor)))
            product = np.float32(0) if product != product else product
            product = min(max(product, -bound), bound)
            out[n, line] = np.int16(np.rint(product))
    return out


@compiled
def products(a: NDArray[np.uint16], b: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """``float_mul(a, b)`` of two vectors."""
    out = np.empty(len(a), np.uint16)
    for n in range(len(a)):
        out[n] = narrow(np.float32(widen(a[n]) * widen(b[n])))
    return out


@compiled
def sums(a: NDArray[np.uint16], b: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """``float_add(a, b)`` of two vectors."""
    out = np.empty(len(a), np.uint16)
    for n in range(len(a)):
        out[n] = narrow(np.float32(widen(a[n]) + widen(b[n])))
    return out


@compiled
def reciprocals(a: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """``float_reciprocal(a)`` of a vector."""
    out = np.empty(len(a), np.uint16)
    for n in range(len(a)):
        out[n] = narrow(np.float32(1) / widen(a[n]))
    return out


@compiled
def largest(values: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """Largest magnitude of each row, as a pattern without sign."""
    out = np.zeros(values.shape[0], np.uint16)
    for n in range(values.shape[0]):
        most = np.uint16(0)
        for line in range(values.shape[1]):
            most = max(most, np.uint16(values[n, line] & np.uint16(0x7FFF)))
        out[n] = most
    return out


@compiled
def mean_largest(x_max: NDArray[np.uint16], delta_max: NDArray[np.uint16]) -> NDArray[np.float64]:
    """Means of two vectors of maxima over the pairs of which neither is 0; zeros without any."""
    total, count = np.zeros(2), 0
    for n in range(len(x_max)):
        x, delta = widen(x_max[n]), widen(delta_max[n])
        if x > np.float32(0) and delta > np.float32(0):
            total[0] += np.float64(x)
            total[1] += np.float64(delta)
            count += 1
    return total / max(count, 1)
