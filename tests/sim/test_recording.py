"""The checked units find what RTL gives otherwise, and say where."""

import threading
import time
from typing import NamedTuple

import numpy as np
import pytest

from models.config.tile import TileConfig
from models.digital.golden import GoldenUnits
from sim import recording
from sim.comparison import BitComparison
from sim.corners import CORNERS, bf16_rounding
from sim.recording import Bundles, CheckedUnits

CODES = np.array([[3, 3], [1, 2]], np.int16)


class Broken(GoldenUnits):
    """Golden units of which one result, or all, is wrong; slow enough to fall behind."""

    def __init__(self, tile, wrong=0, what=None):
        super().__init__(tile)
        self.wrong, self.what, self.calls = wrong, what, 0
        self.lock = threading.Lock()

    def max_pool(self, codes):
        with self.lock:
            self.calls += 1
            number = self.calls
        time.sleep(0.01)
        best, where = super().max_pool(codes)
        if number == self.wrong:
            if self.what:
                raise RuntimeError(self.what)
            where = where.copy()
            where[1] += 1
        return best, where

    def sar(self, held):
        self.calls += 1
        codes = super().sar(held)
        codes[codes == self.wrong] += 1
        return codes


@pytest.fixture
def made():
    started = []

    def make(**settings):
        tile, bundles = TileConfig(), Bundles(joined={"sar": 1})
        comparison = BitComparison(tile, CORNERS)
        golden, rtl = GoldenUnits(tile), Broken(tile, **settings)
        started.append(CheckedUnits(golden, rtl, comparison, bundles))
        return started[-1], comparison

    yield make
    for units in started:
        units.close()


def test_equal_calls_are_counted(made):
    units, comparison = made()
    for _ in range(2):
        units.max_pool(CODES.copy())
        assert units.next_step()
    assert units.drain()
    assert comparison.summary()["by_unit"] == {"max_pool": {"compared": 8, "differences": 0}}
    assert comparison.corners["max_pool_ties"] == 2
    assert comparison.first is None


def test_first_difference_is_located(made):
    units, comparison = made(wrong=4)
    for _ in range(2):
        units.int_to_bf16(np.array([1]))
        units.max_pool(CODES.copy())
        units.max_pool(CODES.copy())
        units.next_step()
    assert not units.drain()
    first = comparison.first
    assert first is not None
    assert (first.unit, first.field, first.index) == ("max_pool", "1", 1)
    assert first.step in (0, 1)  # threads may take calls in another order
    assert first.rtl == first.golden + 1
    assert comparison.differences == {"max_pool": 1}
    assert str(first).startswith(f"max_pool.1 at step {first.step}, call ")


def test_calls_of_converters_come_together(made, monkeypatch):
    monkeypatch.setattr(recording, "ENOUGH", 2**30)
    units, comparison = made(wrong=7)
    held = np.zeros((4, 3), np.float32)
    for step in range(5):
        units.sar(held.copy())
        late = held.copy()
        late[2, 1] = 7.5 if step > 2 else 0
        units.sar(late)
        units.sar(np.zeros((2, 5), np.float32))
        assert units.next_step()  # nothing has been given to RTL yet
    assert not units.drain()
    assert units._rtl.calls == 2  # one for each number of lines
    assert comparison.compared["sar"] == 5 * (12 + 12 + 10)
    first = comparison.first
    assert first is not None
    assert (first.step, first.call, first.index, first.golden, first.rtl) == (3, 2, 7, 7, 8)


def test_rtl_that_falls_behind_is_waited_for(made, monkeypatch):
    monkeypatch.setattr(recording, "WAITING", 10)
    units, comparison = made()
    for _ in range(20):
        units.max_pool(CODES.copy())
        monkeypatch.setattr(recording, "ENOUGH", 1)
        units.next_step()
        assert units._waiting <= 10
    units.drain()
    assert comparison.compared["max_pool"] == 80


def test_a_kernel_that_fails_is_named(made):
    units, comparison = made(wrong=1, what="kernel max_pool is stuck: ...")
    units.max_pool(CODES.copy())
    assert not units.drain()
    assert units.failure == "step 0, call 1: kernel max_pool is stuck: ..."
    assert comparison.first is None


def test_another_shape_is_a_failure(made, monkeypatch):
    units, _ = made()
    monkeypatch.setattr(units._rtl, "int_to_bf16", lambda value: np.zeros(3, np.uint16))
    units.int_to_bf16(np.array([1]))
    assert not units.drain()
    assert units.failure == "step 0, call 1: unit int_to_bf16: result is (3,), not (1,)"


def test_operands_and_results_stay_as_they_are(made):
    units, _ = made()
    given = CODES.copy()
    best, _ = units.max_pool(given)
    for array in (given, best):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_nothing_is_checked_when_not_asked(made):
    units, comparison = made(wrong=1)
    units.checking = False
    units.max_pool(CODES.copy())
    assert units.drain()
    assert not comparison.compared


def test_ties_and_inexact_sums_are_counted():
    sums = np.array([0, 255, 257, 258, 259, -257, 2**20 + 2**12, 2**20 + 2**12 + 1])
    # 257 and -257 are ties of 256 and 258, and 2**20 + 2**12 is one of 2**20 and 2**20 + 2**13
    assert bf16_rounding(sums) == (5, 4)


class Pair(NamedTuple):
    """A result of two arrays, one of which may be missing."""

    total: np.ndarray
    rest: np.ndarray | None


class Adder:
    """A unit with two arguments that go together, and one that must be the same."""

    def __init__(self):
        self.calls = 0

    def added(self, a, b, offset):
        self.calls += 1
        return Pair(a + b[:, None] + offset, None if offset else a - b[:, None])


def test_calls_with_several_arrays_come_together():
    golden, rtl = Adder(), Adder()
    comparison = BitComparison(None)
    units = CheckedUnits(golden, rtl, comparison, Bundles(joined={"added": 2}))
    rng = np.random.default_rng(1)
    for rows, columns, offset in ((3, 2, 0), (5, 2, 0), (4, 7, 0), (2, 2, 1), (1, 2, 0)):
        units.added(rng.integers(0, 9, (rows, columns)), rng.integers(0, 9, rows), offset)
    assert units.drain()
    units.close()
    assert (golden.calls, rtl.calls) == (5, 3)  # by width and by offset
    assert comparison.compared["added"] == 2 * (3 + 5 + 1) * 2 + 2 * 4 * 7 + 2 * 2
    assert units.failure == ""


def test_missing_results_are_a_failure():
    golden, rtl = Adder(), Adder()
    rtl.added = lambda a, b, offset: Pair(a, None)
    units = CheckedUnits(golden, rtl, BitComparison(None))
    units.added(np.zeros((2, 2), int), np.zeros(2, int), 0)
    assert not units.drain()
    units.close()
    assert units.failure == "step 0, call 1: unit added: 1 results, not 2"
