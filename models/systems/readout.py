"""Converters of one macro and their digital registers, line by line."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.analog.macro import Converters, Transfer, transfer
from models.config.macro import MacroConfig
from models.config.memristor import MemristorConfig

Registers = tuple[NDArray[np.int64], NDArray[np.int64]]


class Readout(NamedTuple):
    """What turns the sums of some sensed lines into codes, and codes into partial sums."""

    lines: Transfer
    gain: NDArray[np.int64]
    offset: NDArray[np.int64]


def calibration(converters: Converters, config: MemristorConfig) -> Registers:
    """Gain and offset registers that undo gain and offset of the converters and add half an LSB.

    They do so as well as the registers can; without calibration gain is 1 and offset 0.
    """
    interface = config.tile.adc_interface
    one = 2**interface.gain_fraction_bits
    count = interface.adc_count
    if not config.mapping.calibrated:
        return np.full(count, one), np.zeros(count, np.int64)
    limit = 2 ** (interface.offset_width - 1) - 1
    gain = np.rint(one / converters.gain.astype(np.float64)).astype(np.int64)
    offset = np.rint((0.5 - converters.offset) / converters.gain.astype(np.float64) * one)
    largest = 2**interface.gain_width - 1
    return np.clip(gain, 0, largest), np.clip(offset, -limit, limit).astype(np.int64)


def by_line(
    converters: Converters, registers: Registers, macro: MacroConfig
) -> tuple[Converters, NDArray[np.int64], NDArray[np.int64]]:
    """Repeat what belongs to a converter for each of its lines."""
    turns = macro.lines // macro.adc_count
    gain, offset = (np.tile(part, turns) for part in registers)
    return Converters(*(np.tile(part, turns) for part in converters)), gain, offset


def readout(
    lines: tuple[Converters, NDArray[np.int64], NDArray[np.int64]],
    macro: MacroConfig,
    sensed: int,
    adc_range: int,
) -> Readout:
    """Readout of the first ``sensed`` lines, from what `by_line` gives, at one range."""
    converters, *registers = lines
    used = Converters(*(part[:sensed] for part in converters))
    return Readout(transfer(used, macro, adc_range), *(part[:sensed] for part in registers))
