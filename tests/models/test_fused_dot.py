from fractions import Fraction

import numpy as np
import pytest

from models.config.floats import FloatFmaConfig, FloatMulConfig, FusedDotConfig
from models.digital.float_fma import float_fma
from models.digital.float_mul import float_mul
from models.digital.fused_dot import fused_dot
from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32
from tests.float_cases import (
    encoded,
    every_rounding,
    every_subnormals,
    operand,
    plus,
    rows,
    times,
    triples,
    words,
)
from tests.fused_loop import dot_terms, sum_loop

FORMATS = [(f, f) for f in (BF16, FP16, FP8_E4M3, FP8_E5M2, FP32)]
FORMATS += [(BF16, FP32), (FP8_E5M2, FP8_E4M3), (FP32, BF16)]
every_format = pytest.mark.parametrize(
    ("source", "result"), [pytest.param(*f, id=" to ".join(k.name for k in f)) for f in FORMATS]
)


def exact(a, b, config):
    """Sign and value of the sum over all beats."""
    kind, flushed = config.format, config.is_flushed
    return plus(
        [
            times(operand(x, kind, flushed), operand(y, kind, flushed))
            for x, y in zip(np.ravel(a).tolist(), np.ravel(b).tolist(), strict=True)
        ]
    )


def packets(config, count, beats, seed):
    """Packets [count, beats, terms] whose second half often cancels the first."""
    rng = np.random.default_rng([seed, 1])
    size = beats * config.terms
    a = rows(config.format, count, size, seed)
    b = rows(config.format, count, size, seed + 1)
    if size > 1:
        twin = rng.random(count) < 0.3
        b[twin, -(size // 2) :] = b[twin, : size // 2]
        a[twin, -(size // 2) :] = a[twin, : size // 2] ^ 2 ** (config.format.width - 1)
    sparse = rng.random((count, beats, 1)) < 0.15  # beats of nothing but zeros
    a = np.where(sparse, 0, a.reshape(count, beats, -1))
    return a, b.reshape(count, beats, -1)


def dot(a, b, config, random=None):
    return (
        fused_dot(a, b, config, random)
        if config.beats > 1
        else fused_dot(a[:, 0], b[:, 0], config, random)
    )


def check(config, count, beats, seed, value):
    a, b = packets(config, count, beats, seed)
    random = words(np.random.default_rng(seed), config, count)
    chosen = [None] * count if random is None else random.tolist()
    want = [
        encoded(value(x, y, config), config, word) for x, y, word in zip(a, b, chosen, strict=True)
    ]
    np.testing.assert_array_equal(dot(a, b, config, random), want)


def loop(a, b, config):
    beats = [dot_terms(x, y, config) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    return sum_loop(*beats, config)[:2]


@every_subnormals
@every_rounding
@every_format
@pytest.mark.parametrize(("terms", "beats"), [(3, 1), (4, 3)])
def test_exact_dots_match_exact_fractions(source, result, rounding, subnormals, terms, beats):
    config = FusedDotConfig(
        format=source,
        result=result,
        rounding=rounding,
        subnormals=subnormals,
        random_bits=7,
        terms=terms,
        beats=beats,
        window=0,
    )
    check(config, 300, beats, 1, exact)


@pytest.mark.parametrize("sticky", [False, True])
@pytest.mark.parametrize(
    ("terms", "beats", "extra"),
    [(2, 1, 0), (8, 1, 8), (5, 4, 0), (8, 3, 14), (16, 2, 60), (4, 5, 300)],
)
@every_format
def test_windowed_dots_match_a_plain_loop(source, result, terms, beats, extra, sticky):
    config = FusedDotConfig(
        format=source,
        result=result,
        terms=terms,
        beats=beats,
        window=2 * (source.mantissa_bits + 1) + extra,
        sticky=sticky,
    )
    check(config, 250, beats, 2, loop)


@every_subnormals
@every_rounding
@pytest.mark.parametrize("window", [16, 55, 75])
def test_windowed_dots_round_as_the_others_do(rounding, subnormals, window):
    config = FusedDotConfig(
        rounding=rounding, subnormals=subnormals, window=window, beats=3, random_bits=32
    )
    check(config, 500, 3, 3, loop)


@pytest.mark.parametrize("beats", [1, 7])
@pytest.mark.parametrize("sticky", [False, True])
def test_windowed_error_stays_below_the_stated_bound(beats, sticky):
    # FP32 holds these sums but for subnormal ones, so nothing is rounded after them
    config = FusedDotConfig(terms=4, beats=beats, window=16, sticky=sticky, result=FP32)
    a, b = packets(config, 3000, beats, 4)
    lsb = Fraction(2) ** -14  # beside 1.0 * 1.0, whose leading one is one below the window's top
    one, below = 0x3F80, BF16.encode(lsb / 1000 if sticky else lsb * 255 / 256)
    a[0], b[0] = [one, below, below, below], one
    worst = Fraction(0)
    for x, y, pattern in zip(a, b, dot(a, b, config).tolist(), strict=True):
        total = FP32.decode(pattern)
        if not isinstance(total, Fraction) or abs(total) < Fraction(2) ** -100:
            continue
        pairs = zip(x.tolist(), y.tolist(), strict=True)
        terms = [term for beat in pairs for term in dot_terms(*beat, config)]
        lsb = Fraction(2) ** (max(t[1] for t in terms) + config.lsb_exponent)
        worst = max(worst, abs(total - exact(x, y, config)[1]) / lsb)
    assert 0.99 * beats * (config.terms - 1) < worst < beats * (config.terms + 1)


def test_negative_sums_are_shifted_down():
    # -2**-126 beside 1 is one step of the window, whichever comes first
    config = FusedDotConfig(terms=2, beats=2, window=16, result=FP32)
    first, second = [0x8080, 0x0000], [0x3F80, 0x0000]  # -2**-126, 1
    one = [[0x3F80, 0x3F80]] * 2
    for a in ([first, second], [second, first]):
        assert FP32.decode(int(fused_dot(a, one, config))) == 1 - Fraction(2) ** -14
    wide = FusedDotConfig(terms=2, beats=2, window=80, result=FP32, rounding="toward_zero")
    assert FP32.decode(int(fused_dot([first, second], one, wide))) == 1 - Fraction(2) ** -24


def test_one_product_beside_zeros_is_a_multiplier_and_with_a_one_an_fma():
    a, b, c = triples(BF16, BF16, 20_000, seed=6)
    zeros, ones = np.full_like(a, 0x8000), np.full_like(a, 0x3F80)
    config = FusedDotConfig(terms=2, window=0)
    product = fused_dot(np.stack([a, zeros], -1), np.stack([b, ones], -1), config)
    np.testing.assert_array_equal(product, float_mul(a, b, FloatMulConfig()))
    both = fused_dot(np.stack([a, c], -1), np.stack([b, ones], -1), config)
    np.testing.assert_array_equal(both, float_fma(a, b, c, FloatFmaConfig()))


def test_a_long_packet_equals_one_wide_beat():
    config = FusedDotConfig(terms=64, window=0, result=FP32)
    narrow = FusedDotConfig(terms=4, window=0, result=FP32, beats=65536)
    a, b = (rows(BF16, 2000, 64, seed) for seed in (7, 8))
    want = fused_dot(a, b, config)
    shape = 2000, 16, 4
    np.testing.assert_array_equal(fused_dot(a.reshape(shape), b.reshape(shape), narrow), want)


@pytest.mark.parametrize("window", [0, 16, 24, 100])
@pytest.mark.parametrize(
    ("a", "b", "total"),
    [
        pytest.param([0x8000, 0x3F80], [0x3F80, 0x8000], 0x8000, id="all products -0"),
        pytest.param([0x8000, 0x3F80], [0x8000, 0x8000], 0x0000, id="zeros"),
        pytest.param([0x3F80, 0x3F80], [0x3F80, 0xBF80], 0x0000, id="cancelled"),
        pytest.param([0x7F80, 0x3F80], [0x0000, 0x3F80], 0x7FC0, id="infinity times zero"),
        pytest.param([0x7F80, 0x3F80], [0xBF80, 0x7F80], 0x7FC0, id="infinities of both signs"),
        pytest.param([0x7F80, 0xFF80], [0xFF80, 0x3F80], 0xFF80, id="infinities of one sign"),
        pytest.param([0x3F80, 0xFFFF], [0x3F80, 0x7F80], 0x7FC0, id="NaN"),
        pytest.param([0x7F7F, 0x7F7F], [0x7F7F, 0xFF7F], 0x0000, id="no overflow between"),
    ],
)
def test_specials_and_signs_of_zeros_within_and_across_beats(a, b, total, window):
    assert fused_dot(a, b, FusedDotConfig(terms=2, window=window)) == total
    config = FusedDotConfig(terms=2, window=window, beats=2)
    minus_zeros = [[0x8000, 0x8000], [0x3F80, 0x3F80]]
    a, b = (np.stack(both, -1) for both in zip((a, b), minus_zeros, strict=True))
    assert fused_dot(a, b, config) == total


def test_shapes_broadcast_in_pieces():
    config = FusedDotConfig(terms=4, result=FP32)
    a, b = rows(BF16, 60, 4, seed=9), rows(BF16, 300, 4, seed=10)
    result = fused_dot(a[:, None], b, config)
    assert result.shape == (60, 300)
    assert result.dtype == np.uint32
    np.testing.assert_array_equal(result[59], fused_dot(np.broadcast_to(a[59], b.shape), b, config))


def test_wrong_lengths_are_refused_by_name():
    config = FusedDotConfig(terms=2, beats=3)
    for beats in (0, 4):
        x = np.zeros((5, beats, 2), int)
        with pytest.raises(ValueError, match=r"^axis -2 of a must have length between 1 and 3, "):
            fused_dot(x, x, config)
    with pytest.raises(ValueError, match=r"^axis -2 of b must have length 2, not \(5, 1, 2\)$"):
        fused_dot(np.zeros((5, 2, 2), int), np.zeros((5, 1, 2), int), config)


def test_mean_over_all_random_words_is_the_sum():
    config = FusedDotConfig(terms=2, window=0, rounding="stochastic", random_bits=16)
    a, b = np.array([0x3F81, 0x3B81]), np.array([0x3F83, 0xBF80])
    a, b = (np.broadcast_to(side, (2**16, 2)) for side in (a, b))
    pattern = fused_dot(a, b, config, np.arange(2**16)).tolist()
    total = sum(BF16.decode(number) * pattern.count(number) for number in set(pattern))
    assert len(set(pattern)) == 2
    assert total / 2**16 == exact(a[0], b[0], config)[1]
