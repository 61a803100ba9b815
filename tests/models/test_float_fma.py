import numpy as np
import pytest

from models.config.floats import FloatFmaConfig
from models.digital.float_fma import float_fma
from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32
from tests.float_cases import (
    every_subnormals,
    expected,
    operand,
    plus,
    times,
    triples,
    words,
)

FORMATS = [(f, f, f) for f in (BF16, FP16, FP8_E4M3, FP8_E5M2, FP32)]
FORMATS += [(BF16, FP32, FP32), (FP8_E4M3, FP16, BF16), (FP8_E5M2, BF16, FP8_E4M3)]
FORMATS += [(FP32, BF16, FP16)]


def exact(config):
    kind, flushed = config.format, config.is_flushed

    def value(a, b, c):
        product = times(operand(a, kind, flushed), operand(b, kind, flushed))
        return plus([product, operand(c, config.addend, flushed)])

    return value


@pytest.mark.parametrize(
    ("a", "b", "c", "total"),
    [
        # 37/32 * 7/8 = 259/256 is a tie between 1.0078125 and 1.015625; -2**-100 breaks it
        pytest.param("37/32", "7/8", 0x8D80, 0x3F81, id="the trap of float64"),
        pytest.param("37/32", "7/8", 0x0D80, 0x3F82, id="the trap upwards"),
        pytest.param("37/32", "7/8", 0x0000, 0x3F82, id="the tie itself"),
        pytest.param(0x3F80, 0x3F80, 0xBF80, 0x0000, id="1 * 1 - 1 is +0"),
        pytest.param(0x8000, 0x3F80, 0x8000, 0x8000, id="-0 + -0"),
        pytest.param(0x8000, 0x3F80, 0x0000, 0x0000, id="-0 + 0"),
        pytest.param(0x0001, 0x8001, 0x0000, 0x8000, id="an underflowing product keeps its sign"),
        pytest.param(0x0001, 0x0001, 0x8001, 0x8001, id="smallest terms"),
        pytest.param(0x7F7F, 0x4000, 0xFF7F, 0x7F7F, id="no overflow between"),
        pytest.param(0x7F80, 0x0000, 0x3F80, 0x7FC0, id="infinity times zero"),
        pytest.param(0x7F80, 0x3F80, 0xFF80, 0x7FC0, id="infinity minus infinity"),
        pytest.param(0x7F80, 0xBF80, 0xFF80, 0xFF80, id="infinities of one sign"),
        pytest.param(0x3F80, 0x3F80, 0xFFC0, 0x7FC0, id="canonical NaN"),
    ],
)
def test_bf16_values_worked_by_hand(a, b, c, total):
    values = {"37/32": BF16.encode(37 / 32), "7/8": BF16.encode(7 / 8)}
    a, b = values.get(a, a), values.get(b, b)
    assert (
        float_fma(np.array([a, b]), np.array([b, a]), c, FloatFmaConfig()).tolist() == [total] * 2
    )


@every_subnormals
@pytest.mark.parametrize(
    ("source", "addend", "result"),
    [pytest.param(*f, id=" ".join(kind.name for kind in f)) for f in FORMATS],
)
@pytest.mark.parametrize(
    ("rounding", "random_bits"),
    [("nearest_even", 1), ("toward_zero", 1), ("stochastic", 4), ("stochastic", 32)],
)
def test_directed_triples_match_exact_fractions(
    source, addend, result, rounding, subnormals, random_bits
):
    config = FloatFmaConfig(
        format=source,
        addend=addend,
        result=result,
        rounding=rounding,
        subnormals=subnormals,
        random_bits=random_bits,
    )
    operands = triples(source, addend, 2500, seed=1)
    random = words(np.random.default_rng(1), config, len(operands[0]))
    want = expected(config, exact(config), operands, random)
    np.testing.assert_array_equal(float_fma(*operands, config, random), want)


def test_products_and_sums_are_special_cases():
    a, b, c = triples(BF16, BF16, 30_000, seed=2)
    one, minus_zero = BF16.encode(1.0), 0x8000
    values = [side.astype(np.uint32) << 16 for side in (a, b, c)]
    x, y, z = (np.asarray(bits, np.uint32).view(np.float32) for bits in values)
    with np.errstate(all="ignore"):
        product, total = x * y, x + z  # exact where they decide a rounding to BF16
    config = FloatFmaConfig()
    for got, want in (
        (float_fma(a, b, minus_zero, config), product),
        (float_fma(a, one, c, config), total),
    ):
        want = [BF16.encode(float(v), negative_zero=bool(np.signbit(v))) for v in want]
        np.testing.assert_array_equal(got, want)


def test_mean_over_all_random_words_is_the_value():
    config = FloatFmaConfig(rounding="stochastic", random_bits=16)
    a, b, c = 0x3F81, 0x3F83, 0xBB80
    pattern = float_fma(a, b, c, config, np.arange(2**16)).tolist()
    total = sum(BF16.decode(number) * pattern.count(number) for number in set(pattern))
    assert len(set(pattern)) == 2
    assert total / 2**16 == BF16.decode(a) * BF16.decode(b) + BF16.decode(c)
