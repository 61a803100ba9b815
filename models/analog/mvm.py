"""The general analog matrix-vector product: DAC, noisy sum, ADC, with noise and bound management.

After the description of aihwkit's forward pass: scale, quantise and clip the inputs, add input
noise, sum, bend, add weight and output noise, quantise and clip, scale back. The part from DAC
codes to ADC codes is :mod:`models.analog.mvm_read`.

=======================  ============  ===============
quantity                 symbol        variable
=======================  ============  ===============
input in DAC steps       x / dx        ``codes``
scale of a vector        alpha, r      ``scale``
=======================  ============  ===============
"""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.analog.mvm_effects import Lines
from models.analog.mvm_kernels import quantise, rescale
from models.analog.mvm_read import read, read_analog
from models.analog.mvm_scale import np_sum, scales
from models.analog.mvm_signal import prepared, uniform
from models.config.mvm import MvmConfig

__all__ = ["Product", "dac_codes", "mvm", "prepared"]

Array = NDArray[np.float32]
_NONE = np.empty((0, 0), np.float32)


class Product(NamedTuple):
    """Result of a batch of products.

    Parameters
    ----------
    y : ndarray of float32, shape (n, sensed)
        Outputs in the units of the inputs.
    reads : int
        Vectors that were driven, with all repeats of bound management; one of zeros is not. Two
        passes are one read. Their number is the latency in units of a read.
    saturated : int
        Conversions at the bound of the ADC in the last read of their vector.
    average : float or None
        Running mean of ``average_abs_max`` for the next call.
    """

    y: Array
    reads: int
    saturated: int
    average: float | None = None


def mvm(
    x: NDArray[np.floating],
    weight: NDArray[np.floating],
    rng: Generator,
    config: MvmConfig,
    *,
    transpose: bool = False,
    lines: Lines | None = None,
    average: float | None = None,
) -> Product:
    """Multiply a batch of vectors with the weights of an array.

    Parameters
    ----------
    x : ndarray, shape (n, inputs), or (n, outputs) when ``transpose``
        Vectors.
    weight : ndarray, shape (inputs, outputs)
        From `prepared`.
    rng : Generator
        Source of all draws: rounding of the DAC if stochastic, then those of `read`; again for
        each repeat.
    config : MvmConfig
        Parameters.
    transpose : bool
        Drive the outputs and sense the inputs, as for errors.
    lines : Lines, optional
        Differences between the lines; needed if the config has a spread.
    average : float, optional
        Running mean of ``average_abs_max``: `Product.average` of the call before.

    Notes
    -----
    Draws are those of :func:`models.analog.noise.normal`. Weight and output noise are independent
    and normal, so one draw with the sum of their variances stands for both where nothing lies
    between them. Halves are rounded to even by the DAC and up by the ADC.
    """
    driven = weight.shape[1 if transpose else 0]
    if x.ndim != 2 or x.shape[1] != driven:
        raise ValueError(f"x must be of shape (n, {driven}), not {x.shape}")
    inputs = np.ascontiguousarray(x, np.float32)
    scale, average = scales(inputs, config, average)
    part = _Part(weight, rng, config, transpose, lines)
    active = np.flatnonzero(scale)
    if len(active) == len(inputs):
        y, over = _multiplied(inputs, scale, part)
    else:
        sensed = weight.shape[0 if transpose else 1]
        y, over = np.zeros((len(inputs), sensed), np.float32), np.zeros(len(inputs), int)
        y[active], over[active] = _multiplied(inputs[active], scale[active], part)
    repeats = _repeat(inputs, scale, y, over, part)
    return Product(y, len(active) + repeats, int(over.sum()), average)


class _Part(NamedTuple):
    """What all reads of one call share."""

    weight: NDArray[np.floating]
    rng: Generator
    config: MvmConfig
    transpose: bool
    lines: Lines | None


def _repeat(x: Array, scale: Array, y: Array, over: NDArray[np.int64], part: _Part) -> int:
    """Repeat saturated vectors with less and less input, into ``y`` and ``over``; count the reads.

    Where the worst case decides, the first repeat (factor 1) changes ``scale`` to it.
    """
    reads = 0
    for reduction in part.config.reductions:
        again = np.flatnonzero(over)
        if not len(again):
            break
        if reduction == 1:
            scale[again] = np_sum(x[again], part.config)
        y[again], over[again] = _multiplied(x[again], scale[again] * np.float32(reduction), part)
        reads += len(again)
    return reads


def _multiplied(x: Array, scale: Array, part: _Part) -> tuple[Array, NDArray[np.int64]]:
    """One read of some vectors: outputs, and how many conversions of each vector saturate."""
    weight, rng, config, transpose, lines = part
    codes = dac_codes(x, scale, rng, config)
    factors = scale * np.float32(config.output_step * config.output_scale)
    if not config.adc_bits:
        y, over = read_analog(codes, weight, rng, config, transpose=transpose, lines=lines)
        y *= factors[:, None]
        return y, over
    reading = read(codes, weight, rng, config, transpose=transpose, lines=lines)
    y = np.empty(reading.codes.shape, np.float32)
    rescale(reading.codes, factors, y)
    return y, reading.over


def dac_codes(x: Array, scale: Array, rng: Generator, config: MvmConfig) -> NDArray[np.floating]:
    """DAC codes of vectors over their scales [n], in the type of the sums.

    Whole numbers within ``+-config.largest_input``; any number in it without ``dac_bits``.
    """
    codes = np.empty(x.shape, np.float64 if config.sums == "exact" else np.float32)
    stochastic = config.dac_stochastic
    shifts = uniform(rng, x.shape, 23 - config.dac_bits) if stochastic else _NONE
    factors = np.float32(1 / config.input_step) / scale
    limit = np.float32(config.largest_input)
    quantise(x, factors, shifts, limit, bool(config.dac_bits), codes)
    return codes
