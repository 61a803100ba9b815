import pytest
from amaranth import Assert, Assume, Elaboratable, Module, Mux, Signal, Value
from amaranth.asserts import AnyConst

from models.config.chopped_units import ReferenceConfig, TransferConfig
from rtl_gen.units.reference import difference_shape
from rtl_gen.units.transfer import (
    ReadTransfer,
    Transfer,
    control_layout,
    state_shape,
    transfer_stages,
)
from sim.formal import prove, prove_stream

pytestmark = pytest.mark.formal
TINY = ReferenceConfig(code_width=3, fraction_bits=2)
FLOATS = ReferenceConfig(variant="bf16", code_width=3)


@pytest.mark.parametrize("reference", [TINY, FLOATS], ids=["fixed", "bf16"])
def test_waiting_output_holds(tmp_path, reference):
    config = TransferConfig(reference=reference, state_width=17)
    prove_stream(Transfer(config), tmp_path)


def test_waiting_output_of_the_whole_path_holds(tmp_path):
    config = TransferConfig(reference=TINY, state_width=17)
    prove_stream(ReadTransfer(config, follows=True), tmp_path)


class Datapath(Elaboratable):
    """The stages without registers, on any operands in range, with and without ``enable``."""

    def __init__(self, config):
        self.config = config

    def elaborate(self, platform):
        m = Module()
        config, limit = self.config, 2 ** (self.config.state_width - 1) - 1
        control = Signal(control_layout(config))
        h, negative = Signal(state_shape(config)), Signal()
        difference = Signal(difference_shape(config.reference))
        for operand in (Value.cast(control), h, difference, negative):
            m.d.comb += operand.eq(AnyConst(len(operand)))
        if config.variant == "fixed":
            m.d.comb += Assume((h != -limit - 1) & (control.threshold >= 1) & (control.step >= 1))
        found = []
        for enable in (0, 1):
            fields = {"difference": difference, "h": h, "negative": negative}
            fields["enable"] = Signal(init=enable)
            for stage in transfer_stages(config, control):
                fields = stage(m, fields, 1)
            found.append(fields)
        without, with_pulse = found
        count = with_pulse["count"].as_signed()
        m.d.comb += [
            Assert(without["count"] == 0, "a pulse while not enabled"),
            Assert(without["h"] == with_pulse["h"], "H depends on enable"),
            Assert(count != -2),
        ]
        if config.variant == "fixed":
            self.check_fixed(m, h, Mux(negative, -difference, difference), control, with_pulse)
        return m

    def check_fixed(self, m, h, change, control, result):
        """H and pulse are those of the definition; H stays in range."""
        limit = 2 ** (self.config.state_width - 1) - 1
        total = h + change
        summed = Mux(total > limit, limit, Mux(total < -limit, -limit, total))
        up, down = summed >= control.threshold, summed <= -control.threshold
        after, count = result["h"].as_signed(), result["count"].as_signed()
        m.d.comb += [
            Assert(count == Mux(up, 1, Mux(down, -1, 0)), "wrong pulse"),
            Assert((after >= -limit) & (after <= limit), "H out of range"),
            Assert(up | down | (after == summed), "H moved without a pulse"),
        ]
        if not self.config.forget:
            less = summed - Mux(up, control.step, -control.step)
            m.d.comb += Assert(~(up | down) | (after == less), "wrong remainder")


@pytest.mark.parametrize("forget", [True, False])
@pytest.mark.parametrize("reference", [TINY, FLOATS], ids=["fixed", "bf16"])
def test_no_pulse_without_enable_and_the_same_h(reference, forget, tmp_path):
    config = TransferConfig(reference=reference, state_width=17, forget=forget)
    prove(Datapath(config), tmp_path, depth=1)
