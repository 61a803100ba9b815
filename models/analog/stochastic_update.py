"""Rank-1 updates by coincidences of stochastic pulse trains.

==============================  ==============  ============================
quantity                        symbol          variable
==============================  ==============  ============================
input and error vector          x, d            ``x``, ``delta``
learning rate                   eta             ``lr``
step of the devices             dw              ``dw_min`` of the device config
slots of a train                BL              ``slots``
==============================  ==============  ============================

Weights are ``[inputs, outputs]``. In every slot line i of the inputs carries a pulse with
probability ``min(1, B |x_i|)``, line j of the outputs with ``min(1, A |d_j|)``; where both do, the
device gets one pulse, down if ``lr x_i d_j`` is positive and up if negative. With
``A B BL dw = |lr|`` the expected sum is ``-lr x_i d_j`` in steps at weight 0 where no probability
is cut at 1.

Source: T. Gokmen, Y. Vlasov, Front. Neurosci. 10:333, 2016; update and length management:
T. Gokmen, M. Onen, W. Haensch, Front. Neurosci. 11:538, 2017.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.analog.pulsed import BLOCK, Array, PulsedDevices, check_array, pulse
from models.config.pulsed import PulsedUpdateConfig

SPARSE = 0.25  # device pulses per crosspoint below which only pulsed devices are touched

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
    largest = abs(lr) * x_max * delta_max / dw_min
    if not largest:
        return Trains(0, 0.0, 0.0)
    managed = config.update_bl_management
    slots = min(math.ceil(largest), config.desired_bl) if managed else config.desired_bl
    both = math.sqrt(abs(lr) / (dw_min * slots))
    if not (config.update_management or managed):
        return Trains(slots, both, both)
    within = delta_max * min(1, config.desired_bl / largest)
    balance = math.sqrt(x_max / within)
    return Trains(slots, both / balance, both * balance)


def rank_one_update(
    weight: Array,
    devices: PulsedDevices,
    x: Vector,
    delta: Vector,
    lr: float,
    config: PulsedUpdateConfig,
    rng: Generator,
    block: int = BLOCK,
) -> int:
    """Change the weights by about ``-lr * outer(x, delta)``, in pulses.

    Parameters
    ----------
    weight : ndarray of float32, shape (inputs, outputs), C-contiguous
        Weights, changed in place.
    devices : PulsedDevices
        Population of the same shape.
    x, delta : ndarray, shapes (inputs,) and (outputs,)
        Input and error of one sample.
    lr : float
        Learning rate; a negative one climbs.
    config : PulsedUpdateConfig
        Coding in trains.
    rng : Generator
        Source of the trains, x before delta and slot by slot, and then of the cycle-to-cycle
        draws, one per device that gets pulses (where most do: one per device), in array order.
    block : int
        Devices at once, a multiple of 4; has no influence on the result.

    Returns
    -------
    int
        Device pulses: coincidences, those at stuck devices among them.

    Raises
    ------
    ValueError
        For vectors of another shape or not finite, and as `models.analog.pulsed.pulse`.
    """
    check_array("weight", weight, devices)
    if x.shape + delta.shape != weight.shape:
        raise ValueError(f"x and delta must be of {weight.shape}, not {x.shape + delta.shape}")
    x_max, delta_max = (float(np.abs(side).max(initial=0)) for side in (x, delta))
    if not math.isfinite(lr * x_max * delta_max / devices.config.dw_min):
        raise ValueError(f"lr, x and delta must be finite, not {lr!r}, {x_max!r} and {delta_max!r}")
    slots, x_scale, delta_scale = trains(x_max, delta_max, lr, devices.config.dw_min, config)
    if not slots:
        return 0
    rows = _pulses(x, x_scale, slots, rng)
    columns = _pulses(delta, -math.copysign(delta_scale, lr), slots, rng)
    total = int(np.abs(rows).sum(1, np.float64) @ np.abs(columns).sum(1, np.float64))
    if total < SPARSE * weight.size:
        _pulse_few(weight, devices, rows, columns, rng, block)
    else:
        pulse(weight, devices, rows.T @ columns, rng, block)
    return total


def batch_update(
    weight: Array,
    devices: PulsedDevices,
    x: Vector,
    delta: Vector,
    lr: float,
    config: PulsedUpdateConfig,
    rng: Generator,
) -> int:
    """Update by one vector pair after the other, as the hardware does.

    Parameters
    ----------
    weight, devices, lr, config, rng
        As in `rank_one_update`.
    x, delta : ndarray, shapes (samples, inputs) and (samples, outputs)
        Vector pairs in the order of their updates.

    Returns
    -------
    int
        Device pulses.

    Raises
    ------
    ValueError
        As `rank_one_update`, or if the numbers of samples differ.
    """
    if len(x) != len(delta):
        raise ValueError(f"delta must be of {len(x)} samples as x, not {len(delta)}")
    pairs = zip(x, delta, strict=True)
    return sum(rank_one_update(weight, devices, *pair, lr, config, rng) for pair in pairs)


def _pulses(values: Vector, scale: float, slots: int, rng: Generator) -> Array:
    """Bernoulli trains as -1, 0 and 1, of shape (slots, lines)."""
    chance = np.abs(values, dtype=np.float64) * abs(scale)
    driven = rng.random((slots, len(values)), np.float32) < chance.astype(np.float32)
    return driven * np.sign(values * scale).astype(np.float32)


def _pulse_few(
    weight: Array,
    devices: PulsedDevices,
    rows: Array,
    columns: Array,
    rng: Generator,
    block: int,
) -> None:
    """Pulse only where trains coincide."""
    row, column = (np.flatnonzero(side.any(0)) for side in (rows, columns))
    counts = rows[:, row].T @ columns[:, column]
    pulsed = np.flatnonzero(counts != 0)
    i, j = np.divmod(pulsed, max(len(column), 1))
    places = row[i] * weight.shape[1] + column[j]
    flat = weight.reshape(-1)
    part = flat[places]
    pulse(part, devices.of(places), counts.reshape(-1)[pulsed], rng, block)
    flat[places] = part
