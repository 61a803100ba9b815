import pytest
from amaranth import Assert, Assume, Elaboratable, Module, Mux, ResetSignal, Signal
from amaranth.asserts import AnySeq

from models.config.macro import MacroConfig
from models.config.tile import SCHEMES
from rtl_gen.array.pulse_sequencer import PulseSequencer
from sim.formal import prove, prove_stream

CONFIG = MacroConfig(rows=4, columns=4, adc_count=2, count_width=2)


@pytest.mark.formal
@pytest.mark.parametrize("scheme", SCHEMES)
def test_waiting_output_holds(tmp_path, scheme):
    prove_stream(PulseSequencer(CONFIG, scheme), tmp_path)


class Transfers(Elaboratable):
    """Follow each command in and count its transfers out: none lost, none twice."""

    def __init__(self, dut):
        self.dut = dut

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = self.dut
        i, o = dut.i.p, dut.o.p
        m.d.comb += [
            Assume(~ResetSignal()),
            i.as_value().eq(AnySeq(len(i.as_value()))),
            dut.i.valid.eq(AnySeq(1)),
            dut.o.ready.eq(AnySeq(1)),
            Assume(i.count != -(2**CONFIG.count_width)),
        ]
        each = 2 if dut.scheme == "push_pull" else 1
        owed, row, pair, count = Signal(2), Signal(2), Signal(1), Signal.like(i.count)
        with m.If(dut.o.valid & dut.o.ready):
            m.d.sync += owed.eq(owed - 1)
        with m.If(dut.i.valid & dut.i.ready):
            m.d.comb += Assert((owed == 0) | ((owed == 1) & dut.o.ready), "command overwritten")
            m.d.sync += [row.eq(i.row), pair.eq(i.pair), count.eq(i.count)]
            m.d.sync += owed.eq(Mux(i.count == 0, 0, each))

        is_minus = owed == each - 1 if each == 2 else 0
        m.d.comb += Assert(owed <= each)
        m.d.comb += Assert(o.column[0] == is_minus, "wrong column")  # 0 also while nothing is owed
        m.d.comb += Assert(dut.o.valid == (owed != 0), "a transfer exactly while one is owed")
        with m.If(owed != 0):
            m.d.comb += [
                Assert(count != -(2**CONFIG.count_width)),
                Assert(count != 0),
                Assert(o.row == row),
                Assert(o.column == 2 * pair + is_minus, "wrong column"),
                Assert(o.polarity == Mux(is_minus, count < 0, count > 0), "wrong polarity"),
                Assert(o.count == Mux(count < 0, -count, count), "wrong count"),
            ]
        return m


@pytest.mark.formal
@pytest.mark.parametrize("scheme", SCHEMES)
def test_every_command_gives_exactly_its_transfers(tmp_path, scheme):
    prove(Transfers(PulseSequencer(CONFIG, scheme)), tmp_path, depth=4)
