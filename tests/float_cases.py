"""Operands aimed at the corners of any format, and results from exact fractions."""

from fractions import Fraction
from math import inf, isnan, nan

import numpy as np
import pytest

from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32

FORMATS = [BF16, FP16, FP8_E4M3, FP8_E5M2, FP32]
ROUNDINGS = ["nearest_even", "toward_zero", "stochastic"]
SUBNORMALS = ["kept", "flushed"]
# operands and results alike, narrowing, widening, to and from the format without infinities
FORMAT_PAIRS = [(f, f) for f in FORMATS]
FORMAT_PAIRS += [(BF16, FP32), (FP32, BF16), (FP8_E4M3, BF16), (FP8_E5M2, FP8_E4M3)]
FORMAT_PAIRS += [(FP32, FP8_E4M3), (FP8_E4M3, FP8_E5M2), (FP16, FP32), (BF16, FP16)]

every_format_pair = pytest.mark.parametrize(
    ("source", "result"),
    [pytest.param(a, b, id=f"{a.name} to {b.name}") for a, b in FORMAT_PAIRS],
)
every_rounding = pytest.mark.parametrize("rounding", ROUNDINGS)
every_subnormals = pytest.mark.parametrize("subnormals", SUBNORMALS)


def corners(number_format):
    """Zeros, subnormals, first normals, one and its neighbours, the largest, specials."""
    normal, one = 2**number_format.mantissa_bits, number_format.encode(1.0)
    nan_pattern, largest = number_format.nan, number_format.largest
    top = 2 ** (number_format.width - 1) - 1
    found = {0, 1, 2, normal // 2 + 1, normal - 1, normal, normal + 1, 2 * normal - 1, 2 * normal}
    found |= {one - normal, one - 1, one, one + 1, one + normal - 1, one + normal}
    found |= {
        largest - normal,
        largest - 1,
        largest,
        largest + 1,
        nan_pattern,
        nan_pattern - 1,
        top,
    }
    return sorted(found | {pattern | top + 1 for pattern in found})


def shaped(rng, number_format, exponent):
    """Random sign and mantissa, a third of the mantissas with one bit set, a third all but one."""
    places, size = number_format.mantissa_bits, exponent.shape
    one_bit = (1 << rng.integers(0, places + 1, size)) % 2**places
    anything = rng.integers(0, 2**places, size)
    mantissa = np.choose(rng.integers(0, 3, size), [one_bit, one_bit ^ (2**places - 1), anything])
    sign = rng.integers(0, 2, size) << (number_format.width - 1)
    return sign | np.clip(exponent, 0, number_format.exponent_max) << places | mantissa


def edges(rng, number_format, size):
    """Logarithms around those of the smallest and the largest numbers of a format."""
    lowest, places = 1 - number_format.bias, number_format.mantissa_bits
    highest = (number_format.largest >> places) - number_format.bias
    low, high = rng.integers(lowest - places - 3, lowest + 3, size), rng.integers(-2, 3, size)
    return np.where(rng.random(size) < 0.5, low, highest + high)


def pairs(number_format, result, count, seed):
    """At least ``count`` pairs of patterns: every pair of corners, then seven directed kinds."""
    rng = np.random.default_rng([seed, number_format.width, result.width])
    ends = corners(number_format)
    size = -(-max(0, count - len(ends) ** 2) // 7)
    width, bias = number_format.width, number_format.bias
    exponent = rng.integers(0, number_format.exponent_max + 1, size)
    a = shaped(rng, number_format, exponent)
    near = (a + rng.integers(-3, 4, size)) % 2**width
    gap = rng.integers(-number_format.mantissa_bits - 5, number_format.mantissa_bits + 6, size)
    target, half = edges(rng, result, size), edges(rng, result, size)
    kinds = [
        rng.integers(0, 2**width, (2, size)),
        (a, near ^ 2 ** (width - 1)),  # cancellation
        (a, near),  # carry out of the sum
        (a, shaped(rng, number_format, exponent + gap)),  # ties of a sum
        (a, shaped(rng, number_format, target + 2 * bias - exponent)),  # edges of a product
        (shaped(rng, number_format, target + bias), shaped(rng, number_format, half + bias)),
        (shaped(rng, number_format, target + bias), shaped(rng, number_format, target + bias)),
    ]
    every = np.meshgrid(ends, ends)
    return [np.concatenate([every[n].ravel(), *(kind[n] for kind in kinds)]) for n in (0, 1)]


def triples(number_format, addend, count, seed):
    """Pairs as factors, and terms that cancel, tie with or lie far from their products."""
    a, b = pairs(number_format, addend, count, seed)
    rng = np.random.default_rng([seed, 3, addend.width])
    order = rng.permutation(len(a))
    a, b = a[order][:count], b[order][:count]
    field = (a >> number_format.mantissa_bits) % (number_format.exponent_max + 1)
    field += (b >> number_format.mantissa_bits) % (number_format.exponent_max + 1)
    log2 = field - 2 * number_format.bias + addend.bias
    reach = 2 * number_format.mantissa_bits + 6
    near = shaped(rng, addend, log2 + rng.integers(-reach, reach + 1, len(a)))
    close = shaped(rng, addend, log2 + rng.integers(0, 2, len(a)))
    anything = rng.integers(0, 2**addend.width, len(a))
    ends = rng.choice(corners(addend), len(a))
    # the product itself, rounded: what is left is its error
    factors = zip(a.tolist(), b.tolist(), strict=True)
    product = np.array([_negated_product(addend, number_format, *ab) for ab in factors])
    return a, b, np.choose(rng.integers(0, 5, len(a)), [near, close, anything, ends, product])


def _negated_product(addend, number_format, a, b):
    negative, value = times(operand(a, number_format), operand(b, number_format))
    return addend.encode(-value, negative_zero=not negative)


def rows(number_format, count, terms, seed):
    """Rows [count, terms]: of near, far, cancelling and like terms, ties, corners, anything."""
    rng = np.random.default_rng([seed, 5, number_format.width, terms])
    size, sign = (count, terms), 2 ** (number_format.width - 1)
    top, places = number_format.exponent_max, number_format.mantissa_bits
    base = rng.integers(0, top + 1, (count, 1))
    near = shaped(rng, number_format, base - rng.integers(0, 4, size))
    steps = shaped(rng, number_format, base - (places + 1) * rng.integers(0, 4, size))
    wide = shaped(rng, number_format, rng.integers(0, top, size))
    partner = rng.permuted(near, axis=1) ^ sign
    cancelling = np.where(np.arange(terms) < terms // 2, near, partner)
    cancelling[:, terms - terms // 2 :] = near[:, : terms // 2] ^ sign
    cancelling[:, -1:] = shaped(rng, number_format, rng.integers(0, top, (count, 1)))
    zeros = rng.choice([0, sign, sign, 1, sign | 1], size, p=[0.1, 0.5, 0.3, 0.05, 0.05])
    ends = np.where(rng.random(size) < 0.2, rng.choice(corners(number_format), size), near)
    small = shaped(rng, number_format, rng.integers(0, 3, size))
    anything = rng.integers(0, 2 * sign, size)
    sign_of_all = rng.integers(0, 2, (count, 1)) * sign
    same = shaped(rng, number_format, np.broadcast_to(base, size)) % sign | sign_of_all
    every = np.stack([near, steps, wide, cancelling, zeros, ends, small, same, anything])
    return every[rng.integers(0, len(every), count), np.arange(count)]


def words(rng, config, count):
    """Random words of stochastic rounding, a quarter of them 0 or the largest; else None."""
    if config.rounding != "stochastic":
        return None
    last = 2**config.random_bits - 1
    choice = rng.integers(0, 8, count)
    return np.where(choice < 2, choice * last, rng.integers(0, last + 1, count))


def operand(pattern, number_format, flushed=False):
    """Sign and exact value of a pattern."""
    negative, value = number_format.is_negative(pattern), number_format.decode(pattern)
    smallest = Fraction(2) ** (1 - number_format.bias)
    if flushed and isinstance(value, Fraction) and abs(value) < smallest:
        value = Fraction(0)
    return negative, value


def times(x, y):
    """Sign and value of the exact product of two operands."""
    if isinstance(x[1], Fraction) and isinstance(y[1], Fraction):
        return x[0] != y[0], x[1] * y[1]
    return x[0] != y[0], _beside_special(x[1]) * _beside_special(y[1])


def plus(terms):
    """Sign and value of the exact sum of terms; zero is negative only if they all are."""
    every_sign = all(negative for negative, _ in terms)
    specials = [value for _, value in terms if not isinstance(value, Fraction)]
    if not specials:
        total = sum(value for _, value in terms)
        return (total < 0 or (total == 0 and every_sign)), total
    if any(isnan(value) for value in specials) or {inf, -inf} <= set(specials):
        return False, nan
    return specials[0] < 0, specials[0]


def encoded(term, config, random=None):
    """Pattern of a sign and an exact value as ``config`` rounds it."""
    stochastic = {} if random is None else {"random": random, "random_bits": config.random_bits}
    return config.result.encode(
        term[1],
        negative_zero=term[0],
        rounding=config.rounding,
        flushed=getattr(config, "subnormals", "kept") == "flushed",
        **stochastic,
    )


def expected(config, exact, arrays, random=None):
    """``encoded(exact(*patterns))`` for each row of the arrays of patterns."""
    lists = [array.tolist() for array in arrays]
    chosen = [None] * len(lists[0]) if random is None else random.tolist()
    rows_of = zip(*lists, chosen, strict=True)
    return [encoded(exact(*row), config, word) for *row, word in rows_of]


def _beside_special(value):
    """Float that behaves like ``value`` beside an infinity or a NaN."""
    return float((value > 0) - (value < 0)) if isinstance(value, Fraction) else value
