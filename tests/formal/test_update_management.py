import pytest
from amaranth import Assert, Assume, Elaboratable, Module, ResetSignal, Signal
from amaranth.asserts import AnySeq

from models.config.pulsed import PulsedUpdateConfig
from rtl_gen.units.update_management import UpdateManagement
from sim.formal import prove, prove_stream

pytestmark = pytest.mark.formal
CONFIG = PulsedUpdateConfig(desired_bl=3)


def test_waiting_output_holds(tmp_path):
    prove_stream(UpdateManagement(CONFIG), tmp_path, depth=2)


class Results(Elaboratable):
    """Count what went in and has not come out: one pair inside, one result for each."""

    def __init__(self, dut):
        self.dut = dut

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = self.dut
        taken, given, owed = Signal(), Signal(), Signal(2)
        m.d.comb += [
            Assume(~ResetSignal()),
            dut.i.payload.as_value().eq(AnySeq(32)),
            dut.rate.eq(AnySeq(16)),
            dut.i.valid.eq(AnySeq(1)),
            dut.o.ready.eq(AnySeq(1)),
            taken.eq(dut.i.valid & dut.i.ready),
            given.eq(dut.o.valid & dut.o.ready),
            Assert(dut.i.ready == (owed == 0), "a pair is taken when none is inside"),
            Assert(owed <= 1),
            Assert(~dut.o.valid | (owed == 1), "a result without a pair"),
        ]
        m.d.sync += owed.eq(owed + taken - given)
        return m


def test_every_pair_gives_one_result(tmp_path):
    prove(Results(UpdateManagement(CONFIG)), tmp_path, depth=2)
