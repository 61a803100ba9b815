"""The analog macro as a bus-functional model: what its pins do, whatever simulator drives them."""

import copy
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.config.macro import MacroConfig
from sim.cosim.packing import pack_bits, unpack_lanes

Array = NDArray[np.float32]
# violations of the pin protocol, in the order of enum Rule in sim/kernel/tile_pins.h
RULES = (
    "drive changed less than settle_cycles before sample",
    "a line that the macro does not have is driven",
    "adc_range {} does not exist",
    "sample {} has no noise: it was not expected",
    "mux {} does not exist",
    "drive changed between sample and the last comparison",
)
UNSETTLED, ABSENT_LINE, ABSENT_RANGE, UNEXPECTED, ABSENT_GROUP, MOVED = RULES


class Macro(Protocol):
    """What the model needs of the physics, as :class:`models.analog.macro.AnalogMacro` has it."""

    macro: MacroConfig

    def sense(
        self,
        levels: NDArray[np.integer],
        conductance: NDArray[np.float32],
        *,
        transpose: bool,
        adc_range: int,
        noise: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Held converter inputs in code LSB, one row per row of ``levels``."""
        ...


class IdealMacro:
    """Macro without physics: held inputs are weighted sums plus noise.

    Parameters
    ----------
    macro : MacroConfig
        Pins.
    scale : float
        Code LSB per level and conductance in range 0; each range doubles it.
    """

    def __init__(self, macro: MacroConfig, scale: float):
        self.macro, self.scale = macro, scale

    def sense(self, levels, conductance, *, transpose, adc_range, noise):
        """See :class:`Macro`; sums in float64, so exact for integer conductances."""
        matrix = (conductance.T if transpose else conductance).astype(np.float64)
        held = np.asarray(levels, np.float64) @ matrix * self.scale * 2.0**adc_range
        return (held + noise).astype(np.float32)


def with_converters(macro: Macro, converters: Any) -> Macro:
    """``macro`` itself, or a copy with other ``converters`` when these are not None."""
    if converters is None:
        return macro
    other: Any = copy.copy(macro)
    other.converters = converters
    return other


class MacroBfm:
    """Hold sensed lines at ``sample``, answer the comparators, record codes and violations.

    The rules of the pins that are checked: drive, direction, phase and range stay as they are
    from ``settle_cycles`` before ``sample`` to the last comparison; only lines of the driven side
    are driven; the range and the mux setting exist; nothing is programmed during a conversion.

    Parameters
    ----------
    macro : Macro
        The physics.
    """

    def __init__(self, macro: Macro):
        self.macro, self.config = macro, macro.macro
        self.begin(None, None)

    def begin(self, conductance: Array | None, noise: Array | None, converters: Any = None) -> None:
        """Start an operation; ``noise`` has shape (slice, phase, sensed line).

        ``converters``, when given, take the place of the macro's own for this operation.
        """
        self.physics = with_converters(self.macro, converters)
        self.conductance, self.noise = conductance, noise
        self.held: NDArray[np.float32] | None = None
        self.accepted: list[NDArray[np.int64]] = []  # per sample: largest accepted trial codes
        self.pulses: list[tuple[int, int, int, int]] = []
        self.errors: list[str] = []
        self._drive: dict[str, int] = {}
        self._stable_since = 0
        self._compared: tuple[int, int] | None = None
        self._sampled_pins: dict[str, int] = {}

    def watch(self, cycle: int, pins: dict[str, int]) -> None:
        """Note the pins drive, transpose, phase and adc_range as they are from ``cycle`` on."""
        if pins != self._drive:
            self._drive, self._stable_since = dict(pins), cycle

    def sample(self, cycle: int, mux: int, trial: int) -> None:
        """Sense the driven lines as last seen by :meth:`watch`, in the cycle of the pulse.

        ``mux`` and ``trial`` are where the converters rest in that cycle.
        """
        self._compared = (mux, trial)
        if cycle - self._stable_since < self.config.settle_cycles:
            self.errors.append(UNSETTLED)
        pins, config = self._drive, self.config
        transpose = bool(pins["transpose"])
        driven = config.columns if transpose else config.rows
        levels = unpack_lanes(pins["drive"], config.lines, config.slice_bits)
        if levels[driven:].any():
            self.errors.append(ABSENT_LINE)
        if pins["adc_range"] >= config.range_count:
            self.errors.append(ABSENT_RANGE.format(pins["adc_range"]))
        self._sense(levels[None, :driven], transpose, pins["adc_range"])

    def _sense(self, levels: NDArray[np.integer], transpose: bool, adc_range: int) -> None:
        config = self.config
        held = np.zeros(config.lines, np.float32)  # lines that are not sensed convert to 0
        sensed = config.rows if transpose else config.columns
        number = len(self.accepted)
        if self.conductance is None or self.noise is None or number >= self._sample_limit():
            self.errors.append(UNEXPECTED.format(number))
        else:
            noise = self.noise.reshape(-1, sensed)[number][None]
            held[:sensed] = self.physics.sense(
                levels, self.conductance, transpose=transpose, adc_range=adc_range, noise=noise
            )[0]
        self.held = held.reshape(config.group_count, config.adc_count)
        self.accepted.append(np.full(self.held.shape, -1))
        self._sampled_pins = dict(self._drive)

    def _sample_limit(self) -> int:
        return 0 if self.noise is None else self.noise.shape[0] * self.noise.shape[1]

    def compare(self, mux: int, trial: int) -> int:
        """Answer one setting of the mux and the trial codes; to be called once per cycle."""
        config = self.config
        if self.held is None:
            return 0
        if mux >= config.group_count:
            self.errors.append(ABSENT_GROUP.format(mux))
            return 0
        trials = unpack_lanes(trial, config.adc_count, config.adc_bits)
        above = self.held[mux] >= trials
        if (mux, trial) != self._compared:  # a decision, not rest
            self._compared = (mux, trial)
            if self._drive != self._sampled_pins:
                self.errors.append(MOVED)
            self.accepted[-1][mux] = np.maximum(self.accepted[-1][mux], np.where(above, trials, 0))
        return pack_bits(above)

    def program(self, fields: dict[str, int], *, converting: bool) -> None:
        """Take one transfer of the program port."""
        row, column = fields["row"], fields["column"]
        if converting:
            self.errors.append("program transfer during a conversion")
        if row >= self.config.rows or column >= self.config.columns or fields["count"] == 0:
            self.errors.append(f"program transfer {fields} does nothing")
        self.pulses.append((row, column, fields["polarity"], fields["count"]))

    def codes(self, slices: int, phases: int, groups: int) -> NDArray[np.int64]:
        """Codes found by the comparators, (slice, phase, group, adc); -1 where none was tried."""
        seen = np.array(self.accepted, np.int64).reshape(-1, *self._group_shape())
        whole = np.full((slices * phases, *self._group_shape()), -1, np.int64)
        count = min(len(seen), len(whole))
        whole[:count] = seen[:count]
        for extra in np.argwhere((whole[:, groups:] >= 0).any(axis=-1)):
            self.errors.append(f"sample {extra[0]}: group {groups + extra[1]} converted in vain")
        return whole[:, :groups].reshape(slices, phases, groups, -1)

    def _group_shape(self) -> tuple[int, int]:
        return self.config.group_count, self.config.adc_count
