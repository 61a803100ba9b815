"""Rank-1 updates of crosspoints, pulse by pulse.

Trains, managements and symbols are those of `models.analog.stochastic_update`; every coincidence
is one pulse by the exact law of its device.
"""

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.analog.crosspoint_pulses import apply_pulses, apply_trains, count_coincidences
from models.analog.crosspoint_symmetry import mean_step
from models.analog.crosspoint_trains import (
    Trains,
    Vector,
    check_samples,
    fired,
    signed_counts,
    trains_of,
)
from models.analog.crosspoints import Crosspoints
from models.config.pulsed import PulsedUpdateConfig

Bits = NDArray[np.uint8]


def pulse_update(
    points: Crosspoints,
    x: Vector,
    delta: Vector,
    lr: float,
    config: PulsedUpdateConfig,
    rng: Generator,
) -> int:
    """Change the weights by about ``-lr * outer(x, delta)`` per sample, pulse by pulse.

    Parameters
    ----------
    points : Crosspoints
        Devices of any kind, changed in place; the unit of ``lr`` is their `mean_step`.
    x, delta : ndarray, shapes (samples, rows) and (samples, columns)
        Vector pairs in the order of their updates.
    lr : float
        Learning rate; a negative one climbs.
    config : PulsedUpdateConfig
        Coding in trains.
    rng : Generator
        Source of the trains of all samples, x before delta and slot by slot, then of the draws of
        all pulses, in the order of `apply_trains`; of counts: by sample, row, column.

    Returns
    -------
    int
        Device pulses, those at stuck devices among them.

    Raises
    ------
    ValueError
        For vectors of other shapes or not finite.
    """
    check_samples(x, delta)
    if x.shape[1:] + delta.shape[1:] != points.shape:
        found = x.shape[1:] + delta.shape[1:]
        raise ValueError(f"x and delta must be of {points.shape}, not {found}")
    step = mean_step(points.config)
    found = [trains_of(*pair, lr, step, config) for pair in zip(x, delta, strict=True)]
    if config.pulse_type == "none_with_device":
        for inputs, errors in zip(x, delta, strict=True):
            points.add(-lr * np.outer(inputs, errors), rng)
        return 0
    if not config.is_stochastic:
        return _pulse_counts(points, x, delta, lr, found, config, rng)
    slots = np.array([each.slots for each in found], np.int64)
    rows, columns = _all_fired(x, delta, found, config, rng)
    signs = (x < 0).astype(np.uint8), (delta * lr < 0).astype(np.uint8)
    passes = [rows]
    if config.pulse_type == "stochastic":
        negative = np.repeat(signs[0], slots, axis=0)
        passes = [rows * (1 - negative), rows * negative]
    total = 0
    for each in passes:
        pulses = int(count_coincidences(each, columns))
        draws = points.draws(pulses, rng)
        apply_trains(points.points, each, columns, slots, *signs, *draws)
        total += pulses
    return total


def _pulse_counts(
    points: Crosspoints,
    x: Vector,
    delta: Vector,
    lr: float,
    found: list[Trains],
    config: PulsedUpdateConfig,
    rng: Generator,
) -> int:
    """Pulses of the types that are not stochastic."""
    total = 0
    for inputs, errors, each in zip(x, delta, found, strict=True):
        if each.slots:
            counts = signed_counts(inputs, errors, lr, each, config, rng).reshape(-1)
            often = np.abs(counts).astype(np.int64)
            places = np.repeat(np.arange(len(counts)), often)
            ups = (counts[places] > 0).astype(np.uint8)
            apply_pulses(points.points, places, ups, *points.draws(len(places), rng))
            total += len(places)
    return total


def _all_fired(
    x: Vector, delta: Vector, found: list[Trains], config: PulsedUpdateConfig, rng: Generator
) -> tuple[Bits, Bits]:
    """Trains of all vector pairs, slots after slots."""
    rows = np.zeros((sum(each.slots for each in found), x.shape[1]), np.uint8)
    columns, start = np.zeros((len(rows), delta.shape[1]), np.uint8), 0
    for inputs, errors, each in zip(x, delta, found, strict=True):
        some = slice(start, start + each.slots)
        rows[some] = fired(inputs, each.x_scale, each.slots, config, rng)
        columns[some] = fired(errors, each.delta_scale, each.slots, config, rng)
        start = some.stop
    return rows, columns
