import numpy as np
import pytest

from models.config.units import LfsrConfig
from models.digital.lfsr import jump, lfsr_words, step

FACTORS = {16: (3, 5, 17, 257), 24: (3, 5, 7, 13, 17, 241), 32: (3, 5, 17, 257, 65537)}


def one_step(config):
    return LfsrConfig(width=config.width, word_bits=1)


def after(steps, config):
    """Images of every state bit after ``steps`` single steps, by square and multiply."""
    state = 1 << np.arange(config.width, dtype=np.uint32)
    for power in range(steps.bit_length()):
        if steps >> power & 1:
            state = jump(state, power, one_step(config))
    return state


@pytest.mark.parametrize("width", FACTORS)
def test_the_period_is_maximal(width):
    """The step has order 2**width - 1: that many give identity, no proper divisor does."""
    config, period = LfsrConfig(width=width), 2**width - 1
    identity = 1 << np.arange(width, dtype=np.uint32)
    remaining = period
    for factor in FACTORS[width]:
        assert period % factor == 0
        while remaining % factor == 0:
            remaining //= factor
    assert remaining == 1, "the factors are not complete"
    np.testing.assert_array_equal(after(period, config), identity)
    for factor in FACTORS[width]:
        assert (after(period // factor, config) != identity).any()


def test_steps_worked_by_hand():
    config = LfsrConfig(width=16, word_bits=1)
    assert step(0x0001, config) == 0xD008  # the one that falls out adds the feedback
    assert step(0x0002, config) == 0x0001
    assert step(0x8001, config) == 0x4000 ^ 0xD008
    words, state = lfsr_words(0x0002, 3, config)
    assert (words.tolist(), state) == ([0, 1, 0], 0x6804)


@pytest.mark.parametrize("word_bits", [1, 3, 8, 11, 16])
@pytest.mark.parametrize("width", [16, 24, 32])
def test_words_match_stepping(width, word_bits):
    config = LfsrConfig(width=width, word_bits=word_bits)
    state, expected = 2**width - 0xACE, []
    words, following = lfsr_words(state, 1500, config)
    for _ in range(1500):
        expected.append(state % 2**word_bits)
        state = step(state, config)
    assert words.tolist() == expected
    assert following == state


def test_long_and_split_calls_agree():
    config, state, parts = LfsrConfig(), 1, []
    whole, end = lfsr_words(1, 200_000, config)
    for count in (0, 1, 65_535, 65_536, 65_537, 3_391):
        words, state = lfsr_words(state, count, config)
        parts.append(words)
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert state == end


def test_every_word_comes_equally_often():
    words, state = lfsr_words(1, 2**16 - 1, LfsrConfig(width=16, word_bits=8))
    counts = np.bincount(words)
    assert counts.tolist() == [255] + [256] * 255  # all states but zero
    assert state == 1


def test_zero_state_is_refused():
    with pytest.raises(ValueError, match=r"^state must be between 1 and 4294967295, not 0$"):
        lfsr_words(0, 1, LfsrConfig())
