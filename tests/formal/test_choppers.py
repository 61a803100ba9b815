import pytest
from amaranth import Assert, Assume, Const, Elaboratable, Module, Mux, ResetSignal, Signal, Value
from amaranth.asserts import AnyConst, AnySeq

from models.config.chopped_units import SequencerConfig
from models.config.units import LfsrConfig
from rtl_gen.units.choppers import Choppers
from sim.formal import prove

pytestmark = pytest.mark.formal
LFSR = LfsrConfig(width=16, word_bits=16)
LINES = {"rows": 5, "columns": 3, "period": 3, "lfsr": LFSR}
CONFIGS = {
    "none": SequencerConfig(chopping="none", **LINES),
    "regular": SequencerConfig(**LINES),
    "random": SequencerConfig(chopping="random", in_chance=30000, out_chance=30000, **LINES),
}


class Flips(Elaboratable):
    """Any environment: lines flip only when they may, and ``flipped`` says which rows did."""

    def __init__(self, dut):
        self.dut = dut

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = self.dut
        config = dut.config
        free = (dut.load, dut.line, dut.load_line, dut.load_lfsr, dut.lfsr_state, dut.finish)
        m.d.comb += [
            Assume(~ResetSignal()),
            dut.columns.eq(AnyConst(len(dut.columns))),
            Assume((dut.columns >= 1) & (dut.columns <= config.columns)),
            Assume(dut.read.row < config.rows),
            Value.cast(dut.read).eq(AnySeq(len(Value.cast(dut.read)))),
            *(Value.cast(port).eq(AnySeq(len(Value.cast(port)))) for port in free),
        ]
        self.rows(m, config)
        self.columns(m, config)
        return m

    def rows(self, m, config):
        """A row moves at the end of its own read, as its ``flips`` said, or at a load."""
        dut = self.dut
        before, marked = Signal(config.rows), Signal(config.rows)
        finished, loaded, flips, row = Signal(), Signal(), Signal(), Signal.like(dut.read.row)
        finish = dut.finish & ~dut.busy
        m.d.sync += [before.eq(dut.row_choppers), marked.eq(dut.flipped), flips.eq(dut.flips)]
        m.d.sync += [finished.eq(finish), loaded.eq(dut.load & ~dut.busy), row.eq(dut.read.row)]
        change = dut.row_choppers ^ before
        with m.If(finished):
            m.d.comb += [
                Assert(change == Mux(flips, Const(1) << row, 0), "another row flipped"),
                Assert(((dut.flipped ^ marked) & ~(Const(1) << row)) == 0, "another row's mark"),
                Assert(dut.flipped.bit_select(row, 1) == flips, "flip without mark"),
            ]
        with m.Elif(~loaded):
            m.d.comb += Assert((change == 0) & (dut.flipped == marked), "flip without a read")
        m.d.comb += Assert(dut.fresh == dut.flipped.bit_select(dut.read.row, 1))
        m.d.comb += Assert(dut.negative == dut.row_choppers.bit_select(dut.read.row, 1))
        if config.chopping != "random":
            may = dut.read.last_pass & (config.chopping == "regular")
            m.d.comb += Assert(dut.flips == may, "flips in another pass")

    def columns(self, m, config):
        """Columns in use have one turn each after the last row; else they move at loads only."""
        dut = self.dut
        before, turn, turns = Signal(config.columns), Signal(4), Signal(4)
        loaded, running = Signal(), Signal()
        m.d.sync += [before.eq(dut.column_choppers), turn.eq(turns), running.eq(turns != 0)]
        m.d.sync += loaded.eq(dut.load & (turns == 0))
        with m.If(turns != 0):
            m.d.sync += turns.eq(turns - 1)
        with m.Elif(dut.finish & dut.read.last_row & (config.out_chance > 0)):
            m.d.sync += turns.eq(dut.columns)
        m.d.comb += [
            Assert(turns <= dut.columns),
            Assert(dut.busy == (turns != 0), "busy for one cycle per column"),
            Assert(dut._column == Mux(dut.busy, dut.columns - turns, 0), "columns out of turn"),
        ]
        change = dut.column_choppers ^ before
        with m.If(running):
            m.d.comb += Assert(turn <= dut.columns)
            m.d.comb += Assert((change & ~(Const(1) << (dut.columns - turn)[:4])) == 0, "wrong one")
        with m.Elif(~loaded):
            m.d.comb += Assert(change == 0, "column flipped")


@pytest.mark.parametrize("chopping", CONFIGS)
def test_lines_flip_only_when_they_may(chopping, tmp_path):
    prove(Flips(Choppers(CONFIGS[chopping])), tmp_path, depth=3)
