import itertools

import ml_dtypes
import numpy as np
import pytest

from models.config.floats import FloatConvertConfig
from models.digital.float_convert import float_convert
from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32
from tests.float_cases import (
    FORMATS,
    every_rounding,
    every_subnormals,
    expected,
    operand,
    pairs,
    words,
)

TYPES = {
    "BF16": (np.uint16, ml_dtypes.bfloat16),
    "FP16": (np.uint16, np.float16),
    "FP32": (np.uint32, np.float32),
    "FP8 E4M3": (np.uint8, ml_dtypes.float8_e4m3fn),
    "FP8 E5M2": (np.uint8, ml_dtypes.float8_e5m2),
}
EVERY_FORMAT_PAIR = list(itertools.product(FORMATS, FORMATS))


def convert_config(source, result, rounding="nearest_even", subnormals="kept"):
    return FloatConvertConfig(
        format=source, result=result, rounding=rounding, subnormals=subnormals, random_bits=6
    )


def exact(config):
    return lambda value: operand(value, config.format, config.is_flushed)


def sources(source, result):
    if source.width <= 16:
        return np.arange(2**source.width)
    return pairs(source, result, 30_000, seed=1)[0]


@pytest.mark.parametrize(("source", "result"), EVERY_FORMAT_PAIR)
def test_every_pattern_rounds_to_nearest_even_as_in_numpy_and_ml_dtypes(source, result):
    value = sources(source, result)
    (kind, number), (result_kind, result_number) = TYPES[source.name], TYPES[result.name]
    with np.errstate(all="ignore"):
        want = value.astype(kind).view(number).astype(np.float32).astype(result_number)
    is_nan = np.isnan(want.astype(np.float32))
    want = np.where(is_nan, result.nan, want.view(result_kind))
    got = float_convert(value, convert_config(source, result))
    assert got.dtype == result_kind
    np.testing.assert_array_equal(got, want)


@every_subnormals
@every_rounding
@pytest.mark.parametrize(("source", "result"), EVERY_FORMAT_PAIR)
def test_directed_patterns_match_exact_fractions(source, result, rounding, subnormals):
    config = convert_config(source, result, rounding, subnormals)
    value = pairs(source, result, 2600, seed=2)[0] if source.width > 8 else np.arange(256)
    random = words(np.random.default_rng(2), config, len(value))
    want = expected(config, exact(config), (value,), random)
    np.testing.assert_array_equal(float_convert(value, config, random), want)


@pytest.mark.parametrize(
    ("source", "result", "rounding", "subnormals"),
    [
        (BF16, FP8_E4M3, "toward_zero", "kept"),
        (BF16, FP8_E5M2, "stochastic", "flushed"),
        (FP16, FP8_E4M3, "stochastic", "kept"),
        (FP16, BF16, "toward_zero", "flushed"),
    ],
)
def test_every_16_bit_pattern_matches_exact_fractions(source, result, rounding, subnormals):
    config = convert_config(source, result, rounding, subnormals)
    value = np.arange(2**16)
    random = words(np.random.default_rng(3), config, len(value))
    want = expected(config, exact(config), (value,), random)
    np.testing.assert_array_equal(float_convert(value, config, random), want)


@pytest.mark.parametrize("source", [BF16, FP16])
def test_widening_and_narrowing_gives_every_pattern_back(source):
    value = np.arange(2**16)
    wide = float_convert(value, convert_config(source, FP32))
    back = float_convert(wide, convert_config(FP32, source))
    is_nan = (value & 2**15 - 1) > source.infinity
    np.testing.assert_array_equal(back, np.where(is_nan, source.nan, value))


@every_rounding
def test_infinities_and_overflow(rounding):
    random = np.zeros(4, int) if rounding == "stochastic" else None
    value = np.array([0x7F80, 0xFF80, 0xFFC1, 0xFF7F])
    cut = rounding == "toward_zero"
    for result, want in (
        (FP8_E4M3, [0x7F, 0x7F, 0x7F, 0xFE if cut else 0x7F]),
        (FP8_E5M2, [0x7C, 0xFC, 0x7E, 0xFB if cut else 0xFC]),
    ):
        config = convert_config(BF16, result, rounding)
        assert float_convert(value, config, random).tolist() == want


def test_mean_over_all_random_words_is_the_value():
    config = convert_config(FP16, FP8_E4M3, "stochastic")
    for value in (0x3C06, 0xB8C2, 0x1B80):  # at most 6 bits below the result's last place
        pattern = float_convert(value, config, np.arange(64)).tolist()
        total = sum(FP8_E4M3.decode(number) * pattern.count(number) for number in set(pattern))
        assert len(set(pattern)) == 2
        assert total / 64 == FP16.decode(value)
