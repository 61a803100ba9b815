"""The analog macro of pulsed training as a bus-functional model, whatever clocks the tile."""

import numpy as np
from numpy.typing import NDArray

from models.config.chopped_macro import ChoppedMacroConfig
from sim.cosim.chopped_operations import FAST, ChoppedTileOp
from sim.cosim.chopped_physics import product_held, row_held
from sim.cosim.packing import unpack_lanes
from sim.cosim.pin_model import ABSENT_LINE, RULES, UNEXPECTED, UNSETTLED, PinModel

WATCHED = ("drive", "drive_sign", "transpose", "array", "differential")
FIRED = ("row_fire", "row_sign", "column_fire", "column_sign")
# more violations, in the order of enum PulseRule in sim/kernel/chopped_tile.cpp.in
CHOPPED_RULES = (
    *RULES,
    "pulse while lines are driven",
    "pulse on the other array",
    "program transfer during a pulse",
    "program transfer while W is read",
)
PULSED_WHILE_DRIVEN, PULSED_OTHER, PROGRAMMED_IN_PULSE, PROGRAMMED_IN_READ = CHOPPED_RULES[-4:]
OTHER_DIRECTION = "the direction of a conversion is not that of the operation"
OTHER_SOURCE = "a conversion reads another array than the operation, or otherwise"
UNUSED_LINE = "a line that is not in use is driven"


class ChoppedBfm(PinModel):
    """Hold sensed lines at ``sample``, answer comparators, record codes, reads and pulses.

    The rules of the pins that are checked: drive, signs, direction and what is read stay as they
    are from ``settle_cycles`` before ``sample`` to the last comparison and are those of the
    operation; only lines in use are driven; the mux setting exists; no pulse comes while lines
    are driven or to the other array; no program transfer during a pulse or while W is read.

    Parameters
    ----------
    config : ChoppedMacroConfig
        The macro.
    """

    def __init__(self, config: ChoppedMacroConfig):
        super().__init__(config)
        self.config = config
        self.op: ChoppedTileOp | None = None
        self.begin(None)

    def begin(self, op: ChoppedTileOp | None) -> None:
        """Start an operation."""
        self.forget()
        self.op = op
        self.reads: list[tuple[int, int]] = []  # row and DAC code
        self.slots_before: list[int] = []  # of each sample
        self.slots: list[tuple[int, ...]] = []  # buses FIRED

    def sample(self, cycle: int, mux: int, trial: int) -> None:
        """Sense the driven lines as last seen by :meth:`watch`, in the cycle of the pulse."""
        pins, config, number = self.driven, self.config, len(self.accepted)
        if cycle - self.stable_since < config.settle_cycles:
            self.errors.append(UNSETTLED)
        codes = unpack_lanes(pins["drive"], config.lines, config.magnitude_bits)
        codes *= 1 - 2 * unpack_lanes(pins["drive_sign"], config.lines, 1)
        if codes[config.columns if pins["transpose"] else config.rows :].any():
            self.errors.append(ABSENT_LINE)
        self.slots_before.append(len(self.slots))
        if self.op is None or number >= self.op.samples:
            self.errors.append(UNEXPECTED.format(number))
            self.hold(mux, trial, np.zeros(0, np.float32))
            return
        source = pins["array"] + 2 * pins["differential"]
        self.hold(mux, trial, self.sense(number, pins["transpose"], source, codes))

    def sense(
        self, number: int, transpose: int, source: int, codes: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Held inputs of the sensed lines in use, for DAC codes [lines].

        ``source`` is the array, and 2 more if the conversion is differential.
        """
        op = self.op
        assert op is not None
        if transpose != (op.kind == "backward"):
            self.errors.append(OTHER_DIRECTION)
        array = FAST if op.kind == "update" else op.array
        if source != array + 2 * op.reference:
            self.errors.append(OTHER_SOURCE)
        if codes[op.driven :].any():
            self.errors.append(UNUSED_LINE)
        if op.kind in ("read", "update"):
            rows = np.flatnonzero(codes)
            row, code = (int(rows[0]), int(codes[rows[0]])) if len(rows) == 1 else (-1, 0)
            self.reads.append((row, code))
            return row_held(op, number, code)
        return product_held(op, codes[: op.driven])

    def cycle(self, pins: dict[str, int], *, programs: bool) -> None:
        """Check one cycle with a ``pulse`` or (``programs``) a transfer of the program port.

        ``pins`` are ``pulse``, ``pulse_array`` and those of ``FIRED``; lines are driven as last
        seen by :meth:`watch`.
        """
        drives = bool(self.driven.get("drive"))
        if pins["pulse"]:
            self.slots.append(tuple(pins[name] for name in FIRED))
            if drives:
                self.errors.append(PULSED_WHILE_DRIVEN)
            if self.op is not None and pins["pulse_array"] != self.op.array:
                self.errors.append(PULSED_OTHER)
        if programs and pins["pulse"]:
            self.errors.append(PROGRAMMED_IN_PULSE)
        if programs and drives and not self.driven["array"]:
            self.errors.append(PROGRAMMED_IN_READ)

    def codes(self) -> NDArray[np.int64]:
        """Signed codes found for the lines in use, (samples, sensed).

        The lowest code has become its neighbour; where none was tried it is one below them all.
        """
        op, config = self.op, self.config
        assert op is not None
        found = self.groups_found(len(self.accepted), -(-op.sensed // config.adc_count))
        codes = found.reshape(len(self.accepted), found.shape[1] * config.adc_count)
        signed = np.where(codes == 0, 1, codes) - config.middle
        return signed[:, : op.sensed]

    def pulses(self) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        """Pulses of all rows and columns in each slot: 1, or with the sign bit -1; 0 for none."""
        rows, row_sign, columns, column_sign = (
            _bits([slot[n] for slot in self.slots], lines)
            for n, lines in enumerate((self.config.rows,) * 2 + (self.config.columns,) * 2)
        )
        return rows * (1 - 2 * row_sign), columns * (1 - 2 * column_sign)


def _bits(buses: list[int], lines: int) -> NDArray[np.int8]:
    """Bits of buses, (buses, lines)."""
    size = -(-lines // 8)
    octets = b"".join(bus.to_bytes(size, "little") for bus in buses)
    table = np.frombuffer(octets, np.uint8).reshape(-1, size)
    return np.unpackbits(table, axis=1, count=lines, bitorder="little").view(np.int8)
