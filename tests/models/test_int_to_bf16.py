from fractions import Fraction

import numpy as np
import pytest

from models.digital.int_to_bf16 import int_to_bf16
from models.formats import BF16


def near_ties(rng, count, bits):
    """Integers of up to ``bits`` bits at, just below and just above rounding ties."""
    length = rng.integers(9, bits + 1, count)
    halves = 2 * rng.integers(128, 256, count) + 1
    number = (halves << (length - 9)) + rng.integers(-1, 2, count)
    return np.where(rng.random(count) < 0.5, number, -number)


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
def test_values_worked_by_hand(number, pattern):
    assert int_to_bf16(np.array([number])) == [pattern]
    assert int_to_bf16(number) == pattern


@pytest.mark.parametrize("bits", [24, 25, 47])
def test_ties_match_exact_fractions(bits):
    number = near_ties(np.random.default_rng([1, bits]), 4000, bits)
    expected = [BF16.encode(Fraction(n)) for n in number.tolist()]
    np.testing.assert_array_equal(int_to_bf16(number), expected)


def test_both_paths_agree_and_narrow_types_are_taken():
    number = np.arange(-(2**15), 2**15, dtype=np.int16)
    narrow = int_to_bf16(number)
    wide = int_to_bf16(np.append(number.astype(np.int64), 2**40))[:-1]
    np.testing.assert_array_equal(narrow, wide)
    assert narrow.dtype == np.uint16
