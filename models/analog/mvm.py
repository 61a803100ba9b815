"""The general analog matrix-vector product: DAC, noisy sum, ADC, with noise and bound management.

After the description of aihwkit's forward pass: scale, quantise and clip the inputs, add input
noise, sum, add weight and output noise, quantise and clip, scale back.

=======================  ============  ===============
quantity                 symbol        variable
=======================  ============  ===============
input in DAC steps       x / dx        ``codes``
output in ADC steps      y / dy        ``steps``
scale of a vector        alpha, r      ``scale``
=======================  ============  ===============
"""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.analog.noise import normal
from models.config.mvm import MvmConfig

GRID = 2.0**24  # exact sums: weights are multiples of 1 / GRID
PARTS = 64.0  # exact sums: input noise is in multiples of 1 / PARTS of a DAC step
# A sum over n lines is exact while n * 2**11 * 64 * 2**24 * |w| <= 2**53: 4096 lines of |w| <= 1
LARGEST = 2.0**53

Array = NDArray[np.float32]


class Product(NamedTuple):
    """Result of a batch of products.

    Parameters
    ----------
    y : ndarray of float32, shape (n, sensed)
        Outputs in the units of the inputs.
    reads : int
        Vectors that were driven, with all repeats of bound management; one of zeros is not.
    saturated : int
        Outputs at the bound of the ADC in the last read of their vector.
    """

    y: Array
    reads: int
    saturated: int


def prepared(weight: NDArray[np.floating], config: MvmConfig) -> NDArray[np.floating]:
    """Return the weights in the type and on the grid in which `mvm` sums them.

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
    reach = config.largest_input + 5 * config.input_noise / config.input_step  # no draw is above 5
    if largest * reach * PARTS * GRID > LARGEST:
        raise ValueError(f"weight must be small enough for exact sums, not {largest:g} over a line")
    return np.rint(np.asarray(weight, np.float64) * GRID) / GRID


def mvm(
    x: NDArray[np.floating],
    weight: NDArray[np.floating],
    rng: Generator,
    config: MvmConfig,
    *,
    transpose: bool = False,
) -> Product:
    """Multiply a batch of vectors with the weights of an array.

    Parameters
    ----------
    x : ndarray, shape (n, inputs), or (n, outputs) when ``transpose``
        Vectors.
    weight : ndarray, shape (inputs, outputs)
        From `prepared`.
    rng : Generator
        Source of all draws: input noise if any, then output noise, again for each repeat.
    config : MvmConfig
        Parameters.
    transpose : bool
        Drive the outputs and sense the inputs, as for errors.

    Notes
    -----
    Draws are those of :func:`models.analog.noise.normal`. Weight and output noise are independent
    and normal, so one draw with the sum of their variances stands for both. Halves are rounded to
    even.
    """
    matrix = weight.T if transpose else weight
    if x.ndim != 2 or x.shape[1] != matrix.shape[0]:
        raise ValueError(f"x must be of shape (n, {matrix.shape[0]}), not {x.shape}")
    inputs = np.asarray(x, np.float32)
    scale = _scales(inputs, config)
    active = np.flatnonzero(scale)
    if len(active) == len(inputs):
        y, over = _read(inputs, matrix, scale, rng, config)
    else:
        y, over = np.zeros((len(inputs), matrix.shape[1]), np.float32), np.zeros(len(inputs), int)
        y[active], over[active] = _read(inputs[active], matrix, scale[active], rng, config)
    reads, reduction = len(active), 2
    while config.bound_management == "iterative" and reduction <= config.largest_reduction:
        again = np.flatnonzero(over)
        if not len(again):
            break
        repeated = scale[again] * np.float32(reduction)
        y[again], over[again] = _read(inputs[again], matrix, repeated, rng, config)
        reads, reduction = reads + len(again), 2 * reduction
    return Product(y, reads, int(over.sum()))


def _scales(x: Array, config: MvmConfig) -> Array:
    """Divisors of the vectors; 0 for vectors of zeros."""
    largest = np.maximum(x.max(axis=1, initial=0), -x.min(axis=1, initial=0))
    if config.noise_management == "abs_max":
        limit = config.constant or np.inf
        return np.minimum(largest, np.float32(limit))
    constant = config.constant if config.noise_management == "constant" else 1.0
    return np.where(largest > 0, np.float32(constant), np.float32(0))


def _read(
    x: Array, matrix: NDArray[np.floating], scale: Array, rng: Generator, config: MvmConfig
) -> tuple[Array, NDArray[np.int64]]:
    """One read of some vectors: outputs, and how many of each vector saturate."""
    factors = np.divide(np.float32(1 / config.input_step), scale, dtype=np.float32)
    codes = np.multiply(x, factors[:, None], dtype=np.float32)
    if config.dac_bits:
        np.rint(codes, out=codes)
    np.clip(codes, -config.largest_input, config.largest_input, out=codes)
    if config.input_noise:
        noise = normal(rng, codes.shape)
        noise *= np.float32(config.input_noise / config.input_step * PARTS)
        codes += np.rint(noise, out=noise) / np.float32(PARTS)
    sums = codes.astype(matrix.dtype, copy=False) @ matrix
    sums *= sums.dtype.type(config.input_step / config.output_step)
    steps = _with_noise(sums, codes, rng, config)
    if config.adc_bits:
        np.rint(steps, out=steps)
    limit = np.float32(config.largest_output)
    over = np.count_nonzero(np.abs(steps) >= limit, axis=1)
    np.clip(steps, -limit, limit, out=steps)
    steps *= (scale * np.float32(config.output_step))[:, None]
    return steps, over


def _with_noise(
    steps: NDArray[np.floating], codes: Array, rng: Generator, config: MvmConfig
) -> Array:
    """Add weight and output noise, in ADC steps."""
    if not (config.output_noise or config.weight_noise):
        return steps.astype(np.float32, copy=False)
    noise = normal(rng, steps.shape)
    if config.weight_noise:
        # whole numbers or multiples of 1 / PARTS: exact in float64
        squares = np.square(codes, dtype=np.float64).sum(axis=1) * config.input_step**2
        variance = config.output_noise**2 + config.weight_noise**2 * squares
        noise *= (np.sqrt(variance) / config.output_step).astype(np.float32)[:, None]
    else:
        noise *= np.float32(config.output_noise / config.output_step)
    noise += steps
    return noise
