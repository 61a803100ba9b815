"""Devices that many equal pulses move at once; pulse by pulse: `models.analog.crosspoints`.

===============================  ==============  ==============================
quantity                         symbol          variable
===============================  ==============  ==============================
weight                           w               ``weight``
bounds                           b-, b+          ``lower``, ``upper``
pulses of one sign               n               ``counts``
standard normal draw             xi              ``draw``
log of what a pulse leaves       ln q - j / 2    ``up``, ``down``
weight where steps vanish        w*              ``up_target``, ``down_target``
variance of that log             j               ``up_jitter``, ``down_jitter``
===============================  ==============  ==============================

The pulses of a rank-1 update at one crosspoint all have one sign, so their sum needs one draw. With
``b`` the change of a step per weight and ``sigma`` the cycle-to-cycle spread, one pulse maps the
distance ``u = w - w*`` to ``u (1 - b (1 + sigma xi))``. The draws are independent, so without
clipping, with ``q = 1 - b`` and ``1 + S^2 = (1 + (sigma b / q)^2)^n = exp(n j)``, exactly

    E[u_n] = u_0 q^n,    Var[u_n] = (u_0 q^n S)^2.

`pulse` moves to ``u_n = u_0 exp(n (ln q - j / 2) + sqrt(n j) xi)``, which has this mean and
variance, and clips once. A constant step has ``w_n = w + n s + sqrt(n) sigma s xi``, which has the
distribution of the sum itself.

What is approximate:

- Shape: ``u_n`` is a product of n normal factors, drawn as log-normal. Its skewness is
  ``3 S (1 - 1/n)`` to first order, that of the draw ``3 S``. A factor below 0, a pulse past the
  target, does not occur: below 1e-3 of all pulses where ``sigma b < 0.3 q``.
- A pulse leaves at least 0.01 of the distance (``b <= 0.99``), n pulses leave ``exp(-16)`` to
  ``exp(2)`` of it.
- Clipping once and not at every pulse. Where steps are constant, clipping every one puts a walk
  that drifts to (or from) a bound behind (ahead) by M, the maximum of a walk with drift ``-s`` and
  standard deviation ``sigma s``. Lundberg's inequality, ``P(M > m) <= exp(-2 m / (sigma^2 s))``,
  bounds the mean of M by ``sigma^2 s / 2`` and its root mean square by ``sigma^2 s / sqrt(2)``,
  for any n: 0.045 and 0.064 of a step at sigma 0.3. With other steps take the largest in reach of
  the bound. Out of its reach, or for one pulse, there is no such error.
"""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.analog.crosspoint_population import Population, draw_population
from models.analog.noise import normal
from models.config.checks import check_choice
from models.config.pulsed import FAST_KINDS, PulsedDeviceConfig

BLOCK = 65536  # crosspoints at once: smaller costs calls, larger leaves the second cache
STEEPEST = 0.99  # largest share of its distance that a pulse moves a device
FLATTEST = 1e-6  # a slope of 0 would put the target at infinity
# (exp(z) - 1) / z on [-1, 1/8], lowest power first; largest relative error 3e-7
GROWTH = (1.0000001, 0.50000196, 0.16665816, 0.041543884, 0.0079720538, 0.00096401835)

Array = NDArray[np.float32]


class PulsedDevices(NamedTuple):
    """A population: arrays of float32 of the shape of the array of devices.

    Parameters
    ----------
    config : PulsedDeviceConfig
        What it was drawn from.
    held : ndarray
        Weight of a stuck device, NaN for one that moves.
    lower, upper : ndarray
        Bounds.
    up, down : ndarray
        ``constant_step``: change of the weight by one pulse, down negative. Otherwise: mean
        logarithm of the share of its distance to the target that a pulse leaves.
    up_target, down_target : ndarray
        Weight at which steps vanish; unused by ``constant_step``.
    up_jitter, down_jitter : ndarray
        Variance of that logarithm; unused by ``constant_step``.
    """

    config: PulsedDeviceConfig
    held: Array
    lower: Array
    upper: Array
    up: Array
    down: Array
    up_target: Array
    down_target: Array
    up_jitter: Array
    down_jitter: Array

    def placed(self, weight: NDArray[np.floating]) -> Array:
        """Give what programming to ``weight`` leaves: bounds hold, stuck devices keep theirs."""
        free = np.clip(weight, self.lower, self.upper)
        return np.where(np.isnan(self.held), free, self.held).astype(np.float32)

    def of(self, places: slice | NDArray[np.intp]) -> "PulsedDevices":
        """Take some devices, by their flat places, in one dimension."""
        arrays = (part.reshape(-1)[places] for part in self[1:])
        return PulsedDevices(self.config, *arrays)


def draw_pulsed_devices(
    config: PulsedDeviceConfig, shape: tuple[int, ...], rng: Generator
) -> PulsedDevices:
    """Draw a population of some shape: the devices that `draw_crosspoints` draws from this stream.

    Raises
    ------
    ValueError
        For a kind or a feature that has no law of many pulses at once.
    """
    _check(config)
    drawn = draw_population(config, shape, rng)
    if config.kind == "constant_step":
        laws = (drawn.up, -drawn.down, *(4 * [np.zeros(shape, np.float32)]))  # zeros: no memory
    else:
        laws = _geometric_laws(config, drawn.up, drawn.down, _targets(config, drawn))
    # Targets that are the bounds stay the same arrays: less to read.
    parts = (drawn.held, drawn.lower, drawn.upper, *laws)
    return PulsedDevices(config, *(np.asarray(part, np.float32) for part in parts))


def _check(config: PulsedDeviceConfig) -> None:
    """Raise unless the law of many pulses at once is known."""
    check_choice("kind", config.kind, FAST_KINDS)
    references = ("reference_mean", "reference_std", "subtract_symmetry_point")
    for name in ("write_noise", "one_sided", *references):
        if getattr(config, name):
            raise ValueError(f"{name} must be 0 or false here, not {getattr(config, name)!r}")
    if config.cycle_noise != "multiplicative" and config.kind != "constant_step":
        raise ValueError(f"cycle_noise must be multiplicative here, not {config.cycle_noise!r}")


def _targets(config: PulsedDeviceConfig, drawn: Population):
    """Weights where the steps of each sign vanish."""
    if config.kind == "soft_bounds":
        return drawn.upper, drawn.lower
    gammas = (np.maximum(gamma, FLATTEST) for gamma in (drawn.gamma_up, drawn.gamma_down))
    bounds = drawn.bound_up, drawn.bound_down
    return [bound / gamma for bound, gamma in zip(bounds, gammas, strict=True)]


def _geometric_laws(config: PulsedDeviceConfig, up, down, targets):
    """Mean logarithms, targets and jitters, up and down of each."""
    moved = [np.minimum(s / np.abs(t), STEEPEST) for s, t in zip((up, down), targets, strict=True)]
    jitters = [np.log1p((config.cycle_spread * b / (1 - b)) ** 2) for b in moved]
    logs = [np.log1p(-b) - j / 2 for b, j in zip(moved, jitters, strict=True)]
    return (*logs, *targets, *jitters)


def pulse(
    weight: Array, devices: PulsedDevices, counts: Array, rng: Generator, block: int = BLOCK
) -> None:
    """Apply up pulses (positive counts) and down pulses (negative counts) to every device at once.

    Parameters
    ----------
    weight, counts : ndarray of float32, C-contiguous, of the shape of the population
        Weights within their bounds, changed in place; signed whole numbers up to 2**24.
    devices : PulsedDevices
        Population.
    rng : Generator
        Source of one `normal` per device in array order, also for counts of 0; of none if
        ``cycle_spread`` is 0.
    block : int
        Devices at once, a multiple of 4; has no influence on the result.

    Raises
    ------
    ValueError
        For another type, layout or shape of ``weight`` or ``counts``, or a wrong block.
    """
    check_array("weight", weight, devices)
    check_array("counts", counts, devices)
    if block < 4 or block % 4:
        raise ValueError(f"block must be a multiple of 4, not {block!r}")
    law = _constant if devices.config.kind == "constant_step" else _geometric
    for start in range(0, weight.size, block):
        some = slice(start, start + block)
        part, some_devices = weight.reshape(-1)[some], devices.of(some)
        draw = normal(rng, part.shape) if devices.config.cycle_spread else None
        law(part, some_devices, counts.reshape(-1)[some], draw)
        np.maximum(part, some_devices.lower, out=part)
        np.minimum(part, some_devices.upper, out=part)


def check_array(name: str, part: Array, devices: PulsedDevices) -> None:
    """Raise ValueError unless ``part`` can be changed in place with ``devices``."""
    if part.dtype != np.float32 or not part.flags.c_contiguous:
        raise ValueError(f"{name} must be C-contiguous float32, not {part.dtype} {part.strides}")
    if part.shape != devices.lower.shape:
        raise ValueError(f"{name} must be of shape {devices.lower.shape}, not {part.shape}")


def _constant(weight: Array, devices: PulsedDevices, counts: Array, draw: Array | None) -> None:
    """Add n steps with the noise of their sum."""
    change = np.abs(counts)
    if draw is not None:
        noise = np.sqrt(change)
        noise *= draw
        noise *= np.float32(devices.config.cycle_spread)
        change += noise
    change *= _chosen(counts, devices.up, devices.down)
    weight += change


def _geometric(weight: Array, devices: PulsedDevices, counts: Array, draw: Array | None) -> None:
    """Leave exp(n (ln q - j / 2) + sqrt(n j) xi) of the distance to the target."""
    count = np.abs(counts)
    moved = _chosen(counts, devices.up, devices.down)
    moved *= count
    if draw is not None:
        noise = _chosen(counts, devices.up_jitter, devices.down_jitter)
        noise *= count
        np.sqrt(noise, out=noise)
        noise *= draw
        moved += noise
    _expm1(moved)
    moved *= weight - _chosen(counts, devices.up_target, devices.down_target)
    weight += moved


def _chosen(counts: Array, up: Array, down: Array) -> Array:
    """``up`` where counts are positive, ``down`` where negative; any where they are 0.

    By bits: five times as fast as ``np.where`` with signs without pattern.
    """
    falling = counts.view(np.int32) >> 31
    first, second = up.view(np.int32), down.view(np.int32)
    falling &= first ^ second
    falling ^= first
    return falling.view(np.float32)


def _expm1(exponent: Array) -> None:
    """Replace y by exp(y) - 1, y held within -16 and 2, in place; largest relative error 1e-6.

    Sums and products only: unlike ``np.expm1`` the same bits on every machine.
    """
    np.maximum(exponent, np.float32(-16), out=exponent)
    np.minimum(exponent, np.float32(2), out=exponent)
    exponent *= np.float32(1 / 16)
    growth = exponent * np.float32(GROWTH[-1])
    for factor in GROWTH[-2::-1]:
        growth += np.float32(factor)
        growth *= exponent
    for _ in range(4):  # 2**4 is 16; expm1(2 z) = expm1(z) (expm1(z) + 2)
        np.add(growth, np.float32(2), out=exponent)
        growth *= exponent
    exponent[...] = growth
