"""BF16 adder."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.formats import SIGNIFICAND, Operand, round_pack, shift_right_sticky, unrounded
from rtl_gen.streams import Stage, pipeline

_EXTRA = 3  # guard, round and sticky bit below the larger operand
_SUM = unrounded(1 + SIGNIFICAND + _EXTRA)


def add_stages(a: str, b: str, out: str) -> list[Stage]:
    """Two stages that replace the BF16 fields ``a`` and ``b`` by their sum ``out``."""

    def add(m, fields, take):
        rest = {name: value for name, value in fields.items() if name not in (a, b)}
        swap = fields[a][:-1] < fields[b][:-1]
        large = Signal(16, name=f"{out}_large")
        small = Signal(16, name=f"{out}_small")
        m.d.comb += large.eq(Mux(swap, fields[b], fields[a]))
        m.d.comb += small.eq(Mux(swap, fields[a], fields[b]))
        return rest | {out: _sum(m, Operand(large), Operand(small), f"{out}_sum")}

    def finish(m, fields, take):
        return fields | {out: round_pack(m, data.View(_SUM, fields[out]))}

    return [add, finish]


def _sum(m, large: Operand, small: Operand, name: str):
    """`unrounded` sum of operands ordered by magnitude."""
    total = Signal(_SUM, name=name)
    subtract = large.sign ^ small.sign
    x = Cat(C(0, _EXTRA), large.significand)
    distance = (large.exponent - small.exponent).as_unsigned()
    y = shift_right_sticky(Cat(C(0, _EXTRA), small.significand), distance)
    m.d.comb += [
        total.magnitude.eq(Mux(subtract, x - y, x + y)),
        total.exponent.eq(large.exponent + 1),
        # an exact zero is negative only when both operands are
        total.sign.eq(large.sign & (total.magnitude.any() | ~subtract)),
        total.nan.eq(large.is_nan | small.is_nan | (large.is_inf & small.is_inf & subtract)),
        total.inf.eq(large.is_inf),
    ]
    return total.as_value()


class Bf16Add(wiring.Component):
    """Add two BF16 numbers and round once, to nearest even.

    Subnormals are kept on both sides; every NaN result is 0x7FC0; ``x - x`` is +0. One payload
    per cycle, two cycles of latency. ``i.ready`` depends combinationally on ``o.ready``; no other
    input reaches an output within a cycle.

    Members
    -------
    i : ``In(stream.Signature(StructLayout({"a": 16, "b": 16})))``
        Summands, BF16 patterns.
    o : ``Out(stream.Signature(16))``
        Sum, BF16 pattern.
    """

    LATENCY = 2

    i: stream.Interface
    o: stream.Interface

    def __init__(self):
        self.config = None
        payload = data.StructLayout({"a": 16, "b": 16})
        super().__init__({"i": In(stream.Signature(payload)), "o": Out(stream.Signature(16))})

    def elaborate(self, platform):
        m = Module()
        pipeline(m, self.i, self.o, add_stages("a", "b", "payload"))
        return m
