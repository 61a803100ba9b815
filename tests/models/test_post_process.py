from fractions import Fraction

import numpy as np

from models.config.floats import FloatAddConfig, FloatMulConfig
from models.config.units import PostProcessConfig
from models.digital.post_process import post_process
from models.formats import BF16
from tests.float_cases import encoded, operand, pairs, plus, times

CONFIG = PostProcessConfig(sum_width=16, code_width=5, random_bits=4)


def test_a_packet_worked_by_hand():
    result = post_process(
        np.array([[100, -3, 160], [-100, 0, 0]]),
        BF16.encode(0.5),
        BF16.encode(-1.0),
        False,
        None,
        CONFIG,
        activation=1,
        exponent=4,
        stochastic=False,
    )
    assert result.sum.tolist() == [257, -100]
    assert result.value.tolist() == [BF16.encode(127.0), 0]  # 257 ties to 256
    assert result.mask.tolist() == [True, False]
    assert result.code.tolist() == [8, 0]  # 127 / 16 = 7.94


def test_the_sum_wraps():
    partials = np.array([[32767, 1], [-32768, -1], [32767, 0]])
    result = post_process(
        partials, 0x3F80, 0, True, None, CONFIG, activation=2, exponent=0, stochastic=False
    )
    assert result.sum.tolist() == [-32768, 32767, 32767]


def exact(total, scale, bias):
    """Pattern from fractions, rounded three times."""
    number, scale, bias = (operand(p, BF16) for p in (BF16.encode(Fraction(total)), scale, bias))
    product = operand(encoded(times(number, scale), FloatMulConfig()), BF16)
    return encoded(plus([product, bias]), FloatAddConfig())


def test_each_step_rounds_once():
    rng = np.random.default_rng(1)
    scale, bias = (side.astype(np.uint16) for side in pairs(BF16, BF16, 4000, seed=2))
    partials = rng.integers(-3000, 3000, (len(scale), 4)) << rng.integers(0, 2, (len(scale), 1))
    mask = rng.integers(0, 2, len(scale)).astype(bool)
    result = post_process(
        partials, scale, bias, mask, None, CONFIG, activation=0, exponent=0, stochastic=False
    )
    columns = partials.sum(axis=1).tolist(), scale.tolist(), bias.tolist()
    expected = [exact(*row) for row in zip(*columns, strict=True)]
    np.testing.assert_array_equal(result.value, expected)
    np.testing.assert_array_equal(result.mask, mask)


def test_packets_may_have_any_shape():
    partials = np.arange(24).reshape(2, 3, 4)
    result = post_process(
        partials,
        np.full(3, 0x3F80),
        np.zeros((2, 1), np.uint16),
        np.ones(3),
        np.full((2, 3), 8),
        CONFIG,
        activation=2,
        exponent=2,
        stochastic=True,
    )
    assert result.sum.shape == result.value.shape == result.mask.shape == result.code.shape
    assert result.code.tolist() == [[2, 6, 10], [14, 15, 15]]
