"""The analog macro as a bus-functional model: what its pins do, whatever simulator drives them."""

import copy
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.config.macro import MacroConfig
from sim.cosim.packing import unpack_lanes
from sim.cosim.pin_model import ABSENT_LINE, ABSENT_RANGE, UNEXPECTED, UNSETTLED, PinModel

Array = NDArray[np.float32]


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


class MacroBfm(PinModel):
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
        super().__init__(macro.macro)
        self.macro, self.config = macro, macro.macro
        self.begin(None, None)

    def begin(self, conductance: Array | None, noise: Array | None, converters: Any = None) -> None:
        """Start an operation; ``noise`` has shape (slice, phase, sensed line).

        ``converters``, when given, take the place of the macro's own for this operation.
        """
        self.forget()
        self.physics = with_converters(self.macro, converters)
        self.conductance, self.noise = conductance, noise
        self.pulses: list[tuple[int, int, int, int]] = []

    def sample(self, cycle: int, mux: int, trial: int) -> None:
        """Sense the driven lines as last seen by :meth:`watch`, in the cycle of the pulse.

        ``mux`` and ``trial`` are where the converters rest in that cycle.
        """
        if cycle - self.stable_since < self.config.settle_cycles:
            self.errors.append(UNSETTLED)
        pins, config = self.driven, self.config
        transpose = bool(pins["transpose"])
        driven = config.columns if transpose else config.rows
        levels = unpack_lanes(pins["drive"], config.lines, config.slice_bits)
        if levels[driven:].any():
            self.errors.append(ABSENT_LINE)
        if pins["adc_range"] >= config.range_count:
            self.errors.append(ABSENT_RANGE.format(pins["adc_range"]))
        self.hold(mux, trial, self._sense(levels[None, :driven], transpose, pins["adc_range"]))

    def _sense(self, levels: NDArray[np.integer], transpose: bool, adc_range: int) -> Array:
        number = len(self.accepted)
        if self.conductance is None or self.noise is None or number >= self._sample_limit():
            self.errors.append(UNEXPECTED.format(number))
            return np.zeros(0, np.float32)
        sensed = self.config.rows if transpose else self.config.columns
        noise = self.noise.reshape(-1, sensed)[number][None]
        return self.physics.sense(
            levels, self.conductance, transpose=transpose, adc_range=adc_range, noise=noise
        )[0]

    def _sample_limit(self) -> int:
        return 0 if self.noise is None else self.noise.shape[0] * self.noise.shape[1]

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
        return self.groups_found(slices * phases, groups).reshape(slices, phases, groups, -1)
