"""Products of BF16 vectors with a resistive array: scale, DAC, read, ADC, scale back.

Noise and bound management are digital: the largest magnitude of a vector, its reciprocal, products.
"""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.analog.mvm_effects import Lines
from models.analog.mvm_read import read
from models.analog.mvm_signal import Draws
from models.config.mvm import MvmConfig
from models.digital.bf16 import from_float32
from models.digital.bf16_loops import largest
from models.digital.chopped import ChoppedUnits
from models.systems.counters import Counters

Bits = NDArray[np.uint16]

HALF, ONE, TWO = 0x3F00, 0x3F80, 0x4000  # BF16 0.5, 1.0 and 2.0


@lru_cache(maxsize=256)
def bits(value: float) -> int:
    """BF16 pattern nearest to a number of the host."""
    return int(from_float32(np.array([value], np.float32))[0])


class Product(NamedTuple):
    """DAC codes [n, driven], draws of the read, ADC codes [n, sensed], scale [n], BF16 values."""

    codes: NDArray[np.int16]
    draws: Draws | None
    sums: NDArray[np.int16]
    scale: Bits
    values: Bits


def product(
    values: Bits,
    operand: NDArray[np.floating],
    config: MvmConfig,
    units: ChoppedUnits,
    rng: Generator,
    counters: Counters,
    *,
    transpose: bool,
    factor: float,
    lines: Lines,
    keep: bool,
) -> Product:
    """Multiply vectors with the weights, ``factor`` times.

    Parameters
    ----------
    values : ndarray of uint16, shape (n, driven)
        BF16 patterns.
    operand : ndarray, shape (rows, columns)
        Weights from :func:`models.analog.mvm.prepared`.
    config : MvmConfig
        Converters, noise, management: ``none``, ``abs_max`` or ``constant``; ``none`` or
        ``iterative``.
    units : ChoppedUnits
        The digital side.
    rng : Generator
        Of all draws of this product.
    counters : Counters
        Where events are counted.
    transpose : bool
        Drive the columns and sense the rows.
    factor : float
        Scale of the result.
    lines : Lines
        Differences between the sensed lines.
    keep : bool
        Whether draws are wanted.
    """
    drive, scale = _scales(values, config, units, factor)
    codes = units.dac_codes(values, drive, config.dac_bits)
    how: dict[str, Any] = {"transpose": transpose, "lines": lines, "keep": keep}
    reading = read(codes, operand, rng, config, **how)
    sums, draws = reading.codes, reading.draws
    _count(counters, len(codes), codes.shape[1], sums.shape[1])
    managed, reduction = config.bound_management != "none", 2
    again = np.flatnonzero(reading.over) if managed else np.empty(0, np.intp)
    if len(again):  # whoever looks on keeps the arrays of the first read
        drive, scale, codes, sums = drive.copy(), scale.copy(), codes.copy(), sums.copy()
    while len(again) and reduction <= config.largest_reduction:
        drive[again] = units.multiply(drive[again], constant(len(again), HALF))
        scale[again] = units.multiply(scale[again], constant(len(again), TWO))
        codes[again] = units.dac_codes(values[again], drive[again], config.dac_bits)
        reading = read(codes[again], operand, rng, config, **how)
        sums[again] = reading.codes
        _keep(draws, again, reading.draws)
        _count(counters, len(again), codes.shape[1], sums.shape[1])
        counters["bound_management_repeats"] += len(again)
        again, reduction = again[reading.over > 0], 2 * reduction
    counters["bf16_operations"] += codes.size + 2 * sums.size
    return Product(codes, draws, sums, scale, units.scaled(sums, scale))


@lru_cache(maxsize=256)
def constant(count: int, pattern: int) -> Bits:
    """Give a vector of one BF16 pattern; not to be written to."""
    found = np.full(count, pattern, np.uint16)
    found.flags.writeable = False
    return found


def _scales(
    values: Bits, config: MvmConfig, units: ChoppedUnits, factor: float
) -> tuple[Bits, Bits]:
    """Give what values are multiplied with for the DAC, and codes for the result."""
    levels, step = bits(1 / config.input_step), bits(factor * config.output_step)
    n = len(values)
    if config.noise_management == "abs_max":
        alpha = largest(values)
        if config.constant:
            alpha = np.minimum(alpha, np.uint16(bits(config.constant)))
    else:
        fixed = config.constant if config.noise_management == "constant" else 1.0
        alpha = constant(n, bits(fixed))
    drive = units.multiply(units.reciprocal(alpha), constant(n, levels))
    return drive, units.multiply(alpha, constant(n, step))


def _keep(draws: Draws | None, places: NDArray[np.intp], later: Draws | None) -> None:
    """Replace the draws of vectors that were read again."""
    for mine, theirs in zip(draws or (), later or (), strict=True):
        if mine is not None:
            mine[..., places, :] = theirs


def _count(counters: Counters, reads: int, driven: int, sensed: int) -> None:
    counters["array_reads"] += reads
    counters["dac_drives"] += reads * driven
    counters["adc_conversions"] += reads * sensed
