"""What bends the outputs of an array: wires, offsets, weight noise, output stage.

==============================  ==============  =========================
quantity                        symbol          variable
==============================  ==============  =========================
driven inputs                   x               ``drive``, in DAC steps
outputs                         y_i             ``y``
voltage offset of a line        v_i             ``Lines.offset``
compression of a line           n_i             ``Lines.compression``
==============================  ==============  =========================

After the description of aihwkit's ``IOParameters``. Sums are exact where those of the product are.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.analog.mvm_kernels import GRID
from models.analog.noise import normal
from models.config.mvm import MvmConfig

PARTS = 64.0  # exact sums: input noise is in multiples of 1 / PARTS of a DAC step
LARGEST_DRAW = 5.0  # no normal draw is above

Array = NDArray[np.floating]


class Lines(NamedTuple):
    """What differs from line to line of one array in one direction, drawn once.

    Parameters
    ----------
    offset, compression : ndarray of float64, shape (sensed,)
        Relative voltage offset; compression per unit of output.
    asymmetry : ndarray of float64, shape (inputs, outputs), or None
        Factor of each weight in the pass of negative inputs.
    """

    offset: NDArray[np.float64]
    compression: NDArray[np.float64]
    asymmetry: NDArray[np.float64] | None


def draw_lines(
    config: MvmConfig, shape: tuple[int, int], rng: Generator, *, transpose: bool = False
) -> Lines:
    """Draw the lines of an array of ``shape`` (inputs, outputs)."""
    sensed = shape[0] if transpose else shape[1]
    offset, bent = normal(rng, (2, sensed)).astype(np.float64)
    spread = normal(rng, shape).astype(np.float64) if config.read_asymmetry else None
    return Lines(
        np.maximum(config.voltage_offset * offset, 0.0),
        np.abs(config.nonlinearity / config.output_bound * (1 + config.nonlinearity_spread * bent)),
        None if spread is None else 1 + config.read_asymmetry * spread,
    )


def nominal(config: MvmConfig, sensed: int) -> Lines:
    """Return lines without spread.

    Raises
    ------
    ValueError
        If the config has a spread.
    """
    for name in ("voltage_offset", "nonlinearity_spread", "read_asymmetry"):
        if getattr(config, name):
            raise ValueError(f"lines must be given for a {name} above 0, not None")
    compression = config.nonlinearity / config.output_bound
    return Lines(np.zeros(sensed), np.full(sensed, compression), None)


def reach(config: MvmConfig) -> float:
    """Bound of a driven input with its noise, in DAC steps."""
    return config.largest_input + LARGEST_DRAW * config.input_noise / config.input_step


def on_grid(weight: Array, grid: float = GRID) -> Array:
    """Round float64 weights to multiples of ``1 / grid``; others stay as they are."""
    return np.rint(weight * grid) / grid if weight.dtype == np.float64 else weight


def outputs(
    drive: Array, matrix: Array, draws: NDArray[np.float32] | None, config: MvmConfig, lines: Lines
) -> Array:
    """Return outputs of one pass: sums with the drop of the wires, offsets and weight noise.

    Parameters
    ----------
    drive : ndarray, shape (n, driven)
        Inputs in DAC steps, in the type of ``matrix``.
    matrix : ndarray, shape (driven, sensed)
        Weights.
    draws : ndarray of float32, shape (n, sensed), or None
        Standard normal draws of the weight noise if it has its own.
    config, lines : MvmConfig, Lines
        Parameters.
    """
    step = config.input_step
    y = (drive @ matrix) * step
    if config.ir_drop:
        y -= _drop(drive, matrix, config)
    if config.has_offsets:
        y = _with_offsets(y, drive, config, lines)
    if draws is not None:
        y += draws * (config.weight_noise * _pcm_or_constant(drive, matrix, config))
    return y


def _drop(drive: Array, matrix: Array, config: MvmConfig) -> Array:
    """Loss of every output along its wire, by the third-order fit of the current.

    The last input counts fully, the first not at all, as in aihwkit.
    """
    driven = len(matrix)
    current = (np.abs(drive) @ np.abs(matrix)) * (config.input_step * driven / config.ir_drop_ratio)
    share = ((0.05 * current - 0.2) * current + 0.5) * current
    place = 1 - (1 - np.arange(driven) / driven) ** 2
    along = on_grid(matrix * place.astype(matrix.dtype)[:, None])
    return share * ((drive @ along) * (config.ir_drop * config.input_step))


def _with_offsets(y: Array, drive: Array, config: MvmConfig, lines: Lines) -> Array:
    """Put outputs behind a series resistance, with an offset; take off the reference line."""
    offset = lines.offset.astype(y.dtype)
    total = drive.sum(axis=1, keepdims=True) * config.input_step
    reference = total * -config.offset_weight
    above = y + reference
    result = (1 - offset) * above / _series(above, config)
    if config.offset_weight:
        result -= (1 + offset) * reference / _series(reference, config)
    return result


def _series(y: Array, config: MvmConfig) -> Array:
    return 1 + np.minimum(config.series_resistance * np.abs(y), config.largest_series)


def _pcm_or_constant(drive: Array, matrix: Array, config: MvmConfig) -> Array:
    """Root of the sum of x**2, or of |w| x**2, for every output."""
    squares = np.square(drive)
    if config.weight_noise_kind == "constant":
        return np.sqrt(squares.sum(axis=1, keepdims=True)) * config.input_step
    parts = PARTS if config.input_noise else 1.0
    # n |w| reach * 2**30 <= 2**53 by `prepared`: with squares the grid must be coarser by the rest
    bits = 30 - math.frexp(reach(config) * parts * parts)[1]
    rounded = on_grid(np.abs(matrix), min(GRID, 2.0**bits))
    return np.sqrt(squares @ rounded) * config.input_step


def bend(y: Array, config: MvmConfig, lines: Lines) -> Array:
    """Compress outputs as the output stage does."""
    if not (config.nonlinearity or config.slope_calibration):
        return y
    slope = 1 + config.slope_calibration * config.output_bound * (
        float(lines.compression.mean()) + config.series_resistance
    )
    return (slope * slope) * y / (1 + lines.compression.astype(y.dtype) * np.abs(y))
