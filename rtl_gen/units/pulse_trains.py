"""Stochastic pulse trains of all lines of an array.

===============  ============================================================================
port             what
===============  ============================================================================
``i``            stream: the lines of a vector pair, one per beat; or a state of the register
``row_chop``     one bit per row: inverts its sign
``column_chop``  one bit per column: inverts its sign
``o``            stream: the pulses of one slot per beat
``state``        shift register, moves by one word for every beat of ``o``
===============  ============================================================================
"""

from amaranth import *
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.checks import check_int
from models.config.chopped_units import PulseTrainConfig
from models.config.floats import FloatMulConfig
from models.config.units import RequantizeConfig
from rtl_gen.line_words import Parities, ahead_masks, word_masks
from rtl_gen.steps import grouped
from rtl_gen.streams import pipeline
from rtl_gen.units.float_mul import mul_steps
from rtl_gen.units.requantize import requantize_stages
from rtl_gen.units.update_management import SLOT_BITS


class Kind(enum.Enum, shape=unsigned(2)):
    """What a beat carries."""

    ROW = 0
    COLUMN = 1
    STATE = 2


def line_layout() -> data.StructLayout:
    """One line of a vector pair, or a state of the register.

    ``value`` and ``scale`` are BF16 patterns. ``last`` ends the vector pair, whose trains then
    have ``slots`` slots. With ``STATE`` the register becomes ``scale * 2**16 + value``, which must
    not be 0, and nothing else happens.
    """
    return data.StructLayout(
        {"kind": Kind, "value": 16, "scale": 16, "last": 1, "slots": SLOT_BITS}
    )


def slot_layout(config: PulseTrainConfig) -> data.StructLayout:
    """Pulses of one slot, a bit per line; signs say nothing where a line does not fire."""
    return data.StructLayout(
        {
            "row_fire": config.rows,
            "column_fire": config.columns,
            "row_sign": config.rows,
            "column_sign": config.columns,
            "last": 1,
        }
    )


class PulseTrains(wiring.Component):
    """Thresholds, signs and pulses of all lines of an array.

    Beats of kind ROW go to rows 0, 1, and so on, beats of kind COLUMN to columns 0, 1, and so on;
    lines that get none do not fire. A threshold is the magnitude of value times scale, rounded to
    BF16 and then to a multiple of ``2**-random_bits``, to nearest even, at most 1. From `LATENCY`
    cycles after the beat with ``last`` on ``o`` gives ``slots`` beats: a line fires where its word
    of the register is below its threshold. Then the lines are cleared and the next vector pair is
    taken; with 0 slots there is no beat.

    One line per cycle, one slot per cycle. ``i.ready`` depends on registers alone; ``row_chop``
    and ``column_chop`` reach ``o.payload`` within the cycle and must be stable while ``o`` waits.

    Parameters
    ----------
    config : PulseTrainConfig
        Lines, words and register.
    seed : int
        State after reset, 1 to ``2**config.lfsr.width - 1``; TypeError or ValueError otherwise.

    Members
    -------
    i : ``In(stream.Signature(line_layout()))``
        Lines of vector pairs.
    row_chop, column_chop : ``In(config.rows)``, ``In(config.columns)``
        Exclusive or with the signs of the values.
    o : ``Out(stream.Signature(slot_layout(config)))``
        Pulses of one slot, to be driven for as long as a slot lasts; ``last`` in the last slot.
    state : ``Out(config.lfsr.width)``
        The register: the state before the first slot until ``o`` becomes valid, then one ahead of
        the slot on ``o``, the state after the last slot from that slot on.

    References
    ----------
    .. [1] T. Gokmen, Y. Vlasov, Front. Neurosci. 10:333, 2016.
    """

    i: stream.Interface
    row_chop: Signal
    column_chop: Signal
    o: stream.Interface
    state: Signal

    def __init__(self, config: PulseTrainConfig, seed: int = 1):
        check_int("seed", seed, 1, 2**config.lfsr.width - 1)
        self.config, self.seed = config, seed
        self._slots_left = Signal(SLOT_BITS)
        super().__init__(
            {
                "i": In(stream.Signature(line_layout())),
                "row_chop": In(config.rows),
                "column_chop": In(config.columns),
                "o": Out(stream.Signature(slot_layout(config))),
                "state": Out(config.lfsr.width, init=seed),
            }
        )

    @property
    def _load_stages(self):
        """Stages from value and scale to the threshold ``code``."""
        bits = self.config.random_bits
        widths = RequantizeConfig(code_width=bits + 2, random_bits=1)
        exponent, stochastic = Const(-bits, signed(9)), Const(0)
        return [
            *grouped(mul_steps("value", "scale", "product", FloatMulConfig()), 3),
            *requantize_stages("product", "random", "code", widths, exponent, stochastic),
        ]

    @property
    def LATENCY(self) -> int:
        """Cycles from the last line to the first slot."""
        return len(self._load_stages) + 1

    def elaborate(self, platform):
        m = Module()
        line, slot, loaded = self.i.payload, self.o.payload, self._load(m)
        clear, advance, slots_left = Signal(), Signal(), self._slots_left
        with m.FSM():
            with m.State("LOAD"):
                m.d.comb += self.i.ready.eq(1)
                with m.If(self.i.valid & (line.kind == Kind.STATE)):
                    m.d.sync += self.state.eq(Cat(line.value, line.scale))
                with m.Elif(self.i.valid & line.last):
                    m.next = "WAIT"
            with m.State("WAIT"), m.If(loaded.valid & loaded.payload.last):
                m.d.sync += slots_left.eq(loaded.payload.slots)
                m.d.comb += [advance.eq(loaded.payload.slots != 0), clear.eq(~advance)]
                m.next = "PULSE"
                with m.If(clear):
                    m.next = "LOAD"
            with m.State("PULSE"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.d.sync += slots_left.eq(slots_left - 1)
                    m.d.comb += [advance.eq(~slot.last), clear.eq(slot.last)]
                    with m.If(clear):
                        m.next = "LOAD"
        words = self._words(m, advance)
        rows = self.config.rows
        row_sign = self._lines(m, Kind.ROW, loaded, clear, words[:rows], slot.row_fire)
        column_sign = self._lines(m, Kind.COLUMN, loaded, clear, words[rows:], slot.column_fire)
        m.d.comb += [
            slot.last.eq(slots_left == 1),
            slot.row_sign.eq(row_sign ^ self.row_chop),
            slot.column_sign.eq(column_sign ^ self.column_chop),
        ]
        return m

    def _words(self, m, advance):
        """Words of all lines, of the state that the last ``advance`` left behind."""
        parities, lfsr = Parities(m, self.state, "parity"), self.config.lfsr
        following = ahead_masks(lfsr.word_bits, lfsr, lfsr.width)
        words = [
            Signal(self.config.random_bits, name=f"word_{line}", reset_less=True)
            for line in range(self.config.rows + self.config.columns)
        ]
        with m.If(advance):
            m.d.sync += self.state.eq(Cat(parities.of(mask) for mask in following))
            for word, masks in zip(words, word_masks(self.config), strict=True):
                m.d.sync += word.eq(Cat(parities.of(mask) for mask in masks))
        return words

    def _load(self, m):
        """Stream of thresholds, each with the place of its line; always ready."""
        line, most = self.i.payload, max(self.config.rows, self.config.columns)
        common = {"kind": Kind, "place": range(most + 1), "sign": 1, "last": 1, "slots": SLOT_BITS}
        given = {"value": 16, "scale": 16, "random": 1} | common
        placed = stream.Signature(data.StructLayout(given)).create()
        code = {"code": signed(self.config.random_bits + 2)}
        loaded = stream.Signature(data.StructLayout(code | common)).create()
        row, column = Signal(range(most + 1)), Signal(range(most + 1))
        is_line = self.i.valid & self.i.ready & (line.kind != Kind.STATE)
        m.d.comb += [
            placed.valid.eq(is_line),
            placed.payload.value.eq(line.value[:15]),
            placed.payload.scale.eq(line.scale[:15]),
            placed.payload.kind.eq(line.kind),
            placed.payload.place.eq(Mux(line.kind == Kind.ROW, row, column)),
            placed.payload.sign.eq(line.value[15]),
            placed.payload.last.eq(line.last),
            placed.payload.slots.eq(line.slots),
            loaded.ready.eq(1),
        ]
        with m.If(is_line):
            m.d.sync += row.eq(Mux(line.last, 0, row + (line.kind == Kind.ROW)))
            m.d.sync += column.eq(Mux(line.last, 0, column + (line.kind == Kind.COLUMN)))
        pipeline(m, placed, loaded, self._load_stages)
        return loaded

    def _lines(self, m, kind, loaded, clear, words, fire):
        """Make the registers of one side, and its comparators; returns the signs."""
        side, code, bits = kind.name.lower(), loaded.payload.code, self.config.random_bits
        signs, threshold = Signal(len(words), name=f"{side}_signs"), Signal(bits + 1, name=side)
        m.d.comb += threshold.eq(Mux(code[bits], 1 << bits, code[:bits]))
        written = Signal(len(words), name=f"{side}_written")
        # no line is on its way while slots run; that this cannot matter makes the proof short
        is_here = loaded.valid & ~self.o.valid & (loaded.payload.kind == kind)
        for place, word in enumerate(words):
            limit = Signal(bits + 1, name=f"{side}_{place}")
            m.d.comb += written[place].eq(is_here & (loaded.payload.place == place))
            m.d.comb += fire[place].eq(word < limit)
            with m.If(written[place]):
                m.d.sync += [limit.eq(threshold), signs[place].eq(loaded.payload.sign)]
            with m.If(clear):
                m.d.sync += limit.eq(0)
        return signs
