"""What time does to devices: decay, diffusion and drift.

==============================  ==============  ============================
quantity                        symbol          variable
==============================  ==============  ============================
weight                          w               ``weight``
reset weight                    b               ``rest``
lifetime in mini-batches        tau             ``kept`` is 1 - 1 / tau
diffusion per mini-batch        rho             ``spread``
drift exponent                  nu              ``nu``
time since the last change      t, t0           ``start``, ``t0_s``
==============================  ==============  ============================
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.analog.crosspoint_functions import power
from models.analog.noise import normal
from models.compiled import compiled
from models.config.pulsed import PulsedDeviceConfig

Array = NDArray[np.float32]


@dataclass
class Ageing:
    """Rates of the devices and, of those that drift, when each last changed.

    Parameters
    ----------
    rest : ndarray of float32, shape (devices,)
        Weight after a reset without its spread, to which decay leads.
    kept : ndarray of float32 or None
        Share of the distance to ``rest`` that a mini-batch leaves; none without decay.
    spread : ndarray of float32 or None
        Standard deviation that a mini-batch adds; none without diffusion.
    nu : ndarray of float64 or None
        Drift exponents; none without drift.
    t0_s : float
        Time in s from which drift counts.
    start : ndarray of float64
        When a device was first found changed, in s since the array was made.
    last : ndarray of float32
        Weights when they were last looked at.
    now_s : float
        Time of that in s.
    """

    rest: Array
    kept: Array | None
    spread: Array | None
    nu: NDArray[np.float64] | None
    t0_s: float
    start: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    last: Array = field(default_factory=lambda: np.zeros(0, np.float32))
    now_s: float = 0.0

    def __post_init__(self) -> None:
        if self.nu is not None:
            self.start, self.last = np.zeros(len(self.nu)), np.zeros(len(self.nu), np.float32)

    def look(self, weight: Array) -> None:
        """Take note of the devices that changed since `leave`, before time changes them."""
        if self.nu is not None:
            self.start[weight != self.last] = self.now_s

    def leave(self, weight: Array) -> None:
        """Take note of weights after time has changed them."""
        if self.nu is not None:
            self.last[:] = weight

    def decayed(self, weight: Array) -> Array:
        """Weights after the decay of a mini-batch."""
        if self.kept is None:
            return weight
        return np.add((weight - self.rest) * self.kept, self.rest, dtype=np.float32)

    def diffused(self, weight: Array, rng: Generator) -> Array:
        """Weights after the diffusion of a mini-batch."""
        if self.spread is None:
            return weight
        return np.add(weight, self.spread * normal(rng, weight.shape), dtype=np.float32)

    def drifted(self, weight: Array, seconds: float) -> Array:
        """Weights after so many seconds, by ``(t / t0)**-nu`` since each last changed."""
        before, self.now_s = self.now_s, self.now_s + seconds
        if self.nu is None:
            return weight
        since = np.maximum(np.stack([before - self.start, self.now_s - self.start]), self.t0_s)
        return _scaled(weight, since[1] / since[0], self.nu)


@compiled
def _scaled(weight, ratio, nu):
    """Weights times ``ratio**-nu``."""
    scaled = np.empty(len(weight), np.float32)
    for n in range(len(weight)):
        scaled[n] = np.float32(np.float64(weight[n]) * power(ratio[n], -nu[n]))
    return scaled


def draw_ageing(config: PulsedDeviceConfig, rest: Array, rng: Generator) -> Ageing:
    """Draw the rates of so many devices; no draw for what is off."""
    kept = spread = nu = None
    if config.lifetime:
        lifetime = config.lifetime * (1 + config.lifetime_dtod * rng.standard_normal(len(rest)))
        with np.errstate(divide="ignore"):
            kept = np.where(lifetime > 1, 1 - 1 / lifetime, 0).astype(np.float32)
    if config.diffusion:
        rate = config.diffusion * (1 + config.diffusion_dtod * rng.standard_normal(len(rest)))
        spread = np.abs(rate).astype(np.float32)
    if config.drift_nu:
        nu = config.drift_nu * (1 + config.drift_nu_dtod * rng.standard_normal(len(rest)))
    return Ageing(rest, kept, spread, nu, config.drift_t0)
