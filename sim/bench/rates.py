"""Rates of several calls, measured by turns.

A shared machine disturbs whatever runs at the moment, so what is compared takes turns, A B A B ...,
for several rounds. The clock is CPU time of the process, which waiting for a core does not move. A
rate is the median of its rounds; a ratio is the median of the ratios within each round, so that a
slow spell hits both sides of it. A turn repeats a short call, so that memory and caches are its own
for most of the turn. What is measured has run before: it is compiled and has been checked.
"""

import time
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

Meter = Callable[[], float]
Rates = dict[str, NDArray[np.float64]]
TURN_S = 0.05


def cpu_meter(call: Callable[[], object], amount: int, least_s: float = TURN_S) -> Meter:
    """Meter of ``amount`` results of each ``call`` per second of CPU time.

    A turn is as many calls as take ``least_s`` seconds of CPU time, at least one.
    """

    def measure() -> float:
        count, start = 0, time.process_time()
        while not count or time.process_time() - start < least_s:
            call()
            count += 1
        return count * amount / max(time.process_time() - start, 1e-9)

    return measure


def alternate(meters: Mapping[str, Meter], rounds: int) -> Rates:
    """Rates by name, one per round; the meters take turns."""
    found: dict[str, list[float]] = {name: [] for name in meters}
    for _ in range(rounds):
        for name, meter in meters.items():
            found[name].append(meter())
    return {name: np.array(values) for name, values in found.items()}


def typical(rates: NDArray[np.float64]) -> float:
    """Median."""
    return float(np.median(rates))


def ratio(rates: NDArray[np.float64], base: NDArray[np.float64]) -> float:
    """Median of the ratios of the rounds."""
    return float(np.median(rates / base))
