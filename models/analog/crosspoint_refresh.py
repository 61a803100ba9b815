"""Refresh of one-sided pairs: which, and the pulses that write their differences anew.

Source: aihwkit's one-sided unit cell, confirmed in its code; its reads have converters, ours none.
"""

import math

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.analog.crosspoint_pulses import Points
from models.config.pulsed import PulsedDeviceConfig


def refresh_places(config: PulsedDeviceConfig, points: Points) -> NDArray[np.intp]:
    """Crosspoints with one device above the upper and the other above the lower threshold."""
    if not points.second:
        return np.zeros(0, np.intp)
    pair = points.visible.reshape(2, -1) / np.float32(config.w_max)
    high, low = pair.max(0) > config.refresh_upper, pair.min(0) > config.refresh_lower
    return np.flatnonzero(high & low)


def refresh_trains(
    places: NDArray[np.intp],
    difference: NDArray[np.floating],
    step: float,
    columns: int,
    config: PulsedDeviceConfig,
    rng: Generator,
) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
    """Pulses, by row, slot and column, with mean ``difference`` in units of ``step``.

    A row's trains have as many slots as its largest difference needs, at most ``refresh_bl``; every
    slot pulses a device with the probability that gives this mean, cut at 1.
    """
    chosen, ups = [np.zeros(0, np.int64)], [np.zeros(0, np.uint8)]
    rows = places // columns
    for row in np.unique(rows):
        inside = rows == row
        wanted = np.abs(difference[inside]) / step
        slots = min(math.ceil(wanted.max()), config.refresh_bl)
        fires = rng.random((slots, len(wanted))) * max(slots, 1) < wanted
        which = np.flatnonzero(inside)[np.nonzero(fires)[1]]
        chosen.append(places[which].astype(np.int64))
        ups.append((difference[which] > 0).astype(np.uint8))
    return np.concatenate(chosen), np.concatenate(ups)
