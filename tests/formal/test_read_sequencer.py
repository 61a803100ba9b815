import pytest
from amaranth import Assert, Assume, Const, Elaboratable, Module, Mux, ResetSignal, Signal, Value
from amaranth.asserts import AnyConst, AnySeq

from models.config.chopped_units import SequencerConfig
from rtl_gen.units.read_sequencer import ReadSequencer
from sim.formal import prove, prove_stream

pytestmark = pytest.mark.formal
CONFIG = SequencerConfig(rows=5, columns=2, period=3, waits=True)


def test_waiting_output_holds(tmp_path):
    free = ("update", "done", "load", "load_state")
    prove_stream(ReadSequencer(CONFIG), tmp_path, free=free)


class Reads(Elaboratable):
    """Any environment: every due read is served exactly once, one at a time, of the right row."""

    def __init__(self, dut):
        self.dut = dut

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = self.dut
        m.d.comb += [
            Assume(~ResetSignal()),
            dut.rows.eq(AnyConst(len(dut.rows))),
            dut.transfer_every.eq(AnyConst(16)),
            Assume((dut.rows >= 1) & (dut.rows <= CONFIG.rows) & (dut.transfer_every >= 1)),
            Value.cast(dut.load_state).eq(AnySeq(len(Value.cast(dut.load_state)))),
            Assume(self.is_sound(dut.load_state)),
            *(port.eq(AnySeq(1)) for port in (dut.update, dut.done, dut.load, dut.o.ready)),
        ]
        owed, flying, row, left = Signal(), Signal(), Signal(range(CONFIG.rows)), Signal(16)
        passes, settled, known = Signal(range(CONFIG.period)), Signal(), Signal()
        taken, over = dut.o.valid & dut.o.ready, flying & dut.done
        self.follow(m, owed, flying, left, known, taken, over)
        with m.If(over):  # rows in turn; the last one ends a pass, and passes end periods
            last = row == dut.rows - 1
            m.d.sync += row.eq(Mux(last, 0, row + 1))
            with m.If(last):
                m.d.sync += passes.eq(Mux(passes == CONFIG.period - 1, 0, passes + 1))
                m.d.sync += settled.eq(settled | (passes == CONFIG.period - 1))
        with m.If(dut.ready & dut.load):
            given = dut.load_state
            m.d.sync += [row.eq(given.row), passes.eq(given.passes), settled.eq(given.settled)]

        m.d.comb += [
            Assert(~(owed & flying), "two reads at a time"),
            Assert(dut.o.valid == owed, "a read is asked for exactly while one is owed"),
            Assert(dut.ready == ~(owed | flying), "ready exactly while no read is open"),
            Assert(self.is_sound(dut.state), "row, updates or passes out of range"),
            Assert(~known | (left + dut.state.vectors == dut.transfer_every), "wrong count"),
            Assert(dut.o.p.row == row, "wrong row"),
            Assert(dut.o.p.last_row == (row == dut.rows - 1), "wrong end of pass"),
            Assert(dut.o.p.last_pass == (passes == CONFIG.period - 1), "wrong end of period"),
            Assert(dut.o.p.enable == settled, "pulses before the first period ends"),
            Assert(dut.select == Mux(owed | flying, Const(1) << row, 0), "wrong row is driven"),
            Assert((dut.state.passes == passes) & (dut.state.settled == settled)),
        ]
        return m

    def is_sound(self, state):
        """Row in use, fewer updates than a read takes, passes of one period."""
        updates = state.vectors < self.dut.transfer_every
        return (state.row < self.dut.rows) & updates & (state.passes < CONFIG.period)

    def follow(self, m, owed, flying, left, known, taken, over):
        """Count updates down to the next read, from a reset or a load on."""
        dut = self.dut
        with m.If(dut.ready & dut.load):
            m.d.sync += [left.eq(dut.transfer_every - dut.load_state.vectors), known.eq(1)]
        with m.Elif(dut.ready & dut.update):
            now = Mux(known, left, dut.transfer_every)
            m.d.sync += [owed.eq(now == 1), known.eq(1)]
            m.d.sync += left.eq(Mux(now == 1, dut.transfer_every, now - 1))
        m.d.comb += Assert(known | (dut.state.vectors == 0))
        with m.If(taken):
            m.d.sync += [owed.eq(0), flying.eq(1)]
        with m.If(over):
            m.d.sync += flying.eq(0)


def test_every_due_read_is_served_once_in_order(tmp_path):
    prove(Reads(ReadSequencer(CONFIG)), tmp_path, depth=3)
