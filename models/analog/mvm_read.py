"""The analog part of a product: DAC codes in, ADC codes out; no scaling.

=========================  ===========  ==========================
quantity                   symbol       variable
=========================  ===========  ==========================
converter input            v            ``held``, in LSB, unsigned
=========================  ===========  ==========================
"""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.analog.mvm_effects import Lines
from models.analog.mvm_kernels import convert, hold
from models.analog.mvm_signal import Array, Draws, Signal, Single, draw, prepared, signals
from models.config.mvm import MvmConfig

__all__ = ["Draws", "Reading", "held", "prepared", "read", "read_analog", "sense"]

_NONE = np.empty((0, 0), np.float32)


class Reading(NamedTuple):
    """Result of some reads.

    Parameters
    ----------
    codes : ndarray of int16, shape (n, sensed)
        ADC codes; with separate passes the sum of both.
    over : ndarray of int64, shape (n,)
        Conversions of each vector at a bound of the ADC.
    draws : Draws or None
        What was drawn, if it was to be kept.
    """

    codes: NDArray[np.int16]
    over: NDArray[np.int64]
    draws: Draws | None


def read(
    codes: NDArray[np.number],
    weight: Array,
    rng: Generator,
    config: MvmConfig,
    *,
    transpose: bool = False,
    lines: Lines | None = None,
    keep: bool = False,
) -> Reading:
    """Drive an array with DAC codes and convert its outputs once.

    Parameters
    ----------
    codes : ndarray, shape (n, inputs), or (n, outputs) when ``transpose``
        Whole numbers within ``+-config.largest_input``.
    weight : ndarray, shape (inputs, outputs)
        From `prepared`.
    rng : Generator
        Source of the draws: for input noise, weight noise, output noise, rounding, in this order,
        as far as the config has them.
    config : MvmConfig
        Parameters, with ``adc_bits``; noise and bound management are not used.
    transpose : bool
        Drive the outputs and sense the inputs.
    lines : Lines, optional
        Differences between the lines; needed if the config has a spread.
    keep : bool
        Return the draws.

    Notes
    -----
    A code is what a successive approximation finds: the largest that is not above the held input,
    so that halves are rounded up. All steps are those of `sense`, in float32 after the noise.
    """
    draws = draw(codes.shape, weight.shape[0 if transpose else 1], rng, config)
    found = signals(codes, weight, draws, config, transpose, lines)
    return Reading(*_converted(found, draws, config), draws if keep else None)


def sense(
    codes: NDArray[np.number],
    weight: Array,
    draws: Draws,
    config: MvmConfig,
    *,
    transpose: bool = False,
    lines: Lines | None = None,
) -> NDArray[np.int16]:
    """Recompute the codes of `read` from its draws, for all of its vectors or some.

    With exact sums they are the same whatever the batch; arguments as there.
    """
    return _converted(signals(codes, weight, draws, config, transpose, lines), draws, config)[0]


def held(
    codes: NDArray[np.number],
    weight: Array,
    draws: Draws,
    config: MvmConfig,
    *,
    transpose: bool = False,
    lines: Lines | None = None,
) -> Single:
    """Return the converter inputs of `sense`, in LSB, between 1 and ``2**adc_bits - 1/2``.

    A successive approximation that keeps each bit whose trial code is not above them ends at
    ``code + 2**(adc_bits - 1)``, with the codes of `sense`. Arguments as there.

    Returns
    -------
    ndarray of float32, shape (n, sensed), or (2, n, sensed) for separate passes
    """
    found = held_inputs(signals(codes, weight, draws, config, transpose, lines), draws, config)
    return np.stack(found) if config.passes == "separate" else found[0]


def read_analog(
    codes: NDArray[np.number],
    weight: Array,
    rng: Generator,
    config: MvmConfig,
    *,
    transpose: bool = False,
    lines: Lines | None = None,
) -> tuple[Single, NDArray[np.int64]]:
    """Read without an ADC: bounded outputs in ADC steps, and how many of a vector are at a bound.

    Arguments as in `read`; ``adc_bits`` are 0.
    """
    draws = draw(codes.shape, weight.shape[0 if transpose else 1], rng, config)
    parts = held_inputs(signals(codes, weight, draws, config, transpose, lines), draws, config)
    over = [np.count_nonzero(np.abs(part) >= config.largest_output, axis=1) for part in parts]
    return np.sum(parts, axis=0), np.sum(over, axis=0)


def centre(config: MvmConfig) -> np.float32:
    """Mid-scale of the converter and half an LSB; 0 without a converter."""
    return np.float32(2 ** (config.adc_bits - 1) + 0.5 if config.adc_bits else 0.0)


def _converted(
    parts: list[Signal], draws: Draws, config: MvmConfig
) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Convert; count the conversions of each vector that are at a bound."""
    if not config.adc_bits:
        raise ValueError("adc_bits must be at least 2 for codes, not 0")
    if draws.rounding is None:
        results = [_convert(part, config) for part in parts]
    else:
        results = [_code(part, config) for part in held_inputs(parts, draws, config)]
    if len(results) == 1:
        return results[0]
    (codes, over), (others, more) = results
    return codes + others, over + more


def _convert(part: Signal, config: MvmConfig) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Convert in one pass over the sums."""
    codes, over = np.empty(part.sums.shape, np.int16), np.empty(len(part.sums), np.int64)
    convert(*part, np.float32(config.largest_output), centre(config), codes, over)
    return codes, over


def _code(held: Single, config: MvmConfig) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
    """Convert held inputs."""
    codes = (held.astype(np.int32) - 2 ** (config.adc_bits - 1)).astype(np.int16)
    return codes, np.count_nonzero(np.abs(codes) >= config.largest_output, axis=1)


def held_inputs(parts: list[Signal], draws: Draws, config: MvmConfig) -> list[Single]:
    """Return the converter inputs of each conversion; around 0 without ``adc_bits``."""
    results = []
    for number, part in enumerate(parts):
        found = np.empty(part.sums.shape, np.float32)
        hold(*part, np.float32(config.largest_output), centre(config), found)
        if draws.rounding is not None:
            found += draws.rounding[number]
        results.append(found)
    return results
