from fractions import Fraction
from math import isqrt

import numpy as np
import pytest

from models.digital.float_sqrt import float_sqrt
from models.formats import BF16


@pytest.mark.parametrize(
    ("value", "pattern"),
    [
        pytest.param(0x3F80, 0x3F80, id="1"),
        pytest.param(0x4000, 0x3FB5, id="2 gives 1.4140625"),
        pytest.param(0x4110, 0x4040, id="9"),
        pytest.param(0x7F7F, 0x5F7F, id="the largest number"),
        pytest.param(0x0001, 0x1E35, id="2**-133, the smallest"),
        pytest.param(0x0002, 0x1E80, id="2**-132 is exact"),
        pytest.param(0x8000, 0x8000, id="-0"),
        pytest.param(0x8001, 0x7FC0, id="a negative number"),
        pytest.param(0xFF80, 0x7FC0, id="-infinity"),
        pytest.param(0x7F80, 0x7F80, id="infinity"),
        pytest.param(0x7F81, 0x7FC0, id="NaN"),
    ],
)
def test_values_worked_by_hand(value, pattern):
    assert float_sqrt(value) == pattern


def exact(pattern):
    """Root by integers: 50 or more bits, and one below them that stands for all that is cut."""
    square = BF16.decode(pattern) * 4**120
    root = isqrt(int(square))
    return BF16.encode(Fraction(2 * root + (root * root != square), 2**121))


def test_every_input_matches_integer_roots():
    value = np.arange(2**16, dtype=np.uint16)
    found = float_sqrt(value)
    np.testing.assert_array_equal(found[: BF16.infinity], [exact(n) for n in range(BF16.infinity)])
    assert found[[0x7F80, 0x8000]].tolist() == [0x7F80, 0x8000]
    assert (found[0x7F81:0x8000] == BF16.nan).all()
    assert (found[0x8001:] == BF16.nan).all()
    assert found.dtype == np.uint16
