"""From DAC codes to the inputs of the converters: draws, sums, passes.

=========================  ===========  ==========================
quantity                   symbol       variable
=========================  ===========  ==========================
input in DAC steps         x / dx       ``codes``, ``drive``
output in ADC steps        y / dy       ``Signal.sums * ratio``
=========================  ===========  ==========================
"""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.analog.mvm_effects import PARTS, Lines, bend, nominal, on_grid, outputs, reach
from models.analog.mvm_kernels import GRID
from models.analog.noise import normal
from models.config.mvm import MvmConfig

# A sum over n lines is exact while n * 2**11 * 64 * 2**24 * |w| <= 2**53: 4096 lines of |w| <= 1
LARGEST = 2.0**53
_NONE = np.empty((2, 0, 0), np.float32)

Array = NDArray[np.floating]
Single = NDArray[np.float32]


class Draws(NamedTuple):
    """Random numbers of some reads; None for what the config does not draw.

    Parameters
    ----------
    input : ndarray of float32, shape (n, driven)
        Normal draws of the input noise.
    weight : ndarray of float32, shape (passes, n, sensed)
        Normal draws of weight noise that is not part of the output noise.
    output : ndarray of float32, shape (conversions, n, sensed)
        Normal draws of the output noise.
    rounding : ndarray of float32, shape (conversions, n, sensed)
        Uniform draws between -1/2 and 1/2 of the ADC.
    """

    input: Single | None
    weight: Single | None
    output: Single | None
    rounding: Single | None

    def of(self, vectors: slice | NDArray[np.integer]) -> "Draws":
        """Give the draws of some vectors alone."""
        return Draws(*(None if part is None else part[..., vectors, :] for part in self))


class Signal(NamedTuple):
    """What one conversion of some vectors converts: ``sums * ratio + noise * spread`` ADC steps.

    Parameters
    ----------
    sums : ndarray, shape (n, sensed)
        Sums, in the type of the weights.
    ratio : float
        ADC steps per unit of the sums, in their type.
    noise : ndarray of float32, shape (n, sensed), or (0, 0) for none
        Standard normal draws.
    spread : ndarray of float32, shape (n,)
        Standard deviation in ADC steps.
    """

    sums: Array
    ratio: np.floating
    noise: Single
    spread: Single


def prepared(weight: Array, config: MvmConfig) -> Array:
    """Return the weights in the type and on the grid in which they are summed.

    Parameters
    ----------
    weight : ndarray, shape (inputs, outputs)
        Weights.
    config : MvmConfig
        Whether sums are exact.

    Raises
    ------
    ValueError
        If sums of such weights could not be exact.
    """
    if config.sums == "float32":
        return np.ascontiguousarray(weight, np.float32)
    largest = float(np.abs(weight).max(initial=0.0)) * max(weight.shape)
    if largest * (1 + 5 * config.read_asymmetry) * reach(config) * PARTS * GRID > LARGEST:
        raise ValueError(f"weight must be small enough for exact sums, not {largest:g} over a line")
    return on_grid(np.asarray(weight, np.float64))


def draw(shape: tuple[int, ...], sensed: int, rng: Generator, config: MvmConfig) -> Draws:
    """Draw for reads of codes of ``shape`` (n, driven)."""
    passes = 1 if config.passes == "one" else 2
    one = (1, shape[0], sensed)
    each = (2, *one[1:]) if config.passes == "separate" else one
    merged = config.weight_noise and not config.has_weight_draws
    return Draws(
        normal(rng, shape[:2]) if config.input_noise else None,
        normal(rng, (passes, *one[1:])) if config.has_weight_draws else None,
        normal(rng, each) if config.output_noise or merged else None,
        uniform(rng, each, 23 - config.adc_bits) if config.adc_stochastic else None,
    )


def uniform(rng: Generator, shape: tuple[int, ...], bits: int) -> Single:
    """Draw from the mid-points of ``2**bits`` (at most 2**16) equal slices of -1/2 to 1/2."""
    bits = min(bits, 16)
    words = rng.integers(0, 2**bits, shape, np.uint16 if bits < 16 else np.uint32)
    return (words.astype(np.float32) + np.float32(0.5)) / np.float32(2**bits) - np.float32(0.5)


def signals(
    codes: NDArray[np.number],
    weight: Array,
    draws: Draws,
    config: MvmConfig,
    transpose: bool,
    lines: Lines | None,
) -> list[Signal]:
    """Return what each conversion converts; arguments as in :func:`models.analog.mvm_read.read`."""
    matrix = weight.T if transpose else weight
    if codes.ndim != 2 or codes.shape[1] != matrix.shape[0]:
        raise ValueError(f"codes must be of shape (n, {matrix.shape[0]}), not {codes.shape}")
    drive = _driven(codes, matrix, draws, config)
    noise = _NONE if draws.output is None else draws.output
    if config.is_plain:
        ratio = matrix.dtype.type(config.input_step / config.output_step)
        return [Signal(drive @ matrix, ratio, noise[0], spread(drive, config))]
    lines = lines or nominal(config, matrix.shape[1])
    passes = _passes(drive, matrix, config, lines, transpose)
    extra = [None] * len(passes) if draws.weight is None else draws.weight
    y = [outputs(*part, own, config, lines) for part, own in zip(passes, extra, strict=True)]
    drives = [part[0] for part in passes]
    if config.passes == "summed":
        y, drives = [y[0] + y[1]], [drive]
    ratio = matrix.dtype.type(1 / config.output_step)
    return [
        Signal(bend(y[k], config, lines), ratio, noise[k], spread(drives[k], config))
        for k in range(len(y))
    ]


def _driven(codes: NDArray[np.number], matrix: Array, draws: Draws, config: MvmConfig) -> Array:
    """Give inputs in DAC steps with their noise, in the type of the sums."""
    drive = codes.astype(matrix.dtype, copy=False)
    if draws.input is None:
        return drive
    # in float32 and on a grid, so that sums stay exact
    noise = draws.input * np.float32(config.input_noise / config.input_step * PARTS)
    return drive + np.rint(noise) / np.float32(PARTS)


def _passes(
    drive: Array, matrix: Array, config: MvmConfig, lines: Lines, transpose: bool
) -> list[tuple[Array, Array]]:
    """Give the drives of the passes with their weights: negative inputs first."""
    if config.passes == "one":
        return [(drive, matrix)]
    other = matrix
    if lines.asymmetry is not None:
        factor = lines.asymmetry.T if transpose else lines.asymmetry
        other = on_grid(matrix * factor.astype(matrix.dtype))
    return [(np.minimum(drive, 0), other), (np.maximum(drive, 0), matrix)]


def spread(drive: Array, config: MvmConfig) -> Single:
    """Give the standard deviation of the last draw of each vector, in ADC steps."""
    if not config.weight_noise or config.has_weight_draws:
        return np.full(len(drive), config.output_noise / config.output_step, np.float32)
    # whole numbers or multiples of 1 / PARTS: exact in float64
    squares = np.square(drive, dtype=np.float64).sum(axis=1) * config.input_step**2
    variance = config.output_noise**2 + config.weight_noise**2 * squares
    return (np.sqrt(variance) / config.output_step).astype(np.float32)
