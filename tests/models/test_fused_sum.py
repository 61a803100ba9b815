from fractions import Fraction

import numpy as np
import pytest

from models.config.floats import FloatAddConfig, FusedSumConfig
from models.digital.float_add import float_add
from models.digital.fused_sum import fused_sum
from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32
from tests.float_cases import (
    encoded,
    every_rounding,
    every_subnormals,
    expected,
    operand,
    pairs,
    plus,
    rows,
    words,
)
from tests.fused_loop import sum_loop, sum_terms

FORMATS = [(f, f) for f in (BF16, FP16, FP8_E4M3, FP8_E5M2, FP32)]
FORMATS += [(BF16, FP32), (FP8_E5M2, FP8_E4M3), (FP32, BF16)]
every_format = pytest.mark.parametrize(
    ("source", "result"), [pytest.param(*f, id=" to ".join(k.name for k in f)) for f in FORMATS]
)


def exact(config):
    return lambda *row: plus([operand(x, config.format, config.is_flushed) for x in row])


def check_against_loop(config, count, seed):
    x = rows(config.format, count, config.terms, seed)
    random = words(np.random.default_rng(seed), config, count)
    chosen = [None] * count if random is None else random.tolist()
    want = [
        encoded(sum_loop(sum_terms(row, config), config)[:2], config, word)
        for row, word in zip(x.tolist(), chosen, strict=True)
    ]
    np.testing.assert_array_equal(fused_sum(x, config, random), want)


@every_subnormals
@every_rounding
@every_format
@pytest.mark.parametrize("terms", [3, 8])
def test_exact_sums_match_exact_fractions(source, result, rounding, subnormals, terms):
    config = FusedSumConfig(
        format=source,
        result=result,
        rounding=rounding,
        subnormals=subnormals,
        random_bits=7,
        terms=terms,
        window=0,
    )
    x = rows(source, 700, terms, seed=1)
    random = words(np.random.default_rng(1), config, len(x))
    want = expected(config, exact(config), x.T, random)
    np.testing.assert_array_equal(fused_sum(x, config, random), want)


@pytest.mark.parametrize("sticky", [False, True])
@pytest.mark.parametrize(("terms", "extra"), [(2, 0), (5, 3), (8, 16), (16, 40), (64, 300)])
@every_format
def test_windowed_sums_match_a_plain_loop(source, result, terms, extra, sticky):
    window = source.mantissa_bits + 1 + extra
    config = FusedSumConfig(format=source, result=result, terms=terms, window=window, sticky=sticky)
    check_against_loop(config, 400, seed=2)


@every_subnormals
@every_rounding
@pytest.mark.parametrize("window", [12, 58, 70])
def test_windowed_sums_round_as_the_others_do(rounding, subnormals, window):
    config = FusedSumConfig(
        rounding=rounding, subnormals=subnormals, window=window, sticky=True, random_bits=32
    )
    check_against_loop(config, 1000, seed=3)


@pytest.mark.parametrize("sticky", [False, True])
@pytest.mark.parametrize(("terms", "window"), [(2, 8), (8, 14), (16, 20)])
def test_windowed_error_stays_below_the_stated_bound_and_comes_near_it(terms, window, sticky):
    # FP32 holds every windowed sum here, so nothing is rounded after it
    config = FusedSumConfig(terms=terms, window=window, sticky=sticky, result=FP32)
    lsb = Fraction(2) ** (1 - window)  # beside 1.0
    below = BF16.encode(lsb / 1000 if sticky else lsb * 255 / 256)
    hardest = np.array(
        [[0x3F80] + [below] * (terms - 1), [0x3F80] + [below | 0x8000] * (terms - 1)]
    )
    x = np.concatenate([hardest, rows(BF16, 3000, terms, seed=4)])
    worst = Fraction(0)
    for row, pattern in zip(x.tolist(), fused_sum(x, config).tolist(), strict=True):
        total = FP32.decode(pattern)
        if isinstance(total, Fraction):
            anchor = max(exponent for _, exponent, _, _ in sum_terms(row, config))
            lsb = Fraction(2) ** (anchor - BF16.bias - (window - 1))
            worst = max(worst, abs(total - exact(config)(*row)[1]) / lsb)
    assert 0.99 * (terms - 1) < worst < terms - 1


def test_a_window_over_all_exponents_is_exact():
    exact_form = FusedSumConfig(terms=6, window=0)
    wide = FusedSumConfig(terms=6, window=exact_form.window_bits)
    x = rows(BF16, 20_000, 6, seed=5)
    np.testing.assert_array_equal(fused_sum(x, wide), fused_sum(x, exact_form))


def test_two_exact_terms_are_an_adder():
    for source in (BF16, FP32, FP8_E4M3):
        a, b = pairs(source, source, 20_000, seed=6)
        config = FusedSumConfig(format=source, result=source, terms=2, window=0)
        want = float_add(a, b, FloatAddConfig(format=source, result=source))
        np.testing.assert_array_equal(fused_sum(np.stack([a, b], -1), config), want)


@pytest.mark.parametrize("window", [0, 8, 24, 100])
@pytest.mark.parametrize(
    ("x", "total"),
    [
        pytest.param([0x8000, 0x8000, 0x8000], 0x8000, id="all -0"),
        pytest.param([0x8000, 0x0000, 0x8000], 0x0000, id="zeros"),
        pytest.param([0x3F80, 0xBF80, 0x8000], 0x0000, id="cancelled"),
        pytest.param([0xBF80, 0x8000, 0x8000], 0xBF80, id="-1 and -0"),
        pytest.param([0x7F80, 0x3F80, 0x7F80], 0x7F80, id="infinities of one sign"),
        pytest.param([0xFF80, 0x7F7F, 0x7F7F], 0xFF80, id="minus infinity"),
        pytest.param([0x7F80, 0x3F80, 0xFF80], 0x7FC0, id="infinities of both signs"),
        pytest.param([0xFF80, 0xFFFF, 0xFF80], 0x7FC0, id="NaN"),
        pytest.param([0x7F7F, 0x7F7F, 0xFF7F], 0x7F7F, id="no overflow between"),
        pytest.param([0x7F7F, 0x7F7F, 0x0000], 0x7F80, id="overflow"),
    ],
)
def test_specials_and_signs_of_zeros(x, total, window):
    config = FusedSumConfig(terms=3, window=window)
    assert fused_sum(x, config) == total
    assert fused_sum(x[::-1], config) == total


def test_shapes_pieces_and_lengths():
    config = FusedSumConfig(terms=4, result=FP32)
    x = rows(BF16, 9000, 4, seed=7)
    result = fused_sum(x.reshape(3, 3000, 4), config)
    assert result.shape == (3, 3000)
    assert result.dtype == np.uint32
    np.testing.assert_array_equal(result[2, -5:], [fused_sum(row, config) for row in x[-5:]])
    with pytest.raises(ValueError, match=r"^axis -1 of x must have length 4, not \(9, 3\)$"):
        fused_sum(np.zeros((9, 3), int), config)


def test_mean_over_all_random_words_is_the_sum():
    config = FusedSumConfig(terms=3, window=0, rounding="stochastic", random_bits=16)
    x = np.array([0x3F80, 0x3B81, 0xBC03])
    pattern = fused_sum(np.broadcast_to(x, (2**16, 3)), config, np.arange(2**16)).tolist()
    total = sum(BF16.decode(number) * pattern.count(number) for number in set(pattern))
    assert len(set(pattern)) == 2
    assert total / 2**16 == sum(BF16.decode(number) for number in x.tolist())
