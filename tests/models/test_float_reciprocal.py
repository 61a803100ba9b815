from fractions import Fraction

import numpy as np
import pytest

from models.digital.float_reciprocal import float_reciprocal
from models.formats import BF16


@pytest.mark.parametrize(
    ("value", "pattern"),
    [
        pytest.param(0x3F80, 0x3F80, id="1"),
        pytest.param(0xC040, 0xBEAB, id="-1/3 lies nearer to 0.333984 than to 0.332031"),
        pytest.param(0x7F7F, 0x0020, id="the largest number gives a subnormal one"),
        pytest.param(0x7E80, 0x0080, id="2**126 gives the smallest normal number"),
        pytest.param(0x0020, 0x7F80, id="2**-128 overflows"),
        pytest.param(0x0021, 0x7F78, id="33 * 2**-133 does not"),
        pytest.param(0x8000, 0xFF80, id="-0"),
        pytest.param(0x7F80, 0x0000, id="infinity"),
        pytest.param(0xFFFF, 0x7FC0, id="NaN"),
    ],
)
def test_values_worked_by_hand(value, pattern):
    assert float_reciprocal(value) == pattern


def test_every_input_matches_exact_fractions():
    value = np.arange(2**16, dtype=np.uint16)
    found = float_reciprocal(value)
    exact = [BF16.encode(1 / BF16.decode(n)) for n in range(1, BF16.infinity)]
    np.testing.assert_array_equal(found[1 : BF16.infinity], exact)
    np.testing.assert_array_equal(found[0x8001:0xFF80], np.array(exact) | 0x8000)
    assert found[[0, 0x8000, 0x7F80, 0xFF80]].tolist() == [0x7F80, 0xFF80, 0, 0x8000]
    assert (found[value & 0x7FFF > 0x7F80] == BF16.nan).all()
    assert found.dtype == np.uint16
    assert isinstance(BF16.decode(1), Fraction)  # the oracle is exact
