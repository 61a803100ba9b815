import math
from fractions import Fraction

import numpy as np
import pytest

from models.config.units import RequantizeConfig
from models.digital.requantize import requantize
from models.formats import BF16
from tests.bf16_cases import CORNERS, pairs

CONFIG = RequantizeConfig(code_width=5, random_bits=4)


def exact(pattern, config, exponent, random):
    """Code from fractions; ``random`` None rounds to nearest even."""
    value = BF16.decode(pattern)
    if isinstance(value, float):
        return 0 if math.isnan(value) else int(math.copysign(config.limit, value))
    size = abs(value) / Fraction(2) ** exponent
    if random is not None:
        size = (int(size * 2**config.random_bits) + random) >> config.random_bits
    code = min(round(size), config.limit)
    return -code if BF16.is_negative(pattern) else code


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
        # values whose last bits are at the code's LSB, corners, and anything
        field = np.clip(127 + exponent + rng.integers(-3, code_width + 1, 300), 0, 254)
        near = field << 7 | rng.integers(0, 128, 300) | rng.integers(0, 2, 300) << 15
        value = np.concatenate([near, CORNERS, pairs(0, seed=1)[0][:50]]).astype(np.uint16)
        random = rng.integers(0, 2**random_bits, len(value))
        random[::7], random[::5] = 0, 2**random_bits - 1
        codes = requantize(value, config, exponent=exponent, stochastic=stochastic, random=random)
        words = random.tolist() if stochastic else [None] * len(value)
        expected = [
            exact(v, config, exponent, r) for v, r in zip(value.tolist(), words, strict=True)
        ]
        np.testing.assert_array_equal(codes, expected)
        assert codes.dtype == np.int16


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
