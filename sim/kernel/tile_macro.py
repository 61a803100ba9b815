"""The physics behind the pins of a tile: any macro through numpy, the analog macro as C++."""

import ctypes
import functools
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.analog.macro import AnalogMacro, lsb, sum_type
from models.config.checks import check_kind
from sim.cosim.macro_bfm import Macro
from sim.kernel.build import compiled

SOURCE = Path(__file__).with_name("tile_macro.cpp")
EXACT = ("-ffp-contract=off",)  # a fused multiplication and addition rounds once, numpy twice
RANGES = 16  # as in the source

Number, Pointer, Real = ctypes.c_int64, ctypes.c_void_p, ctypes.c_double
SENSE = ctypes.CFUNCTYPE(Number, Pointer, Number, Number, Number, Pointer, Pointer)


class Physics(Protocol):
    """What a simulation calls to sense the lines of one operation.

    Attributes
    ----------
    function, argument : object
        A ``Sense`` of tile_pins.h, as ctypes passes it, and its first argument.
    """

    function: Any
    argument: Any

    def fail(self) -> None:
        """Raise what made the last call of ``function`` fail."""


class Called:
    """Lines sensed by ``macro.sense``, from and into arrays that the simulation shares.

    Parameters
    ----------
    macro : Macro
        The physics.
    conductance, noise : ndarray of float32
        As in :class:`sim.cosim.operations.TileOp`.
    levels, held : ndarray, shape (lines,)
        int64 slice levels of the driven lines; float32 converter inputs.
    """

    def __init__(
        self,
        macro: Macro,
        conductance: NDArray[np.float32],
        noise: NDArray[np.float32],
        levels: NDArray[np.int64],
        held: NDArray[np.float32],
    ):
        self.macro, self.conductance, self.noise = macro, conductance, noise
        self.levels, self.held = levels, held
        self.function, self.argument = SENSE(self._sense), None
        self._error: BaseException | None = None

    def _sense(self, _, sample: int, transpose: int, adc_range: int, *_shared) -> int:
        pins = self.macro.macro
        driven, sensed = pins.rows, pins.columns
        if transpose:
            driven, sensed = sensed, driven
        try:
            self.held[:sensed] = self.macro.sense(
                self.levels[None, :driven],
                self.conductance,
                transpose=bool(transpose),
                adc_range=adc_range,
                noise=self.noise.reshape(-1, sensed)[sample][None],
            )[0]
        except BaseException as error:  # it cannot pass through C++: fail() raises it
            self._error = error
            return 1
        return 0

    def fail(self) -> None:
        """Raise what the macro raised."""
        assert self._error is not None
        raise self._error


class _Analog(ctypes.Structure):
    """``Analog`` of the source."""

    _fields_ = (
        *((name, Number) for name in ("rows", "columns", "adc_count", "adc_bits", "is_double")),
        ("per_lsb", Real * RANGES),
        ("variance", Real * RANGES),
        ("read_variance", Real),
        ("pedestal", Real),
        *((name, Pointer) for name in ("gain", "offset", "inl", "conductance", "noise")),
        ("noise_size", Number),
    )


class CompiledAnalog:
    """:meth:`AnalogMacro.sense` in C++: the same float32 numbers, bit for bit.

    They are equal because sums over a line are exact: conductances must lie on the grid of
    :mod:`models.analog.device`.

    Parameters
    ----------
    macro : AnalogMacro
        Parameters.
    conductance, noise : ndarray of float32
        As in :class:`sim.cosim.operations.TileOp`.

    Raises
    ------
    TypeError
        If ``macro`` is no AnalogMacro or an array is not of float32.
    ValueError
        If an array has the wrong shape.
    """

    def __init__(
        self, macro: AnalogMacro, conductance: NDArray[np.float32], noise: NDArray[np.float32]
    ):
        check_kind("macro", macro, AnalogMacro)
        pins = macro.macro
        given = {"conductance": (conductance, (pins.rows, pins.columns)), "noise": (noise, None)}
        for name, part in macro.converters._asdict().items():
            given[f"converters.{name}"] = part, (pins.adc_count,)
        self._arrays = {name: _float32(name, *array) for name, array in given.items()}
        self._analog = _parameters(macro)
        for name, array in self._arrays.items():
            setattr(self._analog, name.removeprefix("converters."), array.ctypes.data)
        self._analog.noise_size = noise.size
        self.function, self.argument = _library().sense, ctypes.addressof(self._analog)

    def fail(self) -> None:
        """Say that there is no noise for a sample; nothing else fails."""
        size = self._analog.noise_size
        raise ValueError(f"noise must have a number for each sensed line, not {size} numbers")


def _parameters(macro: AnalogMacro) -> _Analog:
    """Return what stays; squares are taken here because the C library's may round otherwise."""
    pins, device, adc = macro.macro, macro.device, macro.adc
    is_double = sum_type(pins) is np.float64
    analog = _Analog(pins.rows, pins.columns, pins.adc_count, pins.adc_bits, is_double)
    for adc_range in range(RANGES):
        per_lsb = 1 / lsb(pins, adc_range)
        analog.per_lsb[adc_range] = per_lsb
        analog.variance[adc_range] = (adc.noise_lsb / per_lsb) ** 2
    analog.read_variance, analog.pedestal = device.read_noise**2, device.pedestal
    return analog


def _float32(
    name: str, array: NDArray[np.float32], shape: tuple[int, ...] | None
) -> NDArray[np.float32]:
    if array.dtype != np.float32:
        raise TypeError(f"{name} must be of float32, not {array.dtype}")
    if shape is not None and array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, not {array.shape}")
    return np.ascontiguousarray(array)


@functools.cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(str(compiled({"unit.cpp": SOURCE.read_text()}, flags=EXACT, kind="analog")))
