"""Read sequencer and choppers of a tile, and commands that load and read all its registers."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.chopped_tile import ChoppedTileConfig
from rtl_gen.train.chopped_command import (
    COUNT,
    REGISTERS,
    Bank,
    Op,
    accesses,
    command_layout,
    word_width,
)
from rtl_gen.train.command import walk
from rtl_gen.units.choppers import LINE, Choppers
from rtl_gen.units.read_sequencer import ReadSequencer, read_layout


class Registers(wiring.Component):
    """Count vectors, say when which row is read, flip choppers; load and give the state.

    After ``count`` a read may be ``due`` in the next cycle; it stays so until ``finish``, after
    which choppers may be ``flipping``. Serves STATE_WRITE and STATE_READ of the banks LINES
    (``command.rows`` words: chopper of the row, ``flipped``, chopper of the column) and REGISTERS
    (the words of :data:`rtl_gen.train.chopped_command.REGISTERS`).

    Parameters
    ----------
    config : ChoppedTileConfig
        The tile.

    Members
    -------
    start : ``In(1)``
        One cycle: serve ``command``, if it is for these banks.
    command : ``In(command_layout(config))``
        Stable while busy and during an update.
    busy : ``Out(1)``
        A command is being served.
    count : ``In(1)``
        One cycle: a vector update is over; not while a read is due.
    due : ``Out(1)``
        A read is owed.
    finish : ``In(1)``
        One cycle: the read that is owed is over.
    flipping : ``Out(1)``
        Column choppers are changing.
    read : ``Out(read_layout(config.sequencer))``
        Of the read that is owed.
    negative, fresh : ``Out(1)``
        Of its row.
    row_choppers, column_choppers : ``Out``
        One bit per line.
    trains_load, trains_word : ``Out``
        In one cycle of a STATE_WRITE: the register of the pulse trains takes this.
    trains_state : ``In``
        That register.
    i : ``In(stream.Signature(signed(word_width(config))))``
        Words of STATE_WRITE; ready only when one is due.
    o_state : ``Out(stream.Signature(word_width(config)))``
        Words of STATE_READ.
    """

    start: Signal
    command: data.View
    busy: Signal
    count: Signal
    due: Signal
    finish: Signal
    flipping: Signal
    read: data.View
    negative: Signal
    fresh: Signal
    row_choppers: Signal
    column_choppers: Signal
    trains_load: Signal
    trains_word: Signal
    trains_state: Signal
    i: stream.Interface
    o_state: stream.Interface

    def __init__(self, config: ChoppedTileConfig):
        self.config, width = config, config.trains.lfsr.width
        self._sequencer = ReadSequencer(config.sequencer)
        self._choppers = Choppers(config.sequencer)
        super().__init__(
            {
                "start": In(1),
                "command": In(command_layout(config)),
                "busy": Out(1),
                "count": In(1),
                "due": Out(1),
                "finish": In(1),
                "flipping": Out(1),
                "read": Out(read_layout(config.sequencer)),
                "negative": Out(1),
                "fresh": Out(1),
                "row_choppers": Out(config.macro.rows),
                "column_choppers": Out(config.macro.columns),
                "trains_load": Out(1),
                "trains_word": Out(width),
                "trains_state": In(width),
                "i": In(stream.Signature(signed(word_width(config)))),
                "o_state": Out(stream.Signature(word_width(config))),
            }
        )
        self._word = Signal(COUNT)

    def elaborate(self, platform):
        m = Module()
        m.submodules.sequencer, m.submodules.choppers = self._sequencer, self._choppers
        self._reads(m)
        self._give(m)
        command, writing = self.command, Signal()
        self._take(m, writing & self.i.valid)
        is_lines = command.bank == Bank.LINES
        step = (writing & self.i.valid) | (self.o_state.valid & self.o_state.ready)
        last = walk(m, step, [(self._word, Mux(is_lines, command.rows, len(REGISTERS)))])
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"), m.If(self.start):
                with m.If(accesses(command, Op.STATE_WRITE, Bank.LINES, Bank.REGISTERS)):
                    m.next = "WRITE"
                with m.If(accesses(command, Op.STATE_READ, Bank.LINES, Bank.REGISTERS)):
                    m.next = "READ"
            with m.State("WRITE"):
                m.d.comb += [writing.eq(1), self.i.ready.eq(1)]
                with m.If(step & last):
                    m.next = "IDLE"
            with m.State("READ"):
                m.d.comb += self.o_state.valid.eq(1)
                with m.If(step & last):
                    m.next = "IDLE"
        return m

    def _reads(self, m):
        """Connect sequencer and choppers to each other and to the update."""
        sequencer, choppers, command = self._sequencer, self._choppers, self.command
        m.d.comb += [
            sequencer.rows.eq(command.rows),
            sequencer.transfer_every.eq(command.transfer_every),
            sequencer.update.eq(self.count),
            sequencer.o.ready.eq(1),
            sequencer.done.eq(self.finish),
            self.due.eq(~sequencer.ready),
            self.read.eq(sequencer.o.payload),
            choppers.columns.eq(command.columns),
            choppers.read.eq(sequencer.o.payload),
            choppers.finish.eq(self.finish),
            self.flipping.eq(choppers.busy),
        ]
        for name in ("negative", "fresh", "row_choppers", "column_choppers"):
            m.d.comb += getattr(self, name).eq(getattr(choppers, name))

    def _take(self, m, taken):
        """Load one word."""
        sequencer, choppers, word = self._sequencer, self._choppers, self.i.payload
        row, vectors, passes, settled, lfsr, trains = (
            taken & (self.command.bank == Bank.REGISTERS) & (self._word == n)
            for n in range(len(REGISTERS))
        )
        kept = Signal.like(sequencer.load_state)  # what goes in with the last of the four words
        for name, here in (("row", row), ("vectors", vectors), ("passes", passes)):
            with m.If(here):
                m.d.sync += kept[name].eq(word)
        m.d.comb += [
            sequencer.load_state.eq(kept),
            sequencer.load_state.settled.eq(word[0]),
            sequencer.load.eq(settled),
            choppers.load.eq(taken & (self.command.bank == Bank.LINES)),
            choppers.line.eq(self._word),
            choppers.load_line.eq(word),
            choppers.load_lfsr.eq(lfsr),
            choppers.lfsr_state.eq(word),
            self.trains_load.eq(trains),
            self.trains_word.eq(word),
        ]

    def _give(self, m):
        """Show one word."""
        choppers, state, word = self._choppers, self._sequencer.state, self._word
        line = data.View(LINE, Signal(LINE.size))
        m.d.comb += [
            line.row.eq(choppers.row_choppers.bit_select(word, 1)),
            line.flipped.eq(choppers.flipped.bit_select(word, 1)),
            line.column.eq(choppers.column_choppers.bit_select(word, 1)),
        ]
        words = (state.row, state.vectors, state.passes, state.settled)
        with m.If(self.command.bank == Bank.LINES):
            m.d.comb += self.o_state.payload.eq(line)
        with m.Else(), m.Switch(word):
            for n, value in enumerate((*words, choppers.lfsr, self.trains_state)):
                with m.Case(n):
                    m.d.comb += self.o_state.payload.eq(value)
