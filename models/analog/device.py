"""Soft-bounds memristors.

=========================  ============  ==================
quantity                   symbol        variable
=========================  ============  ==================
normalised conductance     g, in [0, b]  ``conductance``
upper bound                b             ``bound``
SET and RESET step         s_up, s_down  ``up``, ``down``
=========================  ============  ==================

Conductances are kept on a grid of ``2**-GRID_BITS`` of the range, far below a pulse: sums over a
column are then exact in floating point, whatever the order of summation, the batch or the BLAS.
"""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.config.analog import DeviceConfig

GRID_BITS = 15
LARGEST = 1.5  # upper bounds are clipped to this

Array = NDArray[np.float32]


class Devices(NamedTuple):
    """Parameters of a population, each of the shape of the array.

    Parameters
    ----------
    bound, up, down : ndarray of float32
        Upper bound and steps; stuck devices have steps of 0.
    """

    bound: Array
    up: Array
    down: Array


def draw_devices(config: DeviceConfig, shape: tuple[int, ...], rng: Generator) -> Devices:
    """Draw the device-to-device spread of a population.

    Parameters
    ----------
    config : DeviceConfig
        Spreads.
    shape : tuple of int
        Shape of the array.
    rng : Generator
        Source of all draws.
    """
    step = 1 / config.states
    size = np.abs(1 + config.step_spread * rng.standard_normal(shape)) * step
    skew = config.asymmetry_spread * rng.standard_normal(shape) * step
    bound = np.clip(1 + config.bound_spread * rng.standard_normal(shape), 0.1, LARGEST)
    moving = rng.random(shape) >= config.stuck_fraction
    up, down = np.abs(size + skew) * moving, np.abs(size - skew) * moving
    return Devices(on_grid(bound), up.astype(np.float32), down.astype(np.float32))


def on_grid(conductance: NDArray[np.floating]) -> Array:
    """Round to the conductance grid."""
    scale = 2.0**GRID_BITS
    return (np.rint(conductance * scale) / scale).astype(np.float32)


def pulse(
    conductance: Array,
    devices: Devices,
    counts: NDArray[np.integer],
    config: DeviceConfig,
    rng: Generator,
) -> Array:
    """Apply SET pulses (positive counts) and RESET pulses (negative counts), one after another.

    Parameters
    ----------
    conductance : ndarray of float32
        State before; not modified.
    devices : Devices
        Population of the same shape.
    counts : ndarray of int
        Signed pulse counts of the same shape.
    config : DeviceConfig
        Cycle-to-cycle spread.
    rng : Generator
        Source of the cycle-to-cycle draws: one per pulse, pulse by pulse over the devices that
        still get one, in array order.

    Returns
    -------
    ndarray of float32
        State after, on the grid.
    """
    after, wanted = conductance.copy(), counts.reshape(-1)
    active = np.flatnonzero(wanted)
    after.reshape(-1)[active] = pulsed(conductance, devices, active, wanted[active], config, rng)
    return after


def pulsed(
    conductance: Array,
    devices: Devices,
    active: NDArray[np.intp],
    counts: NDArray[np.integer],
    config: DeviceConfig,
    rng: Generator,
) -> Array:
    """States of some devices after their pulses: `pulse` for the few that get any.

    Parameters
    ----------
    conductance, devices, config, rng
        As in `pulse`.
    active : ndarray of int, shape (k,)
        Flat places of the devices, in array order.
    counts : ndarray of int, shape (k,)
        Their pulse counts, none 0.
    """
    parts = (conductance, devices.up, devices.down, devices.bound)
    g, up, down, bound = (part.reshape(-1)[active] for part in parts)
    signed = counts.astype(np.int64)
    left, rising = np.abs(signed), signed > 0
    if not len(active):
        return g
    g, on = _moved(g, up, down, bound, rising, config, rng), np.flatnonzero(left > 1)
    for number in range(2, int(left.max()) + 1):
        g[on] = _moved(g[on], up[on], down[on], bound[on], rising[on], config, rng)
        on = on[left[on] > number]
    return on_grid(g)


def _moved(g, up, down, bound, rising, config: DeviceConfig, rng: Generator) -> Array:
    """States after one pulse each."""
    jitter = config.cycle_spread * rng.standard_normal(len(g), np.float32)
    jitter += 1
    ratio = g / bound
    step = np.where(rising, up * (1 - ratio), -down * ratio)
    step *= jitter
    step += g
    return np.clip(step, 0, bound, out=step)
