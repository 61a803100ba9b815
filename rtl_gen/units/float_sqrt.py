"""Square root of BF16 numbers by table."""

from math import isqrt

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from models.formats import BF16
from rtl_gen.formats import Operand
from rtl_gen.shifts import leading_zeros
from rtl_gen.streams import pipeline

_MANTISSAS = 2**BF16.mantissa_bits


def square_root(m: Module, value: Value, name: str = "square_root") -> Value:
    """Wire with the root of ``value``, correctly rounded to nearest even; combinational.

    A subnormal number is normalised, its exponent field going on below 1. A table of 256
    mantissas has a page each for even and odd fields.
    """
    operand, mantissa = Operand(value, BF16), value[: BF16.mantissa_bits]
    field = value[BF16.mantissa_bits : -1]
    zeros = leading_zeros(m, mantissa, f"{name}_zeros")
    exponent = Signal(signed(9), name=f"{name}_exponent")
    fraction = Signal(BF16.mantissa_bits, name=f"{name}_fraction")
    m.d.comb += [exponent.eq(field), fraction.eq(mantissa)]
    with m.If(field == 0):
        m.d.comb += [exponent.eq(-zeros), fraction.eq((mantissa << zeros) << 1)]
    table = Array(Const(entry, BF16.mantissa_bits) for entry in _mantissas())
    half = ((exponent + BF16.bias) >> 1)[:8]
    result = Signal(BF16.width, name=name)
    m.d.comb += result.eq(Cat(table[Cat(fraction, exponent[0])], half, C(0, 1)))
    with m.If(operand.is_zero | (operand.is_special & ~operand.sign & ~operand.is_nan)):
        m.d.comb += result.eq(value)
    with m.Elif(operand.sign | operand.is_nan):
        m.d.comb += result.eq(BF16.nan)
    return result


def _mantissas() -> list[int]:
    """Mantissas of the roots, for even and for odd exponent fields."""
    # 2**7 * (1 + fraction), brought to 15 or 16 bits, whose root has 8
    return [
        _rounded_root((_MANTISSAS + mantissa) << places) % _MANTISSAS
        for places in (BF16.mantissa_bits + 1, BF16.mantissa_bits)
        for mantissa in range(_MANTISSAS)
    ]


def _rounded_root(square: int) -> int:
    """Integer nearest to the root; no root of an integer lies half way between two."""
    root = isqrt(square)
    return root + (square - root * root > root)


class FloatSqrt(wiring.Component):
    """Square root of a BF16 number, correctly rounded to nearest even.

    Subnormals are kept and zeros keep their sign; a negative number or a NaN gives the canonical
    NaN. One payload per cycle, one cycle of latency. ``i.ready`` depends combinationally on
    ``o.ready``; no other input reaches an output within a cycle.

    Members
    -------
    i : ``In(stream.Signature(16))``
        BF16 pattern.
    o : ``Out(stream.Signature(16))``
        BF16 pattern of the root.
    """

    LATENCY = 1

    i: stream.Interface
    o: stream.Interface

    def __init__(self):
        pattern = stream.Signature(BF16.width)
        super().__init__({"i": In(pattern), "o": Out(pattern)})

    def elaborate(self, platform):
        m = Module()
        pipeline(m, self.i, self.o, [lambda m, f, take: {"payload": square_root(m, f["payload"])}])
        return m
