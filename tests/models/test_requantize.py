import math
from fractions import Fraction

import numpy as np
import pytest

from models.config.floats import FloatMulConfig
from models.config.units import RequantizeConfig
from models.digital.requantize import requantize
from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32
from tests.float_cases import corners, shaped, words

CONFIG = RequantizeConfig(code_width=5, random_bits=4)


def exact(pattern, config, exponent, random):
    """Code from fractions; ``random`` None rounds to nearest even."""
    value = config.format.decode(pattern)
    if isinstance(value, float):
        return 0 if math.isnan(value) else int(math.copysign(config.limit, value))
    size = abs(value) / Fraction(2) ** exponent
    if random is not None:
        size = (int(size * 2**config.random_bits) + random) >> config.random_bits
    code = min(round(size), config.limit)
    return -code if config.format.is_negative(pattern) else code


def around(rng, config, exponent, count):
    """Corners, and values whose last bits lie from below the code's LSB to beyond its limit."""
    number = config.format
    places = np.arange(-config.random_bits - 3, config.code_width + 2)
    field = number.bias + exponent + rng.choice(places, count)
    return np.concatenate([corners(number), shaped(rng, number, field)])


def check(value, config, exponent, stochastic, rng):
    random = words(
        rng, FloatMulConfig(rounding="stochastic", random_bits=config.random_bits), len(value)
    )
    codes = requantize(value, config, exponent=exponent, stochastic=stochastic, random=random)
    chosen = random.tolist() if stochastic else [None] * len(value)
    rows = zip(value.tolist(), chosen, strict=True)
    np.testing.assert_array_equal(codes, [exact(v, config, exponent, r) for v, r in rows])
    return codes


@pytest.mark.parametrize(
    ("value", "code"),
    [
        pytest.param(0.25, 0, id="0.5 LSB ties to 0"),
        pytest.param(0.75, 2, id="1.5 LSB ties to 2"),
        pytest.param(-1.25, -2, id="-2.5 LSB ties to -2"),
        pytest.param(1.2578125, 3, id="just above 2.5 LSB"),
        pytest.param(-100.0, -15, id="saturates"),
        pytest.param(math.inf, 15, id="infinity"),
        pytest.param(math.nan, 0, id="NaN"),
        pytest.param(1e-40, 0, id="subnormal"),
    ],
)
def test_values_worked_by_hand(value, code):
    pattern = np.array([BF16.encode(value)])
    assert requantize(pattern, CONFIG, exponent=-1, stochastic=False) == [code]


def test_stochastic_rounding_by_hand():
    pattern = np.full(4, BF16.encode(-2.75))  # 5.5 LSB: 8/16 and a random word of 8 give one more
    random = np.array([0, 7, 8, 15], np.uint16)
    codes = requantize(pattern, CONFIG, exponent=-1, stochastic=True, random=random)
    assert codes.tolist() == [-5, -5, -6, -6]


@pytest.mark.parametrize("stochastic", [False, True])
@pytest.mark.parametrize(("code_width", "random_bits"), [(2, 1), (9, 8), (16, 16)])
def test_directed_values_match_exact_fractions(code_width, random_bits, stochastic):
    config = RequantizeConfig(code_width=code_width, random_bits=random_bits)
    rng = np.random.default_rng([1, code_width, stochastic])
    for exponent in (-256, -149, -134, -127, -7, 0, 3, 120, 127, 200, 255):
        value = around(rng, config, exponent, 300).astype(np.uint16)
        assert check(value, config, exponent, stochastic, rng).dtype == np.int16


@pytest.mark.parametrize("stochastic", [False, True])
@pytest.mark.parametrize(
    ("code_width", "random_bits"), [(2, 16), (17, 1), (32, 8), (33, 5), (48, 16)]
)
@pytest.mark.parametrize("number", [BF16, FP16, FP32], ids=lambda number: number.name)
def test_wide_codes_match_exact_fractions(number, code_width, random_bits, stochastic):
    config = RequantizeConfig(format=number, code_width=code_width, random_bits=random_bits)
    rng = np.random.default_rng([2, code_width, stochastic])
    lowest = 1 - number.bias - number.mantissa_bits
    for exponent in (-256, lowest - 1, lowest, 1 - number.bias, -30, -20, -1, 0, 9, 255):
        codes = check(around(rng, config, exponent, 200), config, exponent, stochastic, rng)
        assert codes.dtype == {2: np.int16, 17: np.int32, 32: np.int32}.get(code_width, np.int64)


@pytest.mark.parametrize("stochastic", [False, True])
@pytest.mark.parametrize(("code_width", "random_bits"), [(4, 3), (9, 2), (30, 4), (48, 16)])
@pytest.mark.parametrize("number", [FP8_E4M3, FP8_E5M2], ids=lambda number: number.name)
def test_every_fp8_input_matches_exact_fractions(number, code_width, random_bits, stochastic):
    config = RequantizeConfig(format=number, code_width=code_width, random_bits=random_bits)
    rng = np.random.default_rng([3, code_width, stochastic])
    for exponent in (-60, -40, -18, -16, -9, -6, -1, 0, 1, 6, 9, 15, 18):
        check(np.arange(256), config, exponent, stochastic, rng)


def test_both_paths_of_bf16_agree(monkeypatch):
    rng = np.random.default_rng(4)
    value, random = np.arange(2**16, dtype=np.uint16), rng.integers(0, 2**8, 2**16)
    options = [
        {"exponent": exponent, "stochastic": stochastic, "random": random}
        for exponent in (-140, -7, 3, 125)
        for stochastic in (False, True)
    ]
    quick = [requantize(value, RequantizeConfig(), **each) for each in options]
    monkeypatch.setattr("models.digital.requantize.BF16", FP16)
    for codes, each in zip(quick, options, strict=True):
        np.testing.assert_array_equal(requantize(value, RequantizeConfig(), **each), codes)


def test_stochastic_rounding_is_unbiased_over_all_words():
    config = RequantizeConfig()
    value = np.full(256, BF16.encode(10 + 80 / 256), np.uint16)
    codes = requantize(value, config, exponent=0, stochastic=True, random=np.arange(256))
    assert np.unique(codes, return_counts=True)[1].tolist() == [176, 80]


def test_bad_arguments_are_refused_by_name():
    with pytest.raises(ValueError, match=r"^exponent must be between -256 and 255, not 256$"):
        requantize(0, CONFIG, exponent=256, stochastic=False)
    with pytest.raises(ValueError, match=r"^random must be given for stochastic rounding, not"):
        requantize(0, CONFIG, exponent=0, stochastic=True)
    with pytest.raises(ValueError, match=r"^value must be between 0 and 255, not 256$"):
        requantize(256, RequantizeConfig(format=FP8_E4M3), exponent=0, stochastic=False)


def test_values_and_words_broadcast_and_are_not_changed():
    value, random = np.array([[0x3C00], [0xBE00]], np.uint16), np.array([0, 7, 8, 15])
    config = RequantizeConfig(format=FP16, random_bits=4)
    codes = requantize(value, config, exponent=0, stochastic=True, random=random)
    assert codes.tolist() == [[1, 1, 1, 1], [-1, -1, -2, -2]]
    assert value.tolist() == [[0x3C00], [0xBE00]]
    assert requantize(0x3C00, config, exponent=-1, stochastic=False) == 2
