"""Coding of one vector pair: length and probabilities of its trains, or counts of its pulses."""

import math
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.config.pulsed import PulsedUpdateConfig

Vector = NDArray[np.floating]


class Trains(NamedTuple):
    """Statistics of the trains of one vector pair.

    Parameters
    ----------
    slots : int
        Length, 0 for no update.
    x_scale, delta_scale : float
        Probability of a pulse per unit of x and delta, before it is cut at 1.
    """

    slots: int
    x_scale: float
    delta_scale: float


def trains(
    x_max: float, delta_max: float, lr: float, dw_min: float, config: PulsedUpdateConfig
) -> Trains:
    """Length and scales of the trains.

    Length management takes the fewest slots that the largest update needs; update management makes
    the largest probabilities of both sides equal, or, if the longest train is too short, those of
    x 1 and cuts those of delta.

    Parameters
    ----------
    x_max, delta_max : float
        Largest magnitudes of the vectors.
    lr : float
        Learning rate; only its magnitude matters.
    dw_min : float
        Mean step of the devices.
    config : PulsedUpdateConfig
        Longest train and managements.
    """
    steps = abs(lr) / dw_min
    largest = steps * x_max * delta_max
    if not largest:
        return Trains(0, 0.0, 0.0)
    slots = config.desired_bl
    if config.update_bl_management:
        slots = min(math.ceil(largest), slots)
    elif not config.fixed_bl and steps > slots:
        slots = math.ceil(steps)
    both = 1.0 if slots > config.desired_bl else math.sqrt(steps / slots)
    if not (config.update_management or config.update_bl_management):
        return Trains(slots, both, both)
    within = delta_max * min(1, config.desired_bl / largest)
    balance = math.sqrt(x_max / within)
    return Trains(slots, both / balance, both * balance)


def chances(
    values: Vector, scale: float, resolution: float, config: PulsedUpdateConfig, rng: Generator
) -> NDArray[np.float64]:
    """Probability of a pulse of each line, not cut at 1, in multiples of the resolution."""
    chance = np.abs(values, dtype=np.float64) * abs(scale)
    if not resolution:
        return chance
    dither = rng.random(len(values)) - 0.5 if config.stochastic_rounding else 0.0
    return np.rint(chance / resolution + dither) * resolution


def signed_counts(
    x: Vector,
    delta: Vector,
    lr: float,
    found: Trains,
    config: PulsedUpdateConfig,
    rng: Generator,
) -> NDArray[np.float32]:
    """Pulses per crosspoint, down negative, of the types without random trains."""
    implicit = config.pulse_type == "deterministic_implicit"
    steps = (config.resolution,) * 2
    if implicit:
        steps = config.x_resolution, config.delta_resolution
    scales, sides = (found.x_scale, found.delta_scale), []
    for values, scale, step in zip((x, delta), scales, steps, strict=True):
        share = np.clip(chances(values, scale, step, config, rng), 0, 1)
        mean = share if implicit else np.rint(share * found.slots) / found.slots
        sides.append(mean * np.sign(values))
    counts = np.rint(-math.copysign(found.slots, lr) * np.outer(*sides))
    return counts.astype(np.float32)


def check_samples(x: Vector, delta: Vector) -> None:
    """Raise ValueError unless there are as many errors as inputs."""
    if len(x) != len(delta):
        raise ValueError(f"delta must be of {len(x)} samples as x, not {len(delta)}")


def trains_of(
    x: Vector, delta: Vector, lr: float, step: float, config: PulsedUpdateConfig
) -> Trains:
    """Trains of one vector pair; ValueError if it is not finite."""
    x_max, delta_max = (float(np.abs(side).max(initial=0)) for side in (x, delta))
    if not math.isfinite(lr * x_max * delta_max / step):
        raise ValueError(f"lr, x and delta must be finite, not {lr!r}, {x_max!r} and {delta_max!r}")
    return trains(x_max, delta_max, lr, step, config)


def fired(
    values: Vector, scale: float, slots: int, config: PulsedUpdateConfig, rng: Generator
) -> NDArray[np.bool_]:
    """Bernoulli trains of shape (slots, lines)."""
    chance = chances(values, scale, config.resolution, config, rng).astype(np.float32)
    return rng.random((slots, len(values)), np.float32) < chance
