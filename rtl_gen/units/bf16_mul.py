"""BF16 multiplier."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.formats import BIAS, SIGNIFICAND, Operand, round_pack, unrounded
from rtl_gen.streams import Stage, pipeline

_PRODUCT = unrounded(2 * SIGNIFICAND)


def mul_stages(a: str, b: str, out: str) -> list[Stage]:
    """Two stages that replace the BF16 fields ``a`` and ``b`` by their product ``out``."""

    def multiply(m, fields, take):
        x, y = Operand(fields[a]), Operand(fields[b])
        rest = {name: value for name, value in fields.items() if name not in (a, b)}
        product = Signal(_PRODUCT, name=f"{out}_product")
        x_is_zero, y_is_zero = ~x.significand.any(), ~y.significand.any()
        m.d.comb += [
            product.magnitude.eq(x.significand * y.significand),
            product.exponent.eq(x.exponent + y.exponent - (BIAS - 1)),
            product.sign.eq(x.sign ^ y.sign),
            product.nan.eq(x.is_nan | y.is_nan | (x.is_inf & y_is_zero) | (y.is_inf & x_is_zero)),
            product.inf.eq(x.is_inf | y.is_inf),
        ]
        return rest | {out: product.as_value()}

    def finish(m, fields, take):
        return fields | {out: round_pack(m, data.View(_PRODUCT, fields[out]), tiny=True)}

    return [multiply, finish]


class Bf16Mul(wiring.Component):
    """Multiply two BF16 numbers and round once, to nearest even.

    Subnormals are kept on both sides; every NaN result is 0x7FC0. One payload per cycle, two
    cycles of latency. ``i.ready`` depends combinationally on ``o.ready``; no other input reaches
    an output within a cycle.

    Members
    -------
    i : ``In(stream.Signature(StructLayout({"a": 16, "b": 16})))``
        Factors, BF16 patterns.
    o : ``Out(stream.Signature(16))``
        Product, BF16 pattern.
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
        pipeline(m, self.i, self.o, mul_stages("a", "b", "payload"))
        return m
