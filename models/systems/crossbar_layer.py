"""One weight matrix on memristor crossbars: forward, transposed and update passes.

The matrix is cut into macros of ``rows`` inputs by ``pairs`` outputs. Vectors go through in blocks
whose random numbers have keys of their own.
"""

import math
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models.analog.device import draw_devices, on_grid, pulsed
from models.analog.macro import Converters, draw_converters, lsb, sum_type
from models.config.memristor import MemristorConfig
from models.digital.bf16 import from_float32
from models.digital.golden import DigitalUnits
from models.randomness import generator
from models.systems.counters import Counters
from models.systems.passes import Pass
from models.systems.range_control import RangeControl
from models.systems.readout import Readout, by_line, calibration, readout
from models.systems.watch import Place, Watch, WeightUpdate

SYSTEM = "memristor"
FRACTION = 20  # a nominal pulse is 2**20 to 2**21 LSB of a fixed-point chi


class CrossbarLayer:
    """Devices, converters and digital state of one weight matrix.

    Parameters
    ----------
    index : int
        Index of the layer in the network; part of every random key.
    weight : ndarray, shape (outputs, inputs)
        First weights; those beyond the weight range are clipped.
    config : MemristorConfig
        The system.
    units : DigitalUnits
        Golden twins or RTL kernels.
    seed : int
        Seed of the run.
    counters : Counters
        Where events are counted.
    """

    def __init__(
        self,
        index: int,
        weight: NDArray[np.floating],
        config: MemristorConfig,
        units: DigitalUnits,
        seed: int,
        counters: Counters,
    ):
        self.index, self.config, self.units = index, config, units
        self.seed, self.counters = seed, counters
        self.outputs, self.inputs = weight.shape
        self.weight_range = config.mapping.weight_range / math.sqrt(self.inputs)
        self.pulse_weight = self.weight_range / config.device.states
        self.chi_exponent = math.floor(math.log2(self.pulse_weight)) - FRACTION
        macro, update = config.macro, config.update
        self.places = tuple(self._places())
        shape = (self.inputs, 2 * self.outputs)
        self.devices = draw_devices(config.device, shape, self.rng("devices"))
        self.converters = {
            (place.row, place.column): draw_converters(
                config.adc, macro.adc_count, self.rng("converters", place.row, place.column)
            )
            for place in self.places
        }
        self.lines = {(place.row, place.column): self._lines(place) for place in self.places}
        self._readouts: dict[tuple[int, ...], Readout] = {}
        half = np.clip(weight.T / self.weight_range, -1, 1) / 2
        pairs = np.stack([0.5 + half, 0.5 - half], axis=2).reshape(shape)
        self.conductance = on_grid(np.minimum(pairs, self.devices.bound))
        fixed = update.variant == "fixed"
        self.chi = np.zeros((self.inputs, self.outputs), np.int64 if fixed else np.uint16)
        full, last = 2**macro.adc_bits - 1, macro.range_count - 1
        self.forward_range = RangeControl(0, -last, 0, full)
        self.backward_range = RangeControl(0, -last, 0, full)
        self.watch: Watch | None = None

    def _places(self) -> Iterator[Place]:
        rows, pairs = self.config.macro.rows, self.config.macro.pairs
        for row, first in enumerate(range(0, self.inputs, rows)):
            for column, start in enumerate(range(0, self.outputs, pairs)):
                inputs = slice(first, min(first + rows, self.inputs))
                yield Place(row, column, inputs, slice(start, min(start + pairs, self.outputs)))

    def rng(self, *purpose: str | int) -> np.random.Generator:
        """Make the generator of one purpose of this layer."""
        return generator(self.seed, SYSTEM, self.index, *purpose)

    @property
    def tile_rows(self) -> int:
        """Macros along the inputs."""
        return self.places[-1].row + 1

    @property
    def tile_columns(self) -> int:
        """Macros along the outputs."""
        return self.places[-1].column + 1

    def calibration(self, place: Place) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Gain and offset registers of the converters of one macro."""
        return calibration(self.converters[place.row, place.column], self.config)

    def _lines(self, place: Place) -> tuple[Converters, NDArray[np.int64], NDArray[np.int64]]:
        converters = self.converters[place.row, place.column]
        return by_line(converters, self.calibration(place), self.config.macro)

    @property
    def conductance(self) -> NDArray[np.float32]:
        """Conductances on the grid, shape (inputs, 2 * outputs); to be replaced as a whole."""
        return self._conductance

    @conductance.setter
    def conductance(self, value: NDArray[np.float32]) -> None:
        self._written = np.array(value, np.float32, order="C")
        # What others see is read-only: `operand` would not follow a change.
        self._conductance = self._written.view()
        self._conductance.flags.writeable = False
        self.operand = self._written.astype(sum_type(self.config.macro), copy=False)

    def readout(self, place: Place, sensed: int, adc_range: int) -> Readout:
        """Look up how the first ``sensed`` lines of a macro are read at one range."""
        key = (place.row, place.column, sensed, adc_range)
        if key not in self._readouts:
            lines = self.lines[place.row, place.column]
            self._readouts[key] = readout(lines, self.config.macro, sensed, adc_range)
        return self._readouts[key]

    def forward(
        self, codes: NDArray[np.int16], key: tuple[str | int, ...], *, signed: bool
    ) -> NDArray[np.int64]:
        """Partial sums of a forward pass.

        Parameters
        ----------
        codes : ndarray of int16, shape (n, inputs)
            Input codes.
        key : tuple
            Part of the keys of the noise: step or evaluation.
        signed : bool
            Drive a second phase for negative codes.

        Returns
        -------
        ndarray of int64, shape (n, outputs, tile rows)
            In LSB of :attr:`forward_unit`.
        """
        return Pass(layer=self, codes=codes, key=key, transpose=False, signed=signed).run()

    def backward(self, codes: NDArray[np.int16], key: tuple[str | int, ...]) -> NDArray[np.int64]:
        """Partial sums of a transposed pass.

        Parameters
        ----------
        codes : ndarray of int16, shape (n, outputs)
            Error codes.
        key : tuple
            Part of the keys of the noise.

        Returns
        -------
        ndarray of int64, shape (n, inputs, tile columns)
            In LSB of :attr:`backward_unit`.
        """
        return Pass(layer=self, codes=codes, key=key, transpose=True, signed=True).run()

    @property
    def forward_unit(self) -> float:
        """Weight that one LSB of a forward sum stands for, per LSB of the input code."""
        return self._unit(self.forward_range)

    @property
    def backward_unit(self) -> float:
        """Weight that one LSB of a transposed sum stands for, per LSB of the error code."""
        return self._unit(self.backward_range)

    def _unit(self, control: RangeControl) -> float:
        fraction = 2.0**-self.config.tile.gain_fraction_bits
        return lsb(self.config.macro, -control.value) * self.weight_range * fraction

    def update(
        self,
        x: NDArray[np.int16],
        delta: NDArray[np.int16],
        exponent: int,
        step: int,
    ) -> NDArray[np.integer]:
        """Accumulate the outer products of a batch and write the pulses that are due.

        Parameters
        ----------
        x : ndarray of int16, shape (k, inputs)
            Input codes.
        delta : ndarray of int16, shape (k, outputs)
            Error codes; the learning rate is in their scale.
        exponent : int
            One unit of ``x * delta`` is ``2**exponent`` in weight; at least ``chi_exponent``.
        step : int
            Part of the key of the cycle-to-cycle draws.

        Returns
        -------
        ndarray of int, shape (inputs, outputs)
            Signed pulse counts.
        """
        registers = shift, scale, threshold = self.update_registers(exponent)
        before = self.chi
        updated = self.units.accumulate_threshold(
            before, x, delta, shift=shift, scale=scale, threshold=threshold
        )
        self.chi, counts = updated.chi, np.asarray(updated.counts)
        if self.watch is not None:
            seen = WeightUpdate(self.index, x, delta, registers, before, self.chi, counts)
            self.watch.update(seen)
        self._program(counts, step)
        self.counters["update_products"] += len(x) * self.chi.size
        return counts

    def update_registers(self, exponent: int) -> tuple[int, int, int]:
        """Shift, BF16 scale and threshold registers of the update unit."""
        change = self.config.update.threshold * self.pulse_weight
        if self.config.update.variant == "fixed":
            return exponent - self.chi_exponent, 0, round(change * 2.0**-self.chi_exponent)
        scale, threshold = from_float32(np.array([2.0**exponent, change], np.float32))
        return 0, int(scale), int(threshold)

    def _program(self, counts: NDArray[np.integer], step: int) -> None:
        pairs = np.flatnonzero(counts != 0)  # far faster than of int8
        if not pairs.size:
            return
        places, signed = 2 * pairs, counts.reshape(-1)[pairs].astype(np.int64)
        if self.config.update.scheme == "push_pull":
            places = np.stack([places, places + 1], axis=1).reshape(-1)
            signed = np.stack([signed, -signed], axis=1).reshape(-1)
        rng = self.rng("program", step)
        after = pulsed(self.conductance, self.devices, places, signed, self.config.device, rng)
        self._written.reshape(-1)[places] = after
        self.operand.reshape(-1)[places] = after
        self.counters["program_pulses"] += int(np.abs(signed).sum())
        self.counters["devices_programmed"] += len(places)

    def weight(self) -> NDArray[np.float64]:
        """Weights that the conductances stand for, shape (inputs, outputs)."""
        g = self.conductance.astype(np.float64)
        return self.weight_range * (g[:, 0::2] - g[:, 1::2])

    def state(self) -> dict[str, NDArray]:
        """Copy of everything that changes."""
        registers = (self.forward_range.value, self.backward_range.value)
        return {
            "conductance": self.conductance.copy(),
            "chi": self.chi.copy(),
            "ranges": np.array(registers, np.int64),
        }

    def load_state(self, state: dict[str, NDArray]) -> None:
        """Take back what `state` gave; ValueError if a shape or type differs."""
        for name, mine in self.state().items():
            theirs = state[name]
            if theirs.shape != mine.shape or theirs.dtype != mine.dtype:
                raise ValueError(f"{name} must be {mine.dtype}{mine.shape}")
        self.conductance, self.chi = state["conductance"].copy(), state["chi"].copy()
        ranges = state["ranges"].tolist()
        self.forward_range.value, self.backward_range.value = ranges


def content_key(codes: NDArray) -> tuple[str | int, ...]:
    """Key of the noise of an evaluation: its content, so that batches may come in any order."""
    return ("evaluate", zlib.crc32(np.ascontiguousarray(codes).tobytes()))
