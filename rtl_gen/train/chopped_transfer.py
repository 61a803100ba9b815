"""Accumulators of all crosspoints, and the transfer of one row that was read."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from models.config.chopped_macro import index_width
from models.config.chopped_tile import ChoppedTileConfig
from rtl_gen.train.chopped_command import Bank, Op, accesses, command_layout, word_width
from rtl_gen.train.command import walk
from rtl_gen.units.transfer import ReadTransfer

BANKS = {"h": Bank.H, "mean": Bank.MEAN, "past": Bank.PAST}


class RowTransfer(wiring.Component):
    """Accumulate the codes of a row; give a program transfer for every pulse.

    One column per cycle through :class:`rtl_gen.units.transfer.ReadTransfer`, whose state is kept
    here for every crosspoint. Serves STATE_WRITE and STATE_READ of the banks H, MEAN and PAST (the
    last two with ``config.follows`` only): ``command.rows`` rows from ``command.row`` on. A
    waiting ``o_program`` holds ``i_codes``.

    Parameters
    ----------
    config : ChoppedTileConfig
        The tile.
    codes : Signature
        Of ``i_codes``.

    Members
    -------
    start : ``In(1)``
        One cycle: serve ``command``, if it is for these banks.
    command : ``In(command_layout(config))``
        Stable while busy and while codes are inside.
    busy : ``Out(1)``
        A command is being served.
    row, negative, fresh, enable : ``In``
        Of the row whose codes come; stable until ``done``.
    column_choppers : ``In(columns)``
        Of all columns; stable until ``done``.
    i_codes : ``In(stream)``
        As ``o`` of :class:`rtl_gen.train.chopped_codes.CodeLanes`.
    done : ``Out(1)``
        In the cycle in which the last column is stored and its pulse, if any, is taken.
    i : ``In(stream.Signature(signed(word_width(config))))``
        Words of STATE_WRITE; ready only when one is due.
    o_state : ``Out(stream.Signature(word_width(config)))``
        Words of STATE_READ, row by row.
    o_program : ``Out(stream.Signature(...))``
        Fields of ``config.macro.program_fields()``.
    """

    start: Signal
    command: data.View
    busy: Signal
    row: Signal
    negative: Signal
    fresh: Signal
    enable: Signal
    column_choppers: Signal
    i_codes: stream.Interface
    done: Signal
    i: stream.Interface
    o_state: stream.Interface
    o_program: stream.Interface

    def __init__(self, config: ChoppedTileConfig, codes: stream.Signature):
        self.config, macro = config, config.macro
        self._unit = ReadTransfer(config.transfer, follows=config.follows)
        super().__init__(
            {
                "start": In(1),
                "command": In(command_layout(config)),
                "busy": Out(1),
                "row": In(index_width(macro.rows)),
                "negative": In(1),
                "fresh": In(1),
                "enable": In(1),
                "column_choppers": In(macro.columns),
                "i_codes": In(codes),
                "done": Out(1),
                "i": In(stream.Signature(signed(word_width(config)))),
                "o_state": Out(stream.Signature(word_width(config))),
                "o_program": Out(stream.Signature(data.StructLayout(dict(macro.program_fields())))),
            }
        )
        self._columns = index_width(macro.columns)  # addresses are concatenations
        self._memories = {name: self._memory(name) for name in BANKS if self._has(name)}
        self._row = Signal(index_width(macro.rows))  # of the next word of a command
        self._column = Signal(self._columns)
        self._reading, self._writing = Signal(), Signal()  # commands
        self._issuing = Signal()  # of a STATE_READ: words are left to read
        self._full = Signal()  # the read ports hold what is asked for

    def _has(self, name: str) -> bool:
        return name == "h" or self.config.follows

    def _memory(self, name: str) -> Memory:
        unit = self.config.transfer
        width = unit.width if name == "h" else unit.reference.mean_width
        return Memory(shape=width, depth=self.config.macro.rows << self._columns, init=[])

    @property
    def latencies(self) -> dict[str, int]:
        """Latencies of the units inside, in cycles."""
        return {"read_transfer": self._unit.LATENCY}

    def elaborate(self, platform):
        m = Module()
        m.submodules.unit, command = self._unit, self.command
        for name, memory in self._memories.items():
            m.submodules[name] = memory
        take = self._read_side(m)
        self._write_side(m)
        self._control(m)
        banks = [BANKS[name] for name in self._memories]
        step = (self._writing & self.i.valid) | (self._issuing & take)
        last = walk(m, step, [(self._column, command.columns), (self._row, command.rows)])
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"), m.If(self.start):
                with m.If(accesses(command, Op.STATE_WRITE, *banks)):
                    m.next = "WRITE"
                with m.If(accesses(command, Op.STATE_READ, *banks)):
                    m.d.sync += self._issuing.eq(1)
                    m.next = "READ"
            with m.State("WRITE"):
                m.d.comb += [self._writing.eq(1), self.i.ready.eq(1)]
                with m.If(step & last):
                    m.next = "IDLE"
            with m.State("READ"):
                m.d.comb += self._reading.eq(1)
                with m.If(step & last):
                    m.d.sync += self._issuing.eq(0)
                with m.If(self._full & take & ~self._issuing):
                    m.next = "IDLE"
        return m

    def _address(self, is_command, column):
        """Address of a command's next word, or of a column of the row that was read."""
        row = Mux(is_command, self._row + self.command.row, self.row)[: len(self._row)]
        return Cat(Mux(is_command, self._column, column)[: len(self._column)], row)

    def _read_side(self, m):
        """State of the next column with its code, or the next word; returns 1 when it is read."""
        unit, codes, take = self._unit.i, self.i_codes, Signal()
        code, line = Signal.like(codes.payload.code), Signal.like(codes.payload.line)
        for name, memory in self._memories.items():
            port = memory.read_port()
            m.d.comb += [
                port.addr.eq(self._address(self._reading, codes.payload.line)),
                port.en.eq(take),
                unit.payload[name].eq(port.data),
            ]
            with m.If(self.command.bank == BANKS[name]):
                m.d.comb += self.o_state.payload.eq(port.data)
        m.d.comb += [
            take.eq(~self._full | Mux(self._reading, self.o_state.ready, unit.ready)),
            codes.ready.eq(take & ~self._reading),
            self.o_state.valid.eq(self._full & self._reading),
            unit.valid.eq(self._full & ~self._reading),
            unit.payload.z.eq(code),
            unit.payload.negative.eq(
                self.negative ^ self.column_choppers.bit_select(line[: len(self._column)], 1)
            ),
            unit.payload.enable.eq(self.enable),
        ]
        if self.config.follows:
            m.d.comb += unit.payload.fresh.eq(self.fresh)
        with m.If(take):
            m.d.sync += self._full.eq(Mux(self._reading, self._issuing, codes.valid))
            m.d.sync += [code.eq(codes.payload.code), line.eq(codes.payload.line)]
        return take

    def _write_side(self, m):
        """Store a command's word, or the state of the next column, and send its pulse."""
        unit, program, writing = self._unit.o, self.o_program, self._writing
        column, stored = Signal.like(self._column, name="column_out"), Signal()
        pulses = unit.payload.count != 0
        for name, memory in self._memories.items():
            port = memory.write_port()
            m.d.comb += [
                port.addr.eq(self._address(writing, column)),
                port.data.eq(Mux(writing, self.i.payload, unit.payload[name])),
                port.en.eq(Mux(writing, self.i.valid & (self.command.bank == BANKS[name]), stored)),
            ]
        m.d.comb += [
            program.valid.eq(unit.valid & pulses),
            program.payload.row.eq(self.row),
            program.payload.column.eq(column),
            program.payload.polarity.eq(unit.payload.count > 0),
            program.payload.count.eq(1),
            unit.ready.eq(program.ready | ~pulses),
            stored.eq(unit.valid & unit.ready),
            self.done.eq(stored & (column + 1 == self.command.columns)),
        ]
        with m.If(stored):
            m.d.sync += column.eq(Mux(self.done, 0, column + 1))

    def _control(self, m):
        """Connect the static inputs of the unit."""
        control, command = self._unit.control, self.command
        m.d.comb += [
            control.threshold.eq(command.threshold),
            control.step.eq(command.step),
            control.momentum.eq(command.momentum),
            control.scale.eq(command.transfer_scale),
            control.beta.eq(command.beta),
        ]
