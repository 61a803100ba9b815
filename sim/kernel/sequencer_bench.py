"""Read sequencer and choppers with a stream of commands and one of reads instead of an array."""

# What pyright infers from the sources of Amaranth, which have no annotations, is wrong.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportGeneralTypeIssues=false
# pyright: reportOperatorIssue=false

from amaranth import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.chopped_units import SequencerConfig
from rtl_gen.units.choppers import Choppers
from rtl_gen.units.read_sequencer import ReadSequencer

LINE, STATE, UPDATE, DUMP = range(4)  # what a command does


class SequencerBench(wiring.Component):
    """Run :class:`ReadSequencer` and :class:`Choppers` through reads that end at once.

    Parameters
    ----------
    config : SequencerConfig
        As in the units.

    Members
    -------
    rows, columns, transfer_every : ``In``
        Static inputs of the units.
    i : stream
        ``kind``: 0 loads the bits of ``line`` (row chopper, flipped, column chopper), 1 ``row``,
        ``vectors``, ``passes``, ``settled`` and ``lfsr``, 2 is a vector update, 3 asks for the
        state and the bits of ``line``.
    o : stream
        One beat per read, with ``vector`` (updates before the one that made it due), the marks of
        the row and ``signs`` (one bit per column); and one per command 3.
    """

    rows: Signal
    columns: Signal
    transfer_every: Signal
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: SequencerConfig):
        self.config = config
        state = {"row": range(config.rows), "vectors": 16, "passes": range(config.period)}
        state |= {"settled": 1, "lfsr": config.lfsr.width}
        line = range(max(config.rows, config.columns))
        bits = {"row_chopper": 1, "flipped": 1, "column_chopper": 1}
        marks = {"vector": 32, "negative": 1, "fresh": 1, "enable": 1, "flips": 1}
        command = data.StructLayout({"kind": 2, "line": line} | bits | state)
        read = data.StructLayout(marks | {"signs": config.columns} | bits | state)
        super().__init__(
            {
                "rows": In(range(config.rows + 1)),
                "columns": In(range(config.columns + 1)),
                "transfer_every": In(16),
                "i": In(stream.Signature(command)),
                "o": Out(stream.Signature(read)),
            }
        )

    def elaborate(self, platform):
        """Connect the units: a command only while they are idle, the end of a read at once."""
        m = Module()
        m.submodules.order = order = ReadSequencer(self.config)
        m.submodules.choppers = choppers = Choppers(self.config)
        given, out = self.i.payload, self.o.payload
        idle, is_dump = Signal(), Signal()
        flying, vector = Signal(), Signal(32)
        taken = self.i.valid & self.i.ready
        m.d.comb += [
            idle.eq(order.ready & ~choppers.busy),
            is_dump.eq(idle & self.i.valid & (given.kind == DUMP)),
            self.i.ready.eq(idle & (~is_dump | self.o.ready)),
            self.o.valid.eq(order.o.valid | is_dump),
            order.o.ready.eq(self.o.ready),
            flying.eq(~order.ready & ~order.o.valid),
            order.done.eq(flying),
            choppers.finish.eq(flying),
        ]
        with m.If(taken):
            m.d.comb += [
                choppers.load.eq(given.kind == LINE),
                order.load.eq(given.kind == STATE),
                choppers.load_lfsr.eq(given.kind == STATE),
                order.update.eq(given.kind == UPDATE),
            ]
            m.d.sync += vector.eq(vector + (given.kind == UPDATE))
            with m.If(given.kind == STATE):
                m.d.sync += vector.eq(0)
        self._wire(m, order, choppers, given)
        self._show(m, order, choppers, given.line)
        m.d.comb += out.vector.eq(vector - 1)
        return m

    def _wire(self, m, order, choppers, given):
        """Connect static inputs and what is loaded."""
        load = choppers.load_line
        m.d.comb += [
            order.rows.eq(self.rows),
            order.transfer_every.eq(self.transfer_every),
            choppers.columns.eq(self.columns),
            choppers.read.eq(order.o.payload),
            choppers.line.eq(given.line),
            load.row.eq(given.row_chopper),
            load.flipped.eq(given.flipped),
            load.column.eq(given.column_chopper),
            choppers.lfsr_state.eq(given.lfsr),
        ]
        for name in ("row", "vectors", "passes", "settled"):
            m.d.comb += order.load_state[name].eq(given[name])

    def _show(self, m, order, choppers, line):
        """Connect what leaves, but for ``vector``."""
        out = self.o.payload
        m.d.comb += [
            out.negative.eq(choppers.negative),
            out.fresh.eq(choppers.fresh),
            out.enable.eq(order.o.payload.enable),
            out.flips.eq(choppers.flips),
            out.signs.eq(choppers.column_choppers),
            out.row_chopper.eq(choppers.row_choppers.bit_select(line, 1)),
            out.flipped.eq(choppers.flipped.bit_select(line, 1)),
            out.column_chopper.eq(choppers.column_choppers.bit_select(line, 1)),
            out.lfsr.eq(choppers.lfsr),
        ]
        for name in ("row", "vectors", "passes", "settled"):
            m.d.comb += out[name].eq(order.state[name])
