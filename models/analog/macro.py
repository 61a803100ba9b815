"""The analog macro: driven lines in, held converter inputs out.

=========================  =========  =======================================
quantity                   symbol     variable
=========================  =========  =======================================
column sum of g            S          ``sums``, in conductance ranges
converter LSB              I_LSB      :func:`lsb`, in conductance ranges
held converter input       v          ``held``, in LSB of the converter
=========================  =========  =======================================
"""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.analog.device import GRID_BITS, LARGEST
from models.config.analog import AdcConfig, DeviceConfig
from models.config.macro import MacroConfig

Array = NDArray[np.float32]


class Converters(NamedTuple):
    """Imperfections of the converters of one macro, each of shape (adc_count,).

    Parameters
    ----------
    gain, offset, inl : ndarray of float32
        Gain; offset and mid-scale non-linearity in LSB.
    """

    gain: Array
    offset: Array
    inl: Array


def draw_converters(config: AdcConfig, adc_count: int, rng: Generator) -> Converters:
    """Draw the spread over the converters of one macro."""
    gain, offset, inl = rng.standard_normal((3, adc_count), np.float32)
    return Converters(
        1 + np.float32(config.gain_spread) * gain,
        np.float32(config.offset_lsb) * offset,
        np.float32(config.inl_lsb) * inl,
    )


def lsb(macro: MacroConfig, adc_range: int) -> float:
    """Column sum that one converter LSB stands for, in conductance ranges.

    Range 0 fits all rows at full conductance and full drive; each further range halves it.
    """
    return macro.rows * (2**macro.slice_bits - 1) / 2 ** (macro.adc_bits + adc_range)


def sum_type(macro: MacroConfig) -> type[np.floating]:
    """Float type in which sums of grid conductances over a line are exact."""
    largest = macro.lines * (2**macro.slice_bits - 1) * LARGEST * 2**GRID_BITS
    return np.float32 if largest < 2**24 else np.float64


def sense(
    levels: NDArray[np.floating],
    conductance: NDArray[np.floating],
    converters: Converters,
    noise: Array,
    *,
    macro: MacroConfig,
    device: DeviceConfig,
    adc: AdcConfig,
    adc_range: int,
) -> Array:
    """Held converter inputs for a batch of drives of some lines.

    The column current is the sum over driven lines of level times conductance (with the pedestal
    of a device at its lower bound). Read noise adds a variance of ``read_noise**2`` per squared
    level. The converter bends its input by a parabola (integral non-linearity).

    Parameters
    ----------
    levels : ndarray, shape (n, driven)
        Slice levels, whole numbers, in the type of `sum_type`.
    conductance : ndarray, shape (driven, sensed)
        Normalised conductances on the grid, in the type of `sum_type`.
    converters : Converters
        One entry per sensed line.
    noise : ndarray of float32, shape (n, sensed)
        Standard normal draws; may be overwritten.
    macro, device, adc : MacroConfig, DeviceConfig, AdcConfig
        Parameters.
    adc_range : int
        Full-scale setting.

    Returns
    -------
    ndarray of float32, shape (n, sensed)
        Held inputs in LSB.
    """
    per_lsb = 1 / lsb(macro, adc_range)
    driven = levels @ np.ones(levels.shape[1], levels.dtype)  # whole numbers: exact
    squares = driven if macro.slice_bits == 1 else np.square(levels).sum(axis=1)
    spread = np.sqrt((adc.noise_lsb / per_lsb) ** 2 + device.read_noise**2 * squares)
    input_ = noise  # in conductance ranges from here on
    input_ *= spread.astype(np.float32)[:, None]
    if device.pedestal:
        input_ += (driven * device.pedestal).astype(np.float32)[:, None]
    input_ += levels @ conductance  # exact, see models.analog.device
    full, per = np.float32(2**macro.adc_bits), np.float32(per_lsb)
    bend: Array = converters.inl * np.float32(4) / full
    curve: Array = -bend / full * per * per
    held = input_ * curve
    held += (converters.gain + bend) * per
    held *= input_
    held += converters.offset
    return held


class AnalogMacro:
    """One macro as its pins show it: the model behind the bus-functional model.

    Parameters
    ----------
    macro, device, adc : MacroConfig, DeviceConfig, AdcConfig
        Parameters.
    converters : Converters
        Imperfections, one entry per converter.
    """

    def __init__(
        self, macro: MacroConfig, device: DeviceConfig, adc: AdcConfig, converters: Converters
    ):
        self.macro, self.device, self.adc = macro, device, adc
        self.converters = converters

    def sense(
        self,
        levels: NDArray[np.integer],
        conductance: Array,
        *,
        transpose: bool,
        adc_range: int,
        noise: Array,
    ) -> Array:
        """Held inputs of every sensed line, shape (n, sensed lines), in LSB.

        Parameters
        ----------
        levels : ndarray of int, shape (n, driven lines)
            Slice levels of all rows, or of all columns when ``transpose``.
        conductance : ndarray of float32, shape (rows, columns)
            Whole array.
        transpose : bool
            Drive columns and sense rows.
        adc_range : int
            Full-scale setting.
        noise : ndarray of float32, shape (n, sensed lines)
            Standard normal draws; not modified.
        """
        kind = sum_type(self.macro)
        g = (conductance.T if transpose else conductance).astype(kind)
        turns = g.shape[1] // self.macro.adc_count
        return sense(
            np.asarray(levels).astype(kind),
            g,
            Converters(*(np.tile(part, turns) for part in self.converters)),
            noise.copy(),
            macro=self.macro,
            device=self.device,
            adc=self.adc,
            adc_range=adc_range,
        )
