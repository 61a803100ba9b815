"""What analog macros of all kinds do at their pins: held lines, comparators, broken rules."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sim.cosim.packing import pack_bits, unpack_lanes

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


class Converters(Protocol):
    """What the model needs of a macro's description."""

    @property
    def group_count(self) -> int:
        """Settings of the mux."""
        ...

    @property
    def adc_count(self) -> int:
        """Converters."""
        ...

    @property
    def adc_bits(self) -> int:
        """Their resolution."""
        ...


class PinModel:
    """Hold sampled lines, answer the comparators, record codes and violations.

    Parameters
    ----------
    config : Converters
        The macro.
    """

    def __init__(self, config: Converters):
        self.converters = config
        self.forget()

    def forget(self) -> None:
        """Start anew: nothing sampled, nothing recorded."""
        self.held: NDArray[np.float32] | None = None
        self.accepted: list[NDArray[np.int64]] = []  # per sample: largest accepted trial codes
        self.errors: list[str] = []
        self.driven: dict[str, int] = {}
        self.stable_since = 0
        self._compared: tuple[int, int] | None = None
        self._sampled_pins: dict[str, int] = {}

    def watch(self, cycle: int, pins: dict[str, int]) -> None:
        """Note the pins that must not move during a conversion as they are from ``cycle`` on."""
        if pins != self.driven:
            self.driven, self.stable_since = dict(pins), cycle

    def hold(self, mux: int, trial: int, lines: NDArray[np.float32]) -> None:
        """Hold the inputs of all lines; ``mux`` and ``trial`` are where the converters rest."""
        self._compared = (mux, trial)
        shape = self._group_shape()
        held = np.zeros(shape[0] * shape[1], np.float32)  # lines that are not there convert to 0
        held[: len(lines)] = lines
        self.held = held.reshape(shape)
        self.accepted.append(np.full(shape, -1))
        self._sampled_pins = dict(self.driven)

    def compare(self, mux: int, trial: int) -> int:
        """Answer one setting of the mux and the trial codes; to be called once per cycle."""
        config = self.converters
        if self.held is None:
            return 0
        if mux >= config.group_count:
            self.errors.append(ABSENT_GROUP.format(mux))
            return 0
        trials = unpack_lanes(trial, config.adc_count, config.adc_bits)
        above = self.held[mux] >= trials
        if (mux, trial) != self._compared:  # a decision, not rest
            self._compared = (mux, trial)
            if self.driven != self._sampled_pins:
                self.errors.append(MOVED)
            self.accepted[-1][mux] = np.maximum(self.accepted[-1][mux], np.where(above, trials, 0))
        return pack_bits(above)

    def groups_found(self, samples: int, groups: int) -> NDArray[np.int64]:
        """Codes found by the comparators, (sample, group, adc); -1 where none was tried."""
        seen = np.array(self.accepted, np.int64).reshape(-1, *self._group_shape())
        whole = np.full((samples, *self._group_shape()), -1, np.int64)
        count = min(len(seen), len(whole))
        whole[:count] = seen[:count]
        for extra in np.argwhere((whole[:, groups:] >= 0).any(axis=-1)):
            self.errors.append(f"sample {extra[0]}: group {groups + extra[1]} converted in vain")
        return whole[:, :groups]

    def _group_shape(self) -> tuple[int, int]:
        return self.converters.group_count, self.converters.adc_count
