"""The C++ oracle against fractions, on every unit, format and rounding."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from models.config.floats import (
    FloatAddConfig,
    FloatCompareConfig,
    FloatConvertConfig,
    FloatFmaConfig,
    FloatMulConfig,
    FusedDotConfig,
    FusedSumConfig,
    IntToFloatConfig,
)
from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32
from sim.verify.oracle import expected

pytestmark = pytest.mark.cosim

COUNT = 1500
SEED = 1
FORMATS = [BF16, FP16, FP32, FP8_E4M3, FP8_E5M2]


def operand(pattern, form, flushed):
    """Sign and value of a pattern; the value is a Fraction, infinity or NaN."""
    value = form.decode(int(pattern))
    if flushed and isinstance(value, Fraction) and abs(value) < smallest_normal(form):
        value = Fraction(0)
    return form.is_negative(int(pattern)), value


def smallest_normal(form):
    return Fraction(2) ** (1 - form.bias)


def product(x, y):
    sign = x[0] != y[0]
    if isinstance(x[1], Fraction) and isinstance(y[1], Fraction):
        return sign, x[1] * y[1]
    rough = [float((v > 0) - (v < 0)) if isinstance(v, Fraction) else v for _, v in (x, y)]
    return sign, rough[0] * rough[1]


def total(terms, config, random):
    """Pattern of the sum of the terms (sign, value), by the definition of one rounding."""
    special = [value for _, value in terms if not isinstance(value, Fraction)]
    if special:
        return config.result.encode(sum(special))
    value = sum(value for _, value in terms)
    negative = all(sign for sign, _ in terms) if value == 0 else value < 0
    return rounded(value, negative, config, random)


def rounded(value, negative, config, random):
    form, flushed = config.result, getattr(config, "subnormals", "kept") == "flushed"
    size, sign = abs(value), int(negative) << (form.width - 1)
    if not size:
        return sign
    exponent = size.numerator.bit_length() - size.denominator.bit_length()
    exponent -= size < Fraction(2) ** exponent
    exponent = exponent if flushed else max(exponent, 1 - form.bias)
    steps = size / Fraction(2) ** (exponent - form.mantissa_bits)
    whole, fraction = int(steps), steps - int(steps)
    if config.rounding == "nearest_even":
        whole = round(steps)
    elif config.rounding == "stochastic":
        whole += (int(fraction * 2**config.random_bits) + random) >> config.random_bits
    result = whole * Fraction(2) ** (exponent - form.mantissa_bits)
    if flushed and result < smallest_normal(form):
        return sign
    if result > form.decode(form.largest):
        if config.rounding == "toward_zero":
            return form.largest | sign
        return form.nan if form.infinity is None else form.infinity | sign
    return form.encode(result) | sign


def numbers(rng, form, shape):
    """Patterns: uniform, near one exponent, subnormal, special, and negated neighbours."""
    fields = rng.integers(0, 2**form.exponent_bits, shape)
    common = rng.integers(0, 2**form.exponent_bits, (shape[0], 1))
    near = np.clip(common + rng.integers(-2, 3, shape), 0, 2**form.exponent_bits - 2)
    kind = rng.integers(0, 8, (shape[0], 1))
    exponent = np.choose(np.minimum(kind, 3), [fields, rng.integers(0, 2, shape), near, near])
    mantissa = rng.integers(0, 2**form.mantissa_bits, shape)
    sign = rng.integers(0, 2, shape) << (form.width - 1)
    patterns = sign | exponent << form.mantissa_bits | mantissa
    pair = (patterns[:, ::-1] ^ 1 << (form.width - 1)) + rng.integers(-1, 2, shape)
    return np.where((kind == 7) & (np.arange(shape[1]) % 2 == 1), pair, patterns) % 2**form.width


def check(config, operands, terms_of):
    rng = np.random.default_rng(SEED)
    fields = np.concatenate([numbers(rng, form, (COUNT, n)) for form, n in operands], axis=1)
    random = rng.integers(0, 2 ** getattr(config, "random_bits", 1), COUNT)
    want = [
        total(terms_of(row), config, int(word)) for row, word in zip(fields, random, strict=True)
    ]
    got = expected(config, fields, random)
    assert got.tolist() == want


def variants(config):
    for rounding in ("nearest_even", "toward_zero", "stochastic"):
        for subnormals in ("kept", "flushed"):
            yield replace(config, rounding=rounding, subnormals=subnormals)


@pytest.mark.parametrize("form", FORMATS, ids=lambda f: f.name)
def test_mul_add_fma(form):
    for config in variants(FloatMulConfig(format=form, result=form)):
        flushed = config.is_flushed

        def one(pattern, form=form, flushed=flushed):
            return operand(pattern, form, flushed)

        check(config, [(form, 2)], lambda r, one=one: [product(one(r[0]), one(r[1]))])
        add = FloatAddConfig(format=form, result=form, rounding=config.rounding)
        add = replace(add, subnormals=config.subnormals)
        check(add, [(form, 2)], lambda r, one=one: [one(r[0]), one(r[1])])
        fma = FloatFmaConfig(format=form, result=form, addend=form, rounding=config.rounding)
        fma = replace(fma, subnormals=config.subnormals)
        check(fma, [(form, 3)], lambda r, one=one: [product(one(r[0]), one(r[1])), one(r[2])])


@pytest.mark.parametrize("form", FORMATS, ids=lambda f: f.name)
def test_fused(form):
    for config in variants(FusedSumConfig(format=form, result=BF16, terms=5, window=0)):
        flushed = config.is_flushed
        check(
            config,
            [(form, 5)],
            lambda r, flushed=flushed: [operand(x, form, flushed) for x in r],
        )
    for config in variants(FusedDotConfig(format=form, result=FP32, terms=3, window=0)):
        flushed = config.is_flushed
        check(
            replace(config, random_bits=5),
            [(form, 6)],
            lambda r, flushed=flushed: [
                product(operand(r[t], form, flushed), operand(r[3 + t], form, flushed))
                for t in range(3)
            ],
        )


def test_mixed_formats():
    for config in variants(FloatFmaConfig(format=FP8_E4M3, addend=FP16, result=FP8_E5M2)):
        flushed = config.is_flushed
        check(
            config,
            [(FP8_E4M3, 2), (FP16, 1)],
            lambda r, flushed=flushed: [
                product(operand(r[0], FP8_E4M3, flushed), operand(r[1], FP8_E4M3, flushed)),
                operand(r[2], FP16, flushed),
            ],
        )
    for source, result in [(FP32, BF16), (BF16, FP8_E4M3), (FP8_E4M3, FP32), (FP16, FP8_E5M2)]:
        for config in variants(FloatConvertConfig(format=source, result=result)):
            flushed = config.is_flushed
            check(
                config,
                [(source, 1)],
                lambda r, source=source, flushed=flushed: [operand(r[0], source, flushed)],
            )


@pytest.mark.parametrize("width", [2, 16, 32, 63, 64])
def test_int_to_float(width):
    rng = np.random.default_rng(SEED)
    for rounding in ("nearest_even", "toward_zero", "stochastic"):
        config = IntToFloatConfig(int_width=width, result=FP16, rounding=rounding)
        values = rng.integers(-(2 ** (width - 1)), 2 ** (width - 1), COUNT, dtype=np.int64)
        values >>= rng.integers(0, width, COUNT)
        values[:2] = -(2 ** (width - 1)), 2 ** (width - 1) - 1
        random = rng.integers(0, 256, COUNT)
        want = [
            rounded(Fraction(int(v)), v < 0, config, int(r))
            for v, r in zip(values, random, strict=True)
        ]
        assert expected(config, values[:, None], random).tolist() == want


@pytest.mark.parametrize("form", [f for f in FORMATS if f.width <= 30], ids=lambda f: f.name)
def test_compare(form):
    rng = np.random.default_rng(SEED)
    for subnormals in ("kept", "flushed"):
        config = FloatCompareConfig(format=form, subnormals=subnormals)
        pairs = numbers(rng, form, (COUNT, 2))
        pairs[:100, 1] = pairs[:100, 0]
        pairs[100:104] = [[0, 0], [0, 1 << (form.width - 1)], [1 << (form.width - 1), 0], [1, 0]]
        got = expected(config, pairs)
        for (x, y), result in zip(pairs, got, strict=True):
            assert int(result) == compared(int(x), int(y), form, config.is_flushed)


def compared(x, y, form, flushed):
    (x_negative, a), (y_negative, b) = operand(x, form, flushed), operand(y, form, flushed)
    if a != a or b != b:
        return 4 | form.nan << 3 | form.nan << (3 + form.width)
    x, y = (
        p if v else int(s) << (form.width - 1)
        for p, s, v in ((x, x_negative, a), (y, y_negative, b))
    )
    if a == b:
        high, low = (y, x) if x_negative else (x, y)  # equal numbers differ in the sign of zero
    else:
        high, low = (x, y) if a > b else (y, x)
    return int(a < b) | int(a == b) << 1 | high << 3 | low << (3 + form.width)


def test_packets_of_beats_count_as_one_sum():
    config = FusedDotConfig(terms=2, beats=4, window=0)
    rng = np.random.default_rng(SEED)
    beats = numbers(rng, BF16, (COUNT, 16)).reshape(COUNT, 4, 4)
    want = []
    for packet in beats:
        terms = [
            product(operand(beat[t], BF16, False), operand(beat[2 + t], BF16, False))
            for beat in packet
            for t in range(2)
        ]
        want.append(total(terms, config, 0))
    assert expected(config, beats).tolist() == want


def test_the_trap_of_double_rounding():
    fields = [BF16.encode(Fraction(v)) for v in (Fraction(37, 32), Fraction(7, 8))]
    fields.append(BF16.encode(-(Fraction(2) ** -100)))
    exact = Fraction(37, 32) * Fraction(7, 8) - Fraction(2) ** -100
    assert expected(FloatFmaConfig(), [fields]).tolist() == [BF16.encode(exact)]
