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


class Drive(NamedTuple):
    """What each drive puts on its lines: sum of the levels and of their squares, shape (n,)."""

    total: NDArray[np.floating]
    squares: NDArray[np.floating]


class Transfer(NamedTuple):
    """Held input over the column sum S at one range: ``(curve * S + slope) * S + offset``.

    Parameters
    ----------
    lsb : float
        Column sum of one LSB.
    curve, slope, offset : ndarray of float32, shape (sensed,)
        Coefficients of each line, in LSB.
    """

    lsb: float
    curve: Array
    slope: Array
    offset: Array


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


def transfer(converters: Converters, macro: MacroConfig, adc_range: int) -> Transfer:
    """Coefficients of converters at one range; the input bends by a parabola.

    Parameters
    ----------
    converters : Converters
        One entry per sensed line.
    macro : MacroConfig
        Resolution and full scale.
    adc_range : int
        Full-scale setting.
    """
    unit = lsb(macro, adc_range)
    full, per = np.float32(2**macro.adc_bits), np.float32(1 / unit)
    bend: Array = converters.inl * np.float32(4) / full
    slope: Array = (converters.gain + bend) * per
    return Transfer(unit, -bend / full * per * per, slope, converters.offset)


def sum_type(macro: MacroConfig) -> type[np.floating]:
    """Float type in which sums of grid conductances over a line are exact."""
    largest = macro.lines * (2**macro.slice_bits - 1) * LARGEST * 2**GRID_BITS
    return np.float32 if largest < 2**24 else np.float64


def sense(
    levels: NDArray[np.floating],
    conductance: NDArray[np.floating],
    lines: Transfer,
    noise: Array,
    *,
    macro: MacroConfig,
    device: DeviceConfig,
    adc: AdcConfig,
) -> Array:
    """Held converter inputs for a batch of drives of some lines: `hold` of their sums.

    Parameters
    ----------
    levels : ndarray, shape (n, driven)
        Slice levels, whole numbers, in the type of `sum_type`.
    conductance : ndarray, shape (driven, sensed)
        Normalised conductances on the grid, in the type of `sum_type`.
    lines, noise, macro, device, adc
        As in `hold`.
    """
    sums = levels @ conductance  # exact, see models.analog.device
    return hold(sums, drive(levels, macro), lines, noise, macro=macro, device=device, adc=adc)


def drive(levels: NDArray[np.floating], macro: MacroConfig) -> Drive:
    """Add up the levels of each drive [n, driven], and their squares: whole numbers, exact."""
    total = levels @ np.ones(levels.shape[1], levels.dtype)
    squares = total if macro.slice_bits == 1 else np.einsum("ij,ij->i", levels, levels)
    return Drive(total, squares)


def hold(
    sums: NDArray[np.floating],
    driven: Drive,
    lines: Transfer,
    noise: Array,
    *,
    macro: MacroConfig,
    device: DeviceConfig,
    adc: AdcConfig,
) -> Array:
    """Held converter inputs from the sums of level times conductance.

    The column current is the sum over driven lines of level times conductance (with the pedestal
    of a device at its lower bound). Read noise adds a variance of ``read_noise**2`` per squared
    level.

    Parameters
    ----------
    sums : ndarray, shape (n, sensed)
        Exact, in the type of `sum_type`.
    driven : Drive
        Of the same drives.
    lines : Transfer
        Converters of the sensed lines at their range.
    noise : ndarray of float32, shape (n, sensed)
        Standard normal draws; overwritten.
    macro, device, adc : MacroConfig, DeviceConfig, AdcConfig
        Parameters.

    Returns
    -------
    ndarray of float32, shape (n, sensed)
        Held inputs in LSB.
    """
    per_lsb = 1 / lines.lsb
    spread = np.sqrt((adc.noise_lsb / per_lsb) ** 2 + device.read_noise**2 * driven.squares)
    input_ = noise  # in conductance ranges from here on
    input_ *= spread.astype(np.float32)[:, None]
    if device.pedestal:
        input_ += (driven.total * device.pedestal).astype(np.float32)[:, None]
    input_ += sums
    held = input_ * lines.curve
    held += lines.slope
    held *= input_
    held += lines.offset
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
        lines = Converters(*(np.tile(part, turns) for part in self.converters))
        return sense(
            np.asarray(levels).astype(kind),
            g,
            transfer(lines, self.macro, adc_range),
            noise.copy(),
            macro=self.macro,
            device=self.device,
            adc=self.adc,
        )
