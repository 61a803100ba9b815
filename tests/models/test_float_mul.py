import ml_dtypes
import numpy as np
import pytest
from gfloat import RoundMode, decode_float, round_float
from gfloat.formats import format_info_ocp_e4m3, format_info_ocp_e5m2

from models.config.floats import FloatMulConfig
from models.digital.float_mul import float_mul
from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32
from tests.float_cases import (
    every_format_pair,
    every_rounding,
    every_subnormals,
    expected,
    operand,
    pairs,
    times,
    words,
)


def exact(config):
    kind, flushed = config.format, config.is_flushed
    return lambda a, b: times(operand(a, kind, flushed), operand(b, kind, flushed))


def mul_config(source, result, subnormals="kept", rounding="nearest_even", random_bits=8):
    return FloatMulConfig(
        format=source,
        result=result,
        subnormals=subnormals,
        rounding=rounding,
        random_bits=random_bits,
    )


@pytest.mark.parametrize(
    ("a", "b", "kept", "flushed"),
    [
        pytest.param(0x3F81, 0x3F81, 0x3F82, 0x3F82, id="rounded down"),
        pytest.param(0x3FC0, 0x3F81, 0x3FC2, 0x3FC2, id="1.51171875 ties to even 1.515625"),
        pytest.param(0x3FFF, 0x3FFF, 0x407E, 0x407E, id="carry into the exponent"),
        pytest.param(0x0080, 0x3F00, 0x0040, 0x0000, id="half the smallest normal"),
        pytest.param(0x8003, 0x3F00, 0x8002, 0x8000, id="subnormal tie to even"),
        pytest.param(0x0001, 0x4300, 0x0080, 0x0000, id="subnormal operand, normal product"),
        pytest.param(0x00FF, 0x3F00, 0x0080, 0x0000, id="only kept rounds up to normal"),
        pytest.param(0x00FF, 0xBF00, 0x8080, 0x8000, id="and keeps its sign"),
        pytest.param(0x3F01, 0x00FE, 0x0080, 0x0080, id="0.9999 of the smallest normal"),
        pytest.param(0x7F7F, 0x3F81, 0x7F80, 0x7F80, id="overflow"),
        pytest.param(0x7F80, 0x8000, 0x7FC0, 0x7FC0, id="infinity times zero"),
        pytest.param(0xFF80, 0x0001, 0xFF80, 0x7FC0, id="infinity times subnormal"),
        pytest.param(0xFFFF, 0x3F80, 0x7FC0, 0x7FC0, id="canonical NaN"),
        pytest.param(0x8000, 0x3F80, 0x8000, 0x8000, id="minus zero"),
    ],
)
def test_bf16_values_worked_by_hand(a, b, kept, flushed):
    sides = np.array([a, b]), np.array([b, a])
    assert float_mul(*sides, FloatMulConfig()).tolist() == [kept] * 2
    assert float_mul(*sides, FloatMulConfig(subnormals="flushed")).tolist() == [flushed] * 2


@every_subnormals
@every_rounding
@every_format_pair
def test_directed_pairs_match_exact_fractions(source, result, rounding, subnormals):
    config = mul_config(source, result, subnormals, rounding, random_bits=5)
    a, b = pairs(source, result, 2600, seed=1)
    random = words(np.random.default_rng(1), config, len(a))
    want = expected(config, exact(config), (a, b), random)
    np.testing.assert_array_equal(float_mul(a, b, config, random), want)


def test_bf16_products_are_those_of_float32_rounded_once_on_both_paths(monkeypatch):
    a, b = (side.astype(np.uint16) for side in pairs(BF16, BF16, 60_000, seed=2))
    factors = [side.view(ml_dtypes.bfloat16).astype(np.float32) for side in (a, b)]
    with np.errstate(all="ignore"):
        want = (factors[0] * factors[1]).astype(ml_dtypes.bfloat16)
    want = np.where(np.isnan(want), BF16.nan, want.view(np.uint16))
    np.testing.assert_array_equal(float_mul(a, b, FloatMulConfig()), want)
    monkeypatch.setattr("models.digital.float_mul.is_plain_bf16", lambda config: False)
    np.testing.assert_array_equal(float_mul(a, b, FloatMulConfig()), want)


def almost_ties(rng, size):
    """Normal BF16 factors of subnormal products that lie above a tie by less than 2**-8 ulp.

    With significands x and y the product is shifted right by ``shift``: the guard bit and bits
    that fall off are set, the seven bits below the guard bit are clear.
    """
    x, y, shift = np.meshgrid(np.arange(128, 256), np.arange(128, 256), np.arange(1, 9))
    tie = ((x * y >> shift) % 256 == 128) & (x * y % (1 << shift) != 0)
    x, y, shift = rng.choice(np.stack([x[tie], y[tie], shift[tie]]), size, axis=1)
    exponent = rng.integers(1, 119, size)
    signs = rng.integers(0, 2, (2, size)) << 15
    return signs[0] | exponent << 7 | x - 128, signs[1] | (127 - shift - exponent) << 7 | y - 128


@every_subnormals
def test_bf16_products_just_above_ties_match_exact_fractions(subnormals):
    config = mul_config(BF16, BF16, subnormals)
    a, b = almost_ties(np.random.default_rng(4), 3000)
    np.testing.assert_array_equal(float_mul(a, b, config), expected(config, exact(config), (a, b)))


@pytest.mark.parametrize("source", [FP8_E4M3, FP8_E5M2])
@pytest.mark.parametrize(
    ("rounding", "subnormals"),
    [("nearest_even", "kept"), ("toward_zero", "flushed"), ("stochastic", "kept")],
)
def test_every_pair_of_fp8_matches_exact_fractions(source, rounding, subnormals):
    config = mul_config(source, source, subnormals, rounding, random_bits=3)
    a, b = (side.ravel() for side in np.meshgrid(np.arange(256), np.arange(256)))
    random = words(np.random.default_rng(2), config, a.size)
    want = expected(config, exact(config), (a, b), random)
    np.testing.assert_array_equal(float_mul(a, b, config, random), want)


@pytest.mark.parametrize(
    ("source", "info"), [(FP8_E4M3, format_info_ocp_e4m3), (FP8_E5M2, format_info_ocp_e5m2)]
)
@pytest.mark.parametrize("rounding", ["nearest_even", "toward_zero"])
def test_every_pair_of_fp8_factors_matches_gfloat(source, info, rounding):
    mode = {"nearest_even": RoundMode.TiesToEven, "toward_zero": RoundMode.TowardZero}[rounding]
    values = [decode_float(info, pattern).fval for pattern in range(256)]
    chosen = range(0, 256, 5)
    pattern = float_mul(
        np.arange(256)[:, None], np.array(chosen), mul_config(source, source, rounding=rounding)
    )
    for a in range(256):
        for place, b in enumerate(chosen):
            want = round_float(info, values[a] * values[b], mode)  # the product is exact
            got = values[pattern[a, place]]
            assert got == want or np.isnan([got, want]).all(), (a, b)


def test_float32_products_are_those_of_numpy():
    a, b = (side.astype(np.uint32) for side in pairs(FP32, FP32, 200_000, seed=3))
    with np.errstate(all="ignore"):
        want = a.view(np.float32) * b.view(np.float32)
    got = float_mul(a, b, mul_config(FP32, FP32)).view(np.float32)
    np.testing.assert_array_equal(got, want)
    np.testing.assert_array_equal(np.signbit(got), np.signbit(want) & ~np.isnan(want))


def test_half_precision_products_are_those_of_float32_rounded_once():
    a, b = (side.astype(np.uint16) for side in pairs(FP16, FP16, 200_000, seed=3))
    factors = [side.view(np.float16).astype(np.float32) for side in (a, b)]
    with np.errstate(all="ignore"):
        want = (factors[0] * factors[1]).astype(np.float16)  # 22 bits: exact in float32
    np.testing.assert_array_equal(float_mul(a, b, mul_config(FP16, FP16)).view(np.float16), want)


@pytest.mark.parametrize(
    ("a", "b", "result"),
    [
        pytest.param(0x3F81, 0x3F83, BF16, id="normal"),
        pytest.param(0x0081, 0x3E83, BF16, id="subnormal"),
        pytest.param(0x3F81, 0x3F83, FP8_E4M3, id="narrower"),
        pytest.param(0xBF93, 0x3B01, FP8_E4M3, id="narrower, negative, subnormal"),
    ],
)
def test_mean_over_all_random_words_is_the_product(a, b, result):
    config = mul_config(BF16, result, rounding="stochastic", random_bits=16)
    pattern = float_mul(a, b, config, np.arange(2**16)).tolist()
    total = sum(result.decode(number) * pattern.count(number) for number in set(pattern))
    assert len(set(pattern)) == 2
    assert total / 2**16 == BF16.decode(a) * BF16.decode(b)


@every_rounding
def test_overflow_and_infinities_by_rounding_and_format(rounding):
    random = np.zeros(2, int) if rounding == "stochastic" else None
    minus, plus = np.array([0xFF7F, 0xFF80]), 0x7F7F  # -largest, -infinity
    small = float_mul(minus, plus, mul_config(BF16, FP8_E4M3, rounding=rounding), random)
    large = float_mul(minus, plus, mul_config(BF16, BF16, rounding=rounding), random)
    cut = rounding == "toward_zero"
    assert small.tolist() == [0xFE if cut else 0x7F, 0x7F]
    assert large.tolist() == [0xFF7F if cut else 0xFF80, 0xFF80]


@pytest.mark.parametrize("rounding", ["nearest_even", "toward_zero"])
def test_operands_broadcast_in_pieces_and_are_not_changed(rounding):
    config = mul_config(BF16, BF16, rounding=rounding)
    a = np.array([[0x3F80], [0x7F7F], [0x7FC0]], np.uint16)
    b = np.arange(20_000, dtype=np.uint16)
    result = float_mul(a, b, config)
    assert result.shape == (3, 20_000)
    assert result.dtype == np.uint16
    np.testing.assert_array_equal(result[1], float_mul(np.full(20_000, 0x7F7F), b, config))
    assert float_mul(0x3F80, 0x4000, config) == 0x4000
    assert float_mul(b[:0], b[:0], config).shape == (0,)
    assert a.ravel().tolist() == [0x3F80, 0x7F7F, 0x7FC0]


def test_bad_arguments_are_refused_by_name():
    config = mul_config(FP8_E4M3, BF16, rounding="stochastic", random_bits=4)
    with pytest.raises(ValueError, match=r"^a must be between 0 and 255, not 256$"):
        float_mul(np.array([256]), 1, config, 0)
    with pytest.raises(ValueError, match=r"^random must be between 0 and 15, not 16$"):
        float_mul(1, 1, config, 16)
    with pytest.raises(ValueError, match=r"^random must be given for stochastic rounding, not No"):
        float_mul(1, 1, config)
    with pytest.raises(TypeError, match=r"^b must hold integers, not float64$"):
        float_mul(1, 1.0, config, 0)
