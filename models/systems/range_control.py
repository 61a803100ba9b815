"""The host's range control: it sees only codes, and moves a range register one step at a time."""

import numpy as np
from numpy.typing import NDArray

SATURATED_SHARE = 1e-3
LOW_SHARE = 0.45


class RangeControl:
    """One register: raised when too many codes saturate, lowered when the largest code is small.

    Parameters
    ----------
    value : int
        First value. A larger value means a larger full scale.
    low, high : int
        Bounds.
    limit : int
        Magnitude of the full-scale code.
    """

    def __init__(self, value: int, low: int, high: int, limit: int):
        self.value, self.low, self.high, self.limit = value, low, high, limit
        self.clear()

    def clear(self) -> None:
        """Forget what was seen."""
        self.largest, self.saturated, self.total = 0, 0, 0

    def see(self, codes: NDArray[np.integer]) -> tuple[int, int, int]:
        """Largest magnitude, number at full scale and number of some codes."""
        largest = max(int(codes.max(initial=0)), -int(codes.min(initial=0)))
        saturated = 0
        if largest >= self.limit:
            saturated = int(np.count_nonzero(np.abs(codes) >= self.limit))
        return largest, saturated, codes.size

    def add(self, seen: tuple[int, int, int]) -> None:
        """Take in what `see` gave."""
        self.largest = max(self.largest, seen[0])
        self.saturated += seen[1]
        self.total += seen[2]

    def move(self) -> bool:
        """Move the register by what was seen since the last move; True if it moved."""
        before = self.value
        if self.saturated > SATURATED_SHARE * self.total:
            self.value = min(self.high, before + 1)
        elif 0 < self.largest < LOW_SHARE * self.limit:
            self.value = max(self.low, before - 1)
        self.clear()
        return self.value != before
