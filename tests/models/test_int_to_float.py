from fractions import Fraction

import ml_dtypes
import numpy as np
import pytest

from models.config.floats import IntToFloatConfig
from models.digital.int_to_float import int_to_float
from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32, FloatFormat
from tests.float_cases import FORMATS, encoded, every_rounding, words

# 1.0 is a subnormal here: bias -3
LARGE = FloatFormat(name="large", exponent_bits=5, mantissa_bits=4, bias=-3)


def directed(rng, count, width, places):
    """Integers of up to ``width`` bits at, just below and just above ties, and the ends."""
    length = rng.integers(1, width, count)
    halves = rng.integers(0, 2 ** (places + 2), count) | 1 << (places + 1) | 1
    shift = length - places - 2
    value = np.where(shift >= 0, halves << np.maximum(shift, 0), halves >> np.maximum(-shift, 0))
    value = np.where(rng.random(count) < 0.5, 1, -1) * (value + rng.integers(-1, 2, count))
    limit = 2 ** (width - 1)
    return np.array([*value.clip(-limit, limit - 1), 0, 1, -1, limit - 1, -limit])


@pytest.mark.parametrize(
    ("number", "pattern"),
    [
        pytest.param(0, 0x0000, id="zero is +0"),
        pytest.param(-1, 0xBF80, id="-1"),
        pytest.param(255, 0x437F, id="eight bits are exact"),
        pytest.param(257, 0x4380, id="257 ties to 256"),
        pytest.param(259, 0x4382, id="259 ties to 260"),
        pytest.param(511, 0x4400, id="511 ties to 512, carry into the exponent"),
        pytest.param(257 * 2**30 + 1, 0x5281, id="one far below a tie decides"),
        pytest.param(-(2**47), 0xD700, id="the lowest of 48 bits"),
    ],
)
def test_bf16_values_worked_by_hand(number, pattern):
    for width in (48, 64):
        config = IntToFloatConfig(int_width=width)
        assert int_to_float(np.array([number]), config) == [pattern]
        assert int_to_float(number, config) == pattern


@every_rounding
@pytest.mark.parametrize("width", [2, 9, 24, 25, 48, 54, 55, 60, 61, 64])
@pytest.mark.parametrize("result", [*FORMATS, LARGE], ids=lambda kind: kind.name)
def test_ties_match_exact_fractions(result, width, rounding):
    config = IntToFloatConfig(int_width=width, result=result, rounding=rounding, random_bits=9)
    rng = np.random.default_rng([1, width])
    value = directed(rng, 800, width, result.mantissa_bits)
    random = words(rng, config, len(value))
    chosen = [None] * len(value) if random is None else random.tolist()
    want = [
        encoded((False, Fraction(n)), config, word)
        for n, word in zip(value.tolist(), chosen, strict=True)
    ]
    np.testing.assert_array_equal(int_to_float(value, config, random), want)


def test_bf16_paths_agree_and_narrow_types_are_taken(monkeypatch):
    value = np.arange(-(2**15), 2**15, dtype=np.int16)
    narrow = int_to_float(value, IntToFloatConfig(int_width=16))
    longer = int_to_float(np.append(value.astype(np.int64), 2**40), IntToFloatConfig(int_width=48))
    core = int_to_float(value, IntToFloatConfig(int_width=64))
    np.testing.assert_array_equal(narrow, longer[:-1])
    np.testing.assert_array_equal(narrow, core)
    np.testing.assert_array_equal(narrow, value.astype(ml_dtypes.bfloat16).view(np.uint16))
    assert narrow.dtype == core.dtype == np.uint16


def test_integers_of_64_bits_round_as_in_numpy():
    rng = np.random.default_rng(3)
    value = directed(rng, 50_000, 64, 23)
    got = int_to_float(value, IntToFloatConfig(int_width=64, result=FP32))
    np.testing.assert_array_equal(got.view(np.float32), value.astype(np.float32))


def test_overflow():
    for rounding, half, fp8 in (("nearest_even", 0x7C00, 0x7F), ("toward_zero", 0x7BFF, 0x7E)):
        config = IntToFloatConfig(result=FP16, rounding=rounding)
        assert int_to_float([65504, 65536, -65536], config).tolist() == [0x7BFF, half, half | 2**15]
        config = IntToFloatConfig(result=FP8_E4M3, rounding=rounding)
        low = 0x7F if fp8 == 0x7F else 0xFE
        assert int_to_float([448, 1000, -1000], config).tolist() == [0x7E, fp8, low]


def test_mean_over_all_random_words_is_the_integer():
    config = IntToFloatConfig(result=FP8_E5M2, rounding="stochastic", random_bits=8)
    for value in (9, 515, -1027):
        pattern = int_to_float(value, config, np.arange(256)).tolist()
        total = sum(FP8_E5M2.decode(number) * pattern.count(number) for number in set(pattern))
        assert total / 256 == value


def test_bad_arguments_are_refused_by_name():
    with pytest.raises(ValueError, match=r"^value must be between -128 and 127, not 128$"):
        int_to_float([0, 128], IntToFloatConfig(int_width=8))
    with pytest.raises(TypeError, match=r"^value must hold integers, not float64$"):
        int_to_float(1.5, IntToFloatConfig(result=BF16))
