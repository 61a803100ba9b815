import math
from fractions import Fraction

import gfloat
import ml_dtypes
import numpy as np
import pytest
from gfloat import formats as reference

from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32, FloatFormat

PAIRS = [
    pytest.param(BF16, reference.format_info_bfloat16, id="BF16"),
    pytest.param(FP16, reference.format_info_binary16, id="FP16"),
    pytest.param(FP8_E4M3, reference.format_info_ocp_e4m3, id="FP8 E4M3"),
    pytest.param(FP8_E5M2, reference.format_info_ocp_e5m2, id="FP8 E5M2"),
]
MODES = {"nearest_even": gfloat.RoundMode.TiesToEven, "toward_zero": gfloat.RoundMode.TowardZero}


def same(a, b):
    return a == b or (math.isnan(a) and math.isnan(b))


@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_patterns_decode_as_in_gfloat(ours, theirs):
    step = max(1, 2**ours.width // 8192)
    for pattern in range(0, 2**ours.width, step | 1):
        assert same(float(ours.decode(pattern)), gfloat.decode_float(theirs, pattern).fval)


@pytest.mark.parametrize("rounding", MODES)
@pytest.mark.parametrize(("ours", "theirs"), PAIRS)
def test_numbers_between_patterns_round_as_in_gfloat(ours, theirs, rounding):
    rng = np.random.default_rng(1)
    patterns = [0, 1, ours.largest - 1, ours.largest, *rng.integers(0, ours.largest, 400).tolist()]
    for pattern in patterns:
        low = float(ours.decode(pattern))
        top = pattern == ours.largest
        high = 2 * low - float(ours.decode(pattern - 1)) if top else float(ours.decode(pattern + 1))
        middle = (low + high) / 2  # exact in float64
        for value in (low, np.nextafter(middle, low), middle, np.nextafter(middle, high), high):
            for number in (float(value), -float(value)):
                expected = gfloat.round_float(theirs, number, MODES[rounding])
                got = ours.decode(ours.encode(number, rounding=rounding))
                assert same(float(got), expected), (pattern, number)


@pytest.mark.parametrize("number_format", [BF16, FP16, FP32, FP8_E4M3, FP8_E5M2])
def test_decode_and_encode_are_inverse(number_format):
    rng = np.random.default_rng(2)
    patterns = rng.integers(0, 2**number_format.width, 2000).tolist()
    for pattern in [0, 1, number_format.largest, number_format.nan, *patterns]:
        value = number_format.decode(pattern)
        is_nan = isinstance(value, float) and math.isnan(value)
        back = number_format.encode(value, negative_zero=number_format.is_negative(pattern))
        assert back == (number_format.nan if is_nan else pattern)


def test_float32_rounds_to_bf16_as_in_ml_dtypes():
    rng = np.random.default_rng(3)
    high = rng.integers(0, 0x7F81, 3000).astype(np.uint32) << 16
    bits = high | rng.choice(np.array([0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF], np.uint32), 3000)
    values = bits[bits <= 0x7F800000].view(np.float32)
    expected = values.astype(ml_dtypes.bfloat16).view(np.uint16)
    assert [BF16.encode(float(value)) for value in values] == expected.tolist()


def test_float32_is_the_float32_of_numpy():
    bits = np.random.default_rng(4).integers(0, 0x7F800000, 2000).astype(np.uint32)
    values = bits.view(np.float32)
    assert [float(FP32.decode(int(b))) for b in bits] == values.tolist()


def test_constants_of_bf16():
    assert (BF16.width, BF16.infinity, BF16.nan, BF16.largest) == (16, 0x7F80, 0x7FC0, 0x7F7F)
    assert BF16.decode(0x3F80) == 1
    assert BF16.decode(0x8001) == -(Fraction(2) ** -133)
    assert BF16.encode(Fraction(0), negative_zero=True) == 0x8000
    assert BF16.encode(-(Fraction(2) ** -134)) == 0x8000  # ties to even, keeps its sign
    assert BF16.encode(math.nan) == BF16.encode(-math.nan) == 0x7FC0


def test_stochastic_rounding_carries_with_the_fraction_cut_off():
    lsb = Fraction(2) ** -7  # beside 1.0
    for quarters, ups in ((0, 0), (1, 1), (2, 2), (3, 3)):
        for sign in (1, -1):
            value = sign * (1 + lsb * Fraction(4 * quarters + 1, 16))  # two bits count
            rounded = [
                BF16.decode(BF16.encode(value, rounding="stochastic", random=r, random_bits=2))
                for r in range(4)
            ]
            assert rounded == [sign] * (4 - ups) + [sign * (1 + lsb)] * ups
    beyond = BF16.decode(BF16.largest) + Fraction(2) ** 119
    options = {"rounding": "stochastic", "random_bits": 1}
    assert BF16.encode(beyond, random=0, **options) == BF16.largest
    assert BF16.encode(-beyond, random=1, **options) == 0xFF80
    assert FP8_E4M3.encode(-beyond, random=0, **options) == FP8_E4M3.nan


def test_flushed_results_round_with_unbounded_exponent_first():
    smallest = Fraction(2) ** -126
    for parts, kept, flushed in (
        (1, 0x0080, 0x0080),
        (1 - Fraction(1, 256), 0x0080, 0x0000),  # an eight-bit number below the smallest normal
        (1 - Fraction(1, 512), 0x0080, 0x0080),  # ties up to it
        (1 - Fraction(3, 1024), 0x0080, 0x0000),
        (Fraction(1, 2), 0x0040, 0x0000),
    ):
        assert BF16.encode(parts * smallest) == kept
        assert BF16.encode(-parts * smallest, flushed=True) == flushed | 0x8000
    below = smallest * (1 - Fraction(1, 1024))
    assert BF16.encode(below, flushed=True, rounding="toward_zero") == 0


def test_bad_arguments_are_refused_by_name():
    message = r"^rounding must be one of nearest_even, toward_zero, stochastic, not 'up'$"
    with pytest.raises(ValueError, match=message):
        BF16.encode(1.0, rounding="up")
    with pytest.raises(ValueError, match=r"^random must be between 0 and 3, not 4$"):
        BF16.encode(1.0, rounding="stochastic", random=4, random_bits=2)
    with pytest.raises(ValueError, match=r"^pattern must be between 0 and 65535, not 65536$"):
        BF16.decode(2**16)
    with pytest.raises(ValueError, match=r"^mantissa_bits must be between 1 and 52, not 0$"):
        FloatFormat(name="none", exponent_bits=4, mantissa_bits=0, bias=7)
