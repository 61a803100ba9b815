import pytest
from amaranth import Assert, Assume, Cat, Elaboratable, Module, Mux, ResetSignal, Signal
from amaranth.asserts import AnySeq

from models.config.chopped_units import PulseTrainConfig
from models.config.units import LfsrConfig
from rtl_gen.units.pulse_trains import Kind, PulseTrains
from sim.formal import prove, prove_stream

pytestmark = pytest.mark.formal
CONFIG = PulseTrainConfig(rows=2, columns=1, random_bits=4, lfsr=LfsrConfig(width=16, word_bits=1))


def test_waiting_output_holds(tmp_path):
    prove_stream(PulseTrains(CONFIG), tmp_path, depth=2)


class Slots(Elaboratable):
    """Follow each vector pair in and count its slots out, whatever the values and the stalls.

    The pair that is inside has ``owed`` slots left; nothing goes in until they are over, and no
    pulse comes out while lines are loaded. The register moves by one word per slot.
    """

    def __init__(self, dut):
        self.dut = dut

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = self.dut
        i, width = dut.i.payload, len(dut.i.payload.as_value())
        m.d.comb += [
            Assume(~ResetSignal()),
            i.as_value().eq(AnySeq(width)),
            dut.i.valid.eq(AnySeq(1)),
            dut.o.ready.eq(AnySeq(1)),
            dut.row_chop.eq(AnySeq(CONFIG.rows)),
            dut.column_chop.eq(AnySeq(CONFIG.columns)),
        ]
        owed, is_inside, waited = Signal(7), Signal(), Signal(range(dut.LATENCY + 1))
        is_line, moved = i.kind != Kind.STATE, dut.o.valid & dut.o.ready
        is_over = is_inside & Mux(owed == 0, waited == dut.LATENCY - 1, moved & (owed == 1))
        m.d.sync += [owed.eq(owed - moved), is_inside.eq(is_inside & ~is_over)]
        with m.If(waited != dut.LATENCY):
            m.d.sync += waited.eq(waited + 1)
        with m.If(dut.i.valid & dut.i.ready & i.last & is_line):
            m.d.sync += [owed.eq(i.slots), is_inside.eq(1), waited.eq(1)]
        is_due = is_inside & (waited == dut.LATENCY)
        m.d.comb += [
            Assert(dut.i.ready == ~is_inside, "lines are taken exactly when no pair is inside"),
            Assert(dut.o.valid == is_due, "slots exactly from LATENCY cycles after the last line"),
            Assert(~dut.o.valid | (owed != 0), "a slot too many"),
            Assert(~dut.o.valid | (dut.o.payload.last == (owed == 1)), "wrong last"),
            Assert(~dut.o.valid | (dut._slots_left == owed)),  # for the induction
        ]
        # the register runs ahead of the slots by one, and in the end by none
        ahead = is_inside & (owed != 0) & (waited == dut.LATENCY - 1) | moved & (owed != 1)
        state = Signal.like(dut.state, init=dut.seed)
        following = state[1:] ^ Mux(state[0], CONFIG.lfsr.feedback, 0)
        with m.If(ahead):
            m.d.sync += state.eq(following)
        with m.If(dut.i.valid & dut.i.ready & ~is_line):
            m.d.sync += state.eq(Cat(i.value, i.scale))
        m.d.comb += Assert(dut.state == state, "wrong state")
        return m


def test_every_pair_gives_exactly_its_slots(tmp_path):
    prove(Slots(PulseTrains(CONFIG)), tmp_path)
