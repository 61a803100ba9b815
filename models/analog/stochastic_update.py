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

Two laws of the devices are to be had. `rank_one_update` and `batch_update` take all pulses of a
device at once, by the law of `models.analog.pulsed`, for the kinds that have one;
`models.analog.crosspoint_update` takes every pulse by itself, of devices of every kind.

Source: T. Gokmen, Y. Vlasov, Front. Neurosci. 10:333, 2016; update and length management:
T. Gokmen, M. Onen, W. Haensch, Front. Neurosci. 11:538, 2017.
"""

import math

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.analog.crosspoint_trains import check_samples, fired, signed_counts, trains_of
from models.analog.pulsed import BLOCK, Array, PulsedDevices, check_array, pulse
from models.config.pulsed import PulsedUpdateConfig

SPARSE = 0.25  # device pulses per crosspoint below which only pulsed devices are touched

Vector = NDArray[np.floating]


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
    found = trains_of(x, delta, lr, devices.config.dw_min, config)
    if not found.slots:
        return 0
    if config.pulse_type == "none_with_device":
        weight -= (lr * np.outer(x, delta)).astype(np.float32)
        weight[...] = devices.placed(weight)
        return 0
    if not config.is_stochastic:
        counts = signed_counts(x, delta, lr, found, config, rng)
        pulse(weight, devices, counts, rng, block)
        return int(np.abs(counts).sum(dtype=np.float64))
    rows = fired(x, found.x_scale, found.slots, config, rng) * _signs(x, 1)
    columns = fired(delta, found.delta_scale, found.slots, config, rng) * _signs(delta, -lr)
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
    check_samples(x, delta)
    pairs = zip(x, delta, strict=True)
    return sum(rank_one_update(weight, devices, *pair, lr, config, rng) for pair in pairs)


def _signs(values: Vector, factor: float) -> Array:
    return np.sign(values * math.copysign(1, factor)).astype(np.float32)


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
