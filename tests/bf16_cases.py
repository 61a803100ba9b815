"""Operands aimed at the corners of BF16 arithmetic, and its results from exact fractions."""

from fractions import Fraction

import numpy as np

from models.formats import BF16

SIGN = 0x8000
# zero, subnormals and the first normals, one and its neighbours, the largest, infinity, NaNs
CORNERS = [0x0000, 0x0001, 0x0002, 0x0055, 0x007F, 0x0080, 0x0081, 0x00FF, 0x0100, 0x3F00, 0x3F7F]
CORNERS += [0x3F80, 0x3F81, 0x3FFF, 0x4000, 0x7EFF, 0x7F00, 0x7F7F, 0x7F80, 0x7F81, 0x7FC0, 0x7FFF]
CORNERS += [pattern | SIGN for pattern in CORNERS]


def _pattern(rng, exponent):
    """Random sign and mantissa, a third of the mantissas with one bit set, a third all but one."""
    one_bit = 1 << rng.integers(0, 8, exponent.shape) & 0x7F
    choice = rng.integers(0, 3, exponent.shape)
    mantissa = np.choose(choice, [one_bit, one_bit ^ 0x7F, rng.integers(0, 128, exponent.shape)])
    sign = rng.integers(0, 2, exponent.shape)
    return sign << 15 | np.clip(exponent, 0, 255) << 7 | mantissa


def _almost_ties(rng, size):
    """Normal factors of subnormal products that lie above a tie by less than 2**-8 ulp.

    With significands x and y the product is shifted right by ``shift``: the guard bit and bits
    that fall off are set, the seven bits below the guard bit are clear.
    """
    x, y, shift = np.meshgrid(np.arange(128, 256), np.arange(128, 256), np.arange(1, 9))
    tie = ((x * y >> shift) % 256 == 128) & (x * y % (1 << shift) != 0)
    x, y, shift = rng.choice(np.stack([x[tie], y[tie], shift[tie]]), size, axis=1)
    exponent = rng.integers(1, 119, size)
    signs = rng.integers(0, 2, (2, size)) << 15
    return signs[0] | exponent << 7 | x - 128, signs[1] | (127 - shift - exponent) << 7 | y - 128


def pairs(count, seed):
    """At least ``count`` pairs of patterns: every pair of corners, then nine directed kinds."""
    rng = np.random.default_rng(seed)
    size = -(-max(0, count - len(CORNERS) ** 2) // 9)
    exponent = rng.integers(0, 255, size)
    a = _pattern(rng, exponent)
    uniform = rng.integers(0, 2**16, (2, size))
    near = (a + rng.integers(-3, 4, size)) % 2**16
    gap = rng.integers(-12, 13, size)
    tiny, far = rng.integers(0, 3, (2, size))
    kinds = [
        uniform,
        (a, near ^ SIGN),  # cancellation
        (a, near),  # carry out of the sum
        (a, _pattern(rng, exponent + gap)),  # ties of a sum
        (a, _pattern(rng, 127 - exponent + rng.integers(-12, 5, size))),  # subnormal products
        (a, _pattern(rng, 381 - exponent + rng.integers(-3, 3, size))),  # overflow of a product
        _almost_ties(rng, size),
        (_pattern(rng, tiny), _pattern(rng, far)),  # subnormal sums
        (_pattern(rng, 254 - tiny), _pattern(rng, 254 - far)),  # overflow of a sum
    ]
    corners = np.meshgrid(CORNERS, CORNERS)
    sides = [np.concatenate([corners[n].ravel(), *(kind[n] for kind in kinds)]) for n in (0, 1)]
    return sides[0].astype(np.uint16), sides[1].astype(np.uint16)


def exact_product(x, y):
    """Pattern of the product of two patterns (ints), from fractions."""
    a, b = BF16.decode(x), BF16.decode(y)
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        return BF16.encode(a * b, negative_zero=BF16.is_negative(x) != BF16.is_negative(y))
    return BF16.encode(_sign_or_special(a) * _sign_or_special(b))


def exact_sum(x, y):
    """Pattern of the sum of two patterns (ints), from fractions."""
    a, b = BF16.decode(x), BF16.decode(y)
    if isinstance(a, Fraction) and isinstance(b, Fraction):
        both = BF16.is_negative(x) and BF16.is_negative(y)
        return BF16.encode(a + b, negative_zero=both)
    return BF16.encode(_sign_or_special(a) + _sign_or_special(b))


def _sign_or_special(value):
    """Float that behaves like ``value`` beside an infinity or a NaN."""
    return float((value > 0) - (value < 0)) if isinstance(value, Fraction) else value
