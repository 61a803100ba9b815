import pytest
from amaranth import Assert, Assume, Elaboratable, Module, Mux, ResetSignal, Signal
from amaranth.asserts import AnyConst, AnySeq

from rtl_gen.array.sar import SarAdc
from sim.formal import prove, prove_stream

BITS = 4


@pytest.mark.formal
def test_waiting_output_holds(tmp_path):
    prove_stream(SarAdc(2, 3, 2), tmp_path, free=["comparator"])


class Conversions(Elaboratable):
    """Two converters with constant inputs behind the mux, any traffic.

    ``step`` follows the conversion: 0 between conversions, n in the cycle of decision n,
    ``BITS + 1`` once every decision is made. That the trials before decision n carry the held
    input's top n - 1 bits makes the proof inductive.
    """

    def __init__(self, dut):
        self.dut = dut

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = dut = self.dut
        held = [[Signal(BITS, name=f"held_{group}_{lane}") for lane in (0, 1)] for group in (0, 1)]
        m.d.comb += [value.eq(AnyConst(BITS)) for lanes in held for value in lanes]
        m.d.comb += [
            Assume(~ResetSignal()),
            dut.i.payload.eq(AnySeq(1)),
            dut.i.valid.eq(AnySeq(1)),
            dut.o.ready.eq(AnySeq(1)),
        ]
        step, group = Signal(range(BITS + 2)), Signal()
        with m.If((step == 0) & dut.i.valid & dut.i.ready):
            m.d.sync += [step.eq(1), group.eq(dut.i.p.group)]
        with m.Elif((step > 0) & (step <= BITS)):
            m.d.sync += step.eq(step + 1)
        with m.Elif((step > BITS) & dut.o.valid & dut.o.ready):
            m.d.sync += step.eq(0)

        is_done = step == BITS + 1
        m.d.comb += [
            Assert(dut.i.ready == (step == 0), "taken only between conversions"),
            Assert(dut.o.valid == is_done, "no code before the last decision, one after it"),
        ]
        for lane in (0, 1):
            value = Mux(dut.mux, held[1][lane], held[0][lane])
            trial = dut.trial.word_select(lane, BITS)
            m.d.comb += dut.comparator[lane].eq(value >= trial)
            with m.If(step != 0):
                m.d.comb += Assert(dut.mux == group, "mux moved")
            with m.If(is_done):
                code = dut.o.p.codes.word_select(lane, BITS)
                m.d.comb += Assert(code == value, "wrong code")
                m.d.comb += Assert(dut.o.p.group == group, "wrong group")
            for n in range(1, BITS + 1):
                place = BITS - n
                expected = (value >> place | 1) << place  # decided bits, then the bit under test
                with m.If(step == n):
                    m.d.comb += Assert(trial == expected, f"trial {n}")
        return m


@pytest.mark.formal
def test_codes_leave_after_the_last_decision_and_equal_the_input(tmp_path):
    prove(Conversions(SarAdc(2, BITS, 2)), tmp_path, depth=BITS + 4)
