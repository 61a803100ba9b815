"""Reciprocal of BF16 numbers by table."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from models.formats import BF16
from rtl_gen.formats import Operand
from rtl_gen.streams import pipeline

_MANTISSAS = 2**BF16.mantissa_bits


def reciprocal(m: Module, value: Value, name: str = "reciprocal") -> Value:
    """Wire with ``1 / value``, correctly rounded to nearest even; combinational.

    A table of 512 mantissas: a page each for normal numbers, for the two exponents whose
    reciprocals are subnormal, and for subnormal numbers.
    """
    operand, mantissa = Operand(value, BF16), value[: BF16.mantissa_bits]
    field = value[BF16.mantissa_bits : -1]
    is_tiny, is_least, is_less = field == 0, field == 254, field == 253
    page = Cat(is_less | is_tiny, is_least | is_tiny)
    table = Array(Const(entry, BF16.mantissa_bits) for entry in _mantissas())
    # 1 / 1.0 has the mantissa 0, all others lie below 1: one more taken from the field
    below = mantissa.any()
    inverse = Signal(8, name=f"{name}_field")
    with m.If(is_tiny):
        # 2**-133 * mantissa: up to 32 the reciprocal is infinite
        m.d.comb += inverse.eq(Mux(mantissa <= 32, 255, Mux(mantissa <= 64, 254, 253)))
    with m.Else():
        m.d.comb += inverse.eq(Mux(is_least, 0, 254 - field - below))
    result = Signal(BF16.width, name=name)
    m.d.comb += result.eq(Cat(table[Cat(mantissa, page)], inverse, operand.sign))
    with m.If(operand.is_special):
        m.d.comb += result.eq(Mux(operand.is_nan, BF16.nan, operand.sign << (BF16.width - 1)))
    return result


def _mantissas() -> list[int]:
    """Mantissas of the reciprocals: four pages, addressed by the mantissa."""
    return [
        BF16.encode(1 / BF16.decode(field << BF16.mantissa_bits | mantissa)) % _MANTISSAS
        if field or mantissa
        else 0
        for field in (127, 253, 254, 0)
        for mantissa in range(_MANTISSAS)
    ]


class FloatReciprocal(wiring.Component):
    """Reciprocal of a BF16 number, correctly rounded to nearest even.

    Subnormals are kept; a zero gives the infinity of its sign and the other way round, a NaN the
    canonical one. One payload per cycle, one cycle of latency. ``i.ready`` depends
    combinationally on ``o.ready``; no other input reaches an output within a cycle.

    Members
    -------
    i : ``In(stream.Signature(16))``
        BF16 pattern.
    o : ``Out(stream.Signature(16))``
        BF16 pattern of ``1 / i``.
    """

    LATENCY = 1

    i: stream.Interface
    o: stream.Interface

    def __init__(self):
        pattern = stream.Signature(BF16.width)
        super().__init__({"i": In(pattern), "o": Out(pattern)})

    def elaborate(self, platform):
        m = Module()
        pipeline(m, self.i, self.o, [lambda m, f, take: {"payload": reciprocal(m, f["payload"])}])
        return m
