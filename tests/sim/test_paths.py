"""Designs that answer within a cycle are told from those that do not, and both run right."""

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.floats import FloatMulConfig
from rtl_gen.units.float_mul import FloatMul
from sim.kernel import Kernel, batch
from sim.kernel.paths import answers_at_once
from tests.sim.designs import Add, Total

pytestmark = pytest.mark.cosim


class Choosy(wiring.Component):
    """Counts beats; takes one only in a cycle whose number agrees with it in the lowest bit.

    With ``through`` the count leaves with the beat, otherwise a cycle later.
    """

    def __init__(self, through):
        self.through = through
        beat = data.StructLayout({"value": 8})
        super().__init__({"i": In(stream.Signature(beat)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        cycle, count = Signal(8), Signal(8)
        take = self.i.valid & (self.i.payload.value[0] == cycle[0])
        m.d.sync += cycle.eq(cycle + 1)
        m.d.comb += self.i.ready.eq(self.i.payload.value[0] == cycle[0])
        m.d.sync += count.eq(count + take)
        domain = m.d.comb if self.through else m.d.sync
        domain += [self.o.valid.eq(take), self.o.payload.eq(count + self.i.payload.value)]
        return m


DESIGNS = {
    "add": (Add, False),
    "total": (Total, False),
    "mul, no register": (lambda: FloatMul(FloatMulConfig(depth=0)), True),
    "mul, one stage": (lambda: FloatMul(FloatMulConfig(depth=1)), False),
    "ready from payload": (lambda: Choosy(through=False), True),
    "output from payload": (lambda: Choosy(through=True), True),
}


@pytest.mark.parametrize("name", DESIGNS)
def test_paths_are_found(name):
    make, wanted = DESIGNS[name]
    assert answers_at_once(make()) is wanted


def outcome(kernel, values):
    try:
        return kernel(value=values)["payload"].tolist()
    except RuntimeError as error:
        return str(error)


@pytest.mark.parametrize("through", [False, True])
def test_a_design_that_answers_at_once_runs_right(through, monkeypatch):
    values = np.random.default_rng(1).integers(0, 256, 500)
    wanted = (values + np.arange(500)) % 256
    kernel = Kernel(Choosy(through), f"choosy_{through}".lower())
    assert np.array_equal(kernel(value=values)["payload"], wanted)
    # which matters: with one evaluation a cycle the answer is that of the cycle before
    monkeypatch.setattr(batch, "answers_at_once", lambda component: False)
    wrong = Kernel(Choosy(through), f"choosy_{through}".lower())
    wrong.PATIENCE = 100
    assert outcome(wrong, values) != wanted.tolist()
