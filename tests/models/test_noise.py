from statistics import NormalDist

import numpy as np
import pytest

from models.analog.noise import QUANTILES, normal
from models.randomness import generator

N = 400_000


class Every:
    """A generator that gives every 16-bit word once."""

    bit_generator = None

    def integers(self, low, high, count, dtype, endpoint):
        assert (low, high, endpoint) == (0, 2**64 - 1, True)
        assert 4 * count == QUANTILES
        return np.arange(QUANTILES, dtype="<u2").view("<u8").astype(dtype)


def test_the_values_have_the_moments_that_are_stated():
    values = normal(Every(), (QUANTILES,)).astype(float)
    assert np.all(np.diff(values) > 0)
    assert np.array_equal(values, -values[::-1])
    assert np.mean(values**2) == pytest.approx(1, abs=1e-7)
    assert np.mean(values**4) == pytest.approx(2.9992, abs=5e-5)
    assert values.max() == pytest.approx(4.32, abs=5e-3)


@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 1001])
def test_draws_take_16_bits_each_from_a_fresh_stream(count):
    table = normal(Every(), (QUANTILES,))
    places = generator(7, "noise").integers(0, QUANTILES, count, np.uint16)
    assert np.array_equal(normal(generator(7, "noise"), (count,)), table[places])


def test_the_values_are_the_quantiles():
    """Mid-points of equal slices; unit variance scales them by less than 1e-4."""
    values = normal(Every(), (QUANTILES,))
    for k in (0, 1, 1000, QUANTILES // 2, QUANTILES - 1):
        assert values[k] == pytest.approx(NormalDist().inv_cdf((k + 0.5) / QUANTILES), rel=1e-4)


def test_draws_have_mean_0_variance_1_and_no_memory():
    """n = 400,000; 5 standard errors (the variance of x**2 is 2, of x**3 15)."""
    draws = normal(np.random.default_rng(1), (4, N // 4)).astype(float)
    assert draws.mean() == pytest.approx(0, abs=5 / np.sqrt(N))
    assert np.mean(draws**2) == pytest.approx(1, abs=5 * np.sqrt(2 / N))
    assert np.mean(draws**3) == pytest.approx(0, abs=5 * np.sqrt(15 / N))
    flat = draws.ravel()
    assert np.mean(flat[1:] * flat[:-1]) == pytest.approx(0, abs=5 / np.sqrt(N))


@pytest.mark.parametrize("bits", [np.random.Philox, np.random.PCG64, np.random.MT19937])
def test_any_generator_draws_its_integers(bits):
    table = normal(Every(), (QUANTILES,))
    first, other = (np.random.Generator(bits(3)) for _ in range(2))
    for count in (5, 64):  # a call takes whole words
        places = other.integers(0, 2**64, 16, np.uint64)[: -(-count // 4)].view("<u2")[:count]
        assert np.array_equal(normal(first, (count,)), table[places])
        first, other = (np.random.Generator(bits(4)) for _ in range(2))


def test_draws_are_those_of_the_generator():
    first, again = (normal(np.random.default_rng(2), (3, 5)) for _ in range(2))
    other = normal(np.random.default_rng(3), (3, 5))
    assert first.dtype == np.float32
    assert first.shape == (3, 5)
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    again[:] = 0
    assert np.array_equal(normal(np.random.default_rng(2), (3, 5)), first)
