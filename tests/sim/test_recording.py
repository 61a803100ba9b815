"""The comparison of two runs finds what differs, also when calls are missing or out of place."""

import numpy as np
import pytest

from models.config.tile import TileConfig
from models.digital.golden import GoldenUnits
from sim.recording import BitComparison, Observed, bf16_rounding

CODES = np.array([[3, 3], [1, 2]], np.int16)


@pytest.fixture
def runs():
    comparison = BitComparison(TileConfig())
    units = GoldenUnits(comparison.tile)
    return comparison, Observed(units, comparison.golden), Observed(units, comparison.rtl)


def test_equal_calls_are_counted(runs):
    comparison, golden, rtl = runs
    for _ in range(2):
        golden.max_pool(CODES)
        rtl.max_pool(CODES)
        comparison.next_step()
    assert comparison.summary()["by_unit"] == {"max_pool": {"compared": 8, "differences": 0}}
    assert comparison.corners["max_pool_ties"] == 2
    assert comparison.first is None


def test_first_difference_is_located(runs):
    comparison, golden, rtl = runs
    for step, codes in enumerate((CODES, CODES[::-1])):
        golden.int_to_bf16(np.array([1]))
        golden.max_pool(CODES)
        rtl.int_to_bf16(np.array([1]))
        rtl.max_pool(codes)
        if step == 0:
            comparison.next_step()
    first = comparison.first
    assert first is not None
    assert (first.unit, first.field, first.step, first.call, first.index) == (
        *("max_pool", "0", 1, 2, 0),
    )
    assert (first.golden, first.rtl) == (3, 2)


def test_missing_call_is_refused(runs):
    comparison, golden, _ = runs
    golden.max_pool(CODES)
    with pytest.raises(
        RuntimeError, match=r"^unit max_pool: the RTL run made no call in its place$"
    ):
        comparison.next_step()


def test_call_out_of_place_is_refused(runs):
    _, golden, rtl = runs
    golden.max_pool(CODES)
    with pytest.raises(RuntimeError, match=r"^unit int_to_bf16: the golden run called max_pool"):
        rtl.int_to_bf16(np.array([1]))
    with pytest.raises(RuntimeError, match=r"^unit max_pool: the golden run called nothing"):
        rtl.max_pool(CODES)


def test_roundings_and_ties_of_integers():
    """256 + 1 is a tie at 8 significant bits; 513 is inexact but no tie; 255 and 258 are exact."""
    assert bf16_rounding(np.array([0, 255, 257, -257, 258, 513])) == (3, 2)
