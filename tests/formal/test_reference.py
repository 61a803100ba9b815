import pytest
from amaranth import Assert, Assume, Elaboratable, Module, Mux, Signal, signed
from amaranth.asserts import AnyConst

from models.config.chopped_units import ReferenceConfig
from rtl_gen.units.reference import Reference, reference_stages
from sim.formal import prove, prove_stream

pytestmark = pytest.mark.formal


@pytest.mark.parametrize("variant", ["fixed", "bf16"])
def test_waiting_output_holds(tmp_path, variant):
    config = ReferenceConfig(variant=variant, code_width=3, fraction_bits=2)
    prove_stream(Reference(config), tmp_path)


class Datapath(Elaboratable):
    """The stages without registers, on any operands in range."""

    config = ReferenceConfig(code_width=4, fraction_bits=2)

    def elaborate(self, platform):
        m = Module()
        top = 2 ** (self.config.code_width - 1) - 1
        reach = top << self.config.fraction_bits
        z, mean, past = Signal(signed(4)), Signal(signed(6)), Signal(signed(6))
        beta, fresh = Signal(13), Signal()
        for operand in (z, mean, past, beta, fresh):
            m.d.comb += operand.eq(AnyConst(len(operand)))
        m.d.comb += Assume((z >= -top) & (beta <= 4096))
        for operand in (mean, past):
            m.d.comb += Assume((operand >= -reach) & (operand <= reach))
        fields = {"z": z, "mean": mean, "past": past, "fresh": fresh}
        for stage in reference_stages(self.config, beta):
            fields = stage(m, fields, 1)
        code, moved = z << self.config.fraction_bits, fields["mean"].as_signed()
        low, high = Mux(code < mean, code, mean), Mux(code < mean, mean, code)
        used = Mux(fresh, mean, past)
        m.d.comb += [
            Assert((low <= moved) & (moved <= high), "the mean left the range to the code"),
            Assert((beta != 0) | (moved == mean)),
            Assert((beta != 4096) | (moved == code)),
            Assert(fields["past"].as_signed() == used),
            Assert(fields["difference"].as_signed() == code - used),
        ]
        return m


def test_means_stay_between_code_and_mean(tmp_path):
    prove(Datapath(), tmp_path, depth=1)
