"""Chopper registers of the lines of an array."""

from amaranth import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from models.config.chopped_units import SequencerConfig
from rtl_gen.units.read_sequencer import read_layout

LINE = data.StructLayout({"row": 1, "flipped": 1, "column": 1})


class Choppers(wiring.Component):
    """A sign per row and column; rows may flip after their reads, columns after a pass.

    A read of row ``read.row`` ends with ``finish``. Its chopper then flips in the last pass of a
    period (``regular``) or with a word of the register below ``in_chance`` (``random``), and
    ``flipped`` says so until the row's next read is over. After the last row, if ``out_chance``,
    the unit is ``busy`` for one cycle per column in use: each takes a word. No input reaches an
    output within a cycle, but ``read`` reaches ``negative``, ``fresh`` and ``flips``.

    Parameters
    ----------
    config : SequencerConfig
        Lines, kind and chances of flips, register.

    Members
    -------
    columns : ``In(range(config.columns + 1))``
        Columns in use, 1 or more; stable while busy.
    load : ``In(1)``
        While neither ``finish`` nor ``busy``: row ``line`` takes ``load_line.row`` and
        ``load_line.flipped``, column ``line`` takes ``load_line.column``; a line that the array
        does not have is left out.
    line : ``In(range(max(config.rows, config.columns)))``
        Which.
    load_line : ``In(LINE)``
        Its bits.
    load_lfsr : ``In(1)``
        While neither ``finish`` nor ``busy``: the register takes ``lfsr_state``.
    lfsr_state : ``In(config.lfsr.width)``
        Not 0.
    read : ``In(read_layout(config))``
        Payload of `ReadSequencer`.
    finish : ``In(1)``
        One cycle: the read is over. Ignored while busy.
    negative, fresh, flips : ``Out(1)``
        Of row ``read.row``: its chopper; whether it flipped after its last read; whether it will
        flip at ``finish``.
    busy : ``Out(1)``
        Columns are being flipped.
    row_choppers, flipped : ``Out(config.rows)``
        One bit per row.
    column_choppers : ``Out(config.columns)``
        One bit per column.
    lfsr : ``Out(config.lfsr.width)``
        State of the register; 1 after reset, to be loaded.
    """

    LATENCY = 1  # from finish to the flipped chopper of the row

    columns: Signal
    load: Signal
    line: Signal
    load_line: data.View
    load_lfsr: Signal
    lfsr_state: Signal
    read: data.View
    finish: Signal
    negative: Signal
    fresh: Signal
    flips: Signal
    busy: Signal
    row_choppers: Signal
    flipped: Signal
    column_choppers: Signal
    lfsr: Signal

    def __init__(self, config: SequencerConfig):
        self.config = config
        rows, columns, width = config.rows, config.columns, config.lfsr.width
        outputs = {"negative": 1, "fresh": 1, "flips": 1, "busy": 1, "row_choppers": rows}
        outputs |= {"flipped": rows, "column_choppers": columns}
        super().__init__(
            {
                "columns": In(range(columns + 1)),
                "load": In(1),
                "line": In(range(max(rows, columns))),
                "load_line": In(LINE),
                "load_lfsr": In(1),
                "lfsr_state": In(width),
                "read": In(read_layout(config)),
                "finish": In(1),
                **{name: Out(bits) for name, bits in outputs.items()},
                "lfsr": Out(width, init=1),
            }
        )
        self._column = Signal(range(columns))  # next to flip while busy, else 0

    def elaborate(self, platform):
        m = Module()
        config, row = self.config, self.read.row
        column, draws = self._column, Signal()
        word = self.lfsr[:16]
        kinds = {
            "none": C(0, 1),
            "regular": self.read.last_pass,
            "random": _below(word, config.in_chance),
        }
        m.d.comb += [
            self.negative.eq(self.row_choppers.bit_select(row, 1)),
            self.fresh.eq(self.flipped.bit_select(row, 1)),
            self.flips.eq(kinds[config.chopping]),
            draws.eq(self.busy | (self.finish & (config.chopping == "random"))),
        ]
        with m.If(self.busy):
            m.d.sync += self._flip_column(column, _below(word, config.out_chance))
            is_last = column == self.columns - 1
            m.d.sync += [column.eq(Mux(is_last, 0, column + 1)), self.busy.eq(~is_last)]
        with m.Elif(self.finish):
            m.d.sync += self.row_choppers.eq(self.row_choppers ^ (self.flips << row))
            m.d.sync += self.flipped.eq(_with_bit(self.flipped, row, self.flips))
            m.d.sync += self.busy.eq(self.read.last_row & bool(config.out_chance))
        with m.Elif(self.load):
            for bits, value in (
                (self.row_choppers, self.load_line.row),
                (self.flipped, self.load_line.flipped),
                (self.column_choppers, self.load_line.column),
            ):
                m.d.sync += bits.eq(_with_bit(bits, self.line, value))
        with m.If(draws):
            m.d.sync += self.lfsr.eq(self._moved(m))
        with m.Elif(self.load_lfsr & ~self.finish):
            m.d.sync += self.lfsr.eq(self.lfsr_state)
        return m

    def _flip_column(self, column, flips):
        return self.column_choppers.eq(self.column_choppers ^ (flips << column))

    def _moved(self, m):
        """State after one word: as many steps to the right, as in :class:`Lfsr`."""
        state, feedback = self.lfsr, self.config.lfsr.feedback
        for index in range(self.config.lfsr.word_bits):
            after = Signal(len(state), name=f"after_{index}")
            m.d.comb += after.eq(state[1:] ^ Mux(state[0], feedback, 0))
            state = after
        return state


def _below(word, chance: int):
    """``word < chance``; never for 0, which Verilog would call a comparison that is constant."""
    return word < chance if chance else C(0, 1)


def _with_bit(bits, index, value):
    """Bits with one replaced; all as they are if there is none of that index."""
    place = (C(1, 1) << index)[: len(bits)]
    return (bits & ~place) | Mux(value, place, 0)
