import ml_dtypes
import numpy as np
import pytest

from models.config.floats import FloatAddConfig
from models.digital.float_add import float_add
from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32
from tests.float_cases import (
    every_format_pair,
    every_rounding,
    every_subnormals,
    expected,
    operand,
    pairs,
    plus,
    words,
)


def exact(config):
    kind, flushed = config.format, config.is_flushed
    return lambda a, b: plus([operand(a, kind, flushed), operand(b, kind, flushed)])


def add_config(source, result, subnormals="kept", rounding="nearest_even", random_bits=8):
    return FloatAddConfig(
        format=source,
        result=result,
        subnormals=subnormals,
        rounding=rounding,
        random_bits=random_bits,
    )


@pytest.mark.parametrize(
    ("a", "b", "kept", "flushed"),
    [
        pytest.param(0x3F80, 0x3B80, 0x3F80, 0x3F80, id="1 + 2**-8 ties to even"),
        pytest.param(0x3F81, 0x3B80, 0x3F82, 0x3F82, id="1.0078125 + 2**-8 ties to even"),
        pytest.param(0x3F80, 0x3B81, 0x3F81, 0x3F81, id="just above the tie"),
        pytest.param(0x3F80, 0xBB00, 0x3F80, 0x3F80, id="tie below a binade"),
        pytest.param(0x3F80, 0xBB01, 0x3F7F, 0x3F7F, id="just below that tie"),
        pytest.param(0x3F80, 0xBF7F, 0x3B80, 0x3B80, id="cancellation"),
        pytest.param(0x3F80, 0xBF80, 0x0000, 0x0000, id="x - x is +0"),
        pytest.param(0x8000, 0x8000, 0x8000, 0x8000, id="-0 + -0"),
        pytest.param(0x8000, 0x0000, 0x0000, 0x0000, id="-0 + 0"),
        pytest.param(0x8001, 0x8001, 0x8002, 0x8000, id="flushed subnormals are zeros"),
        pytest.param(0x007F, 0x0001, 0x0080, 0x0000, id="subnormals give the smallest normal"),
        pytest.param(0x0080, 0x8001, 0x007F, 0x0080, id="normal minus subnormal"),
        pytest.param(0x8081, 0x0080, 0x8001, 0x8000, id="a flushed sum keeps its sign"),
        pytest.param(0x7F7F, 0x7B00, 0x7F80, 0x7F80, id="half an ulp above the largest"),
        pytest.param(0x7F7F, 0x7AFF, 0x7F7F, 0x7F7F, id="just below that"),
        pytest.param(0x7F7F, 0x0001, 0x7F7F, 0x7F7F, id="far apart"),
        pytest.param(0x7F80, 0xFF80, 0x7FC0, 0x7FC0, id="infinity minus infinity"),
        pytest.param(0xFF80, 0x7F7F, 0xFF80, 0xFF80, id="infinity stays"),
        pytest.param(0xFF81, 0x0000, 0x7FC0, 0x7FC0, id="canonical NaN"),
    ],
)
def test_bf16_values_worked_by_hand(a, b, kept, flushed):
    sides = np.array([a, b]), np.array([b, a])
    assert float_add(*sides, FloatAddConfig()).tolist() == [kept] * 2
    assert float_add(*sides, FloatAddConfig(subnormals="flushed")).tolist() == [flushed] * 2


@every_subnormals
@every_rounding
@every_format_pair
def test_directed_pairs_match_exact_fractions(source, result, rounding, subnormals):
    config = add_config(source, result, subnormals, rounding, random_bits=5)
    a, b = pairs(source, result, 2600, seed=1)
    random = words(np.random.default_rng(1), config, len(a))
    want = expected(config, exact(config), (a, b), random)
    np.testing.assert_array_equal(float_add(a, b, config, random), want)


@pytest.mark.parametrize("subnormals", ["kept", "flushed"])
def test_the_longest_random_words_see_every_bit_that_counts(subnormals):
    # 24 bits of significand and 32 random bits, far terms just beside their boundaries
    config = add_config(FP32, FP32, subnormals, "stochastic", random_bits=32)
    rng = np.random.default_rng(6)
    a = rng.choice([0x3F800000, 0x3F800001, 0x3FFFFFFF, 0x00800000, 0x40000000], 6000)
    b = a - (rng.integers(0, 64, 6000) << 23) & 0x7FFFFFFF ^ rng.integers(0, 2, 6000) << 31
    b ^= rng.choice([0, 1, 2, 2**22, 2**23 - 1], 6000)
    random = rng.choice([0, 1, 2**32 - 2, 2**32 - 1, 2**31], 6000)
    want = expected(config, exact(config), (a, b), random)
    np.testing.assert_array_equal(float_add(a, b, config, random), want)


@pytest.mark.parametrize("source", [FP8_E4M3, FP8_E5M2])
@pytest.mark.parametrize(
    ("rounding", "subnormals"),
    [("nearest_even", "kept"), ("toward_zero", "flushed"), ("stochastic", "kept")],
)
def test_every_pair_of_fp8_matches_exact_fractions(source, rounding, subnormals):
    config = add_config(source, source, subnormals, rounding, random_bits=3)
    a, b = (side.ravel() for side in np.meshgrid(np.arange(256), np.arange(256)))
    random = words(np.random.default_rng(2), config, a.size)
    want = expected(config, exact(config), (a, b), random)
    np.testing.assert_array_equal(float_add(a, b, config, random), want)


def test_bf16_sums_are_those_of_float32_rounded_once_on_both_paths(monkeypatch):
    a, b = (side.astype(np.uint16) for side in pairs(BF16, BF16, 60_000, seed=2))
    terms = [side.view(ml_dtypes.bfloat16).astype(np.float32) for side in (a, b)]
    with np.errstate(all="ignore"):
        want = (terms[0] + terms[1]).astype(ml_dtypes.bfloat16)
    want = np.where(np.isnan(want), BF16.nan, want.view(np.uint16))
    np.testing.assert_array_equal(float_add(a, b, FloatAddConfig()), want)
    monkeypatch.setattr("models.digital.float_add.is_plain_bf16", lambda config: False)
    np.testing.assert_array_equal(float_add(a, b, FloatAddConfig()), want)


def test_float32_and_half_precision_sums_are_those_of_numpy():
    for kind, pattern, value in ((FP32, np.uint32, np.float32), (FP16, np.uint16, np.float16)):
        a, b = (side.astype(pattern) for side in pairs(kind, kind, 200_000, seed=3))
        with np.errstate(all="ignore"):
            want = a.view(value) + b.view(value)
        got = float_add(a, b, add_config(kind, kind)).view(value)
        np.testing.assert_array_equal(got, want)
        np.testing.assert_array_equal(np.signbit(got), np.signbit(want) & ~np.isnan(want))


def test_mean_over_all_random_words_is_the_sum():
    config = add_config(BF16, BF16, rounding="stochastic", random_bits=12)
    for a, b in ((0x3F80, 0x3B81), (0x3F80, 0xBB01), (0xC1A3, 0x3F57)):
        pattern = float_add(a, b, config, np.arange(2**12)).tolist()
        total = sum(BF16.decode(number) * pattern.count(number) for number in set(pattern))
        assert len(set(pattern)) == 2
        assert total / 2**12 == BF16.decode(a) + BF16.decode(b)


@every_rounding
def test_overflow_and_infinities_by_rounding_and_format(rounding):
    random = np.zeros(3, int) if rounding == "stochastic" else None
    a, b = np.array([0xFF7F, 0xFF80, 0xFF80]), np.array([0xFF7F, 0x7F7F, 0x7F80])
    small = float_add(a, b, add_config(BF16, FP8_E4M3, rounding=rounding), random)
    large = float_add(a, b, add_config(BF16, BF16, rounding=rounding), random)
    cut = rounding == "toward_zero"
    assert small.tolist() == [0xFE if cut else 0x7F, 0x7F, 0x7F]
    assert large.tolist() == [0xFF7F if cut else 0xFF80, 0xFF80, 0x7FC0]


def test_operands_broadcast_and_are_not_changed():
    a = np.array([[0x3F80], [0x7F7F], [0x7FC0]], np.uint16)
    b = np.array([0x4000, 0x0001], np.uint16)
    for config in (FloatAddConfig(), FloatAddConfig(rounding="toward_zero")):
        result = float_add(a, b, config)
        assert result.shape == (3, 2)
        assert result.dtype == np.uint16
        np.testing.assert_array_equal(result[1], float_add(np.full(2, 0x7F7F), b, config))
        assert float_add(0x3F80, 0x4000, config) == 0x4040
    assert a.ravel().tolist() == [0x3F80, 0x7F7F, 0x7FC0]
