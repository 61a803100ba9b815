import pytest
from amaranth.hdl import Assert as Demand
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from sim.formal import prove, prove_stream
from tests.sim.designs import Add, Counter, Lanes, Total

pytestmark = pytest.mark.formal


@pytest.mark.parametrize("component", [Add(), Total(), Lanes(3, 5), Counter()])
def test_stream_rules_hold(tmp_path, component):
    prove_stream(component, tmp_path, depth=4)


@pytest.mark.parametrize(
    ("fault", "message"), [("payload", "o.payload moved"), ("valid", "o.valid dropped")]
)
def test_broken_rule_is_named(tmp_path, fault, message):
    with pytest.raises(AssertionError, match=message):
        prove_stream(Add(fault=fault), tmp_path)


class Limited(wiring.Component):
    """Counts to ``limit`` when told to; asserts that it stays below 6."""

    def __init__(self, limit):
        self.limit = limit
        super().__init__({"go": In(1)})

    def elaborate(self, platform):
        m = Module()
        count = Signal(4)
        with m.If(self.go & (count < self.limit)):
            m.d.sync += count.eq(count + 1)
        m.d.comb += Demand(count < 6, "too far")
        return m


def test_assertions_of_a_design_are_proved(tmp_path):
    prove(Limited(5), tmp_path, depth=2)


def test_reachable_fault_is_found(tmp_path):
    with pytest.raises(AssertionError, match="too far"):
        prove(Limited(6), tmp_path, depth=10)
