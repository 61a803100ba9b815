"""BF16 in hardware: fields, unpacking, and the one place where results are rounded."""

from amaranth import *
from amaranth.lib import data
from amaranth.utils import ceil_log2

from models import formats

MANTISSA = formats.BF16.mantissa_bits
BIAS = formats.BF16.bias
EXPONENT_MAX = formats.BF16.exponent_max
NAN = formats.BF16.nan
SIGNIFICAND = MANTISSA + 1


class BF16(data.Struct):
    """Fields of a BF16 pattern, mantissa lowest."""

    mantissa: unsigned(formats.BF16.mantissa_bits)
    exponent: unsigned(formats.BF16.exponent_bits)
    sign: 1


class Operand:
    """What arithmetic asks of a BF16 pattern.

    Attributes
    ----------
    sign, is_nan, is_inf : Value
        One bit each.
    exponent : Value
        Exponent field, 1 for zero and subnormals.
    significand : Value
        Eight bits with the hidden one; the value is ``significand * 2**(exponent - 134)``.
    """

    def __init__(self, pattern):
        fields = data.View(BF16, Value.cast(pattern))
        mantissa, exponent = Value.cast(fields.mantissa), Value.cast(fields.exponent)
        highest, is_normal = exponent.all(), exponent.any()
        self.sign = fields.sign
        self.is_nan = highest & mantissa.any()
        self.is_inf = highest & ~mantissa.any()
        self.exponent = exponent | ~is_normal
        self.significand = Cat(mantissa, is_normal)


def unrounded(magnitude_width: int) -> data.StructLayout:
    """Layout of a result before rounding, as it travels from one stage to the next.

    The value is ``magnitude * 2**(exponent - 127 - (magnitude_width - 1))``: were the highest
    bit of the magnitude set, ``exponent`` would be the exponent field. The lowest bit is sticky.
    ``nan`` goes before ``inf``, and ``inf`` before the magnitude.
    """
    return data.StructLayout(
        {
            "magnitude": magnitude_width,
            "exponent": signed(formats.BF16.exponent_bits + 2),
            "sign": 1,
            "nan": 1,
            "inf": 1,
        }
    )


def leading_zeros(value):
    """Zeros above the highest one; any number for 0."""
    width = len(value)
    if width == 1:
        return C(0, 1)
    half = 2 ** (ceil_log2(width) - 1)
    high, low = value[-half:], Cat(C(0, 2 * half - width), value[: width - half])
    in_low = ~high.any()
    if half == 1:
        return in_low
    return Cat(leading_zeros(Mux(in_low, low, high)), in_low)


def shift_right_sticky(value, amount):
    """``value >> amount``; the lowest bit becomes 1 when a one fell off."""
    width = len(value)
    bits = ceil_log2(width + 1)
    limited = Mux(amount < width, amount[:bits], width)
    wide = Cat(C(0, width), value) >> limited
    return Cat(wide[width] | wide[:width].any(), wide[width + 1 : 2 * width])


def round_pack(m, result, *, tiny: bool = False):
    """BF16 pattern of an `unrounded` result: normalise, round to nearest even, pack.

    The left shift ends where the exponent field would fall below 1, so that subnormal results
    keep their place. With ``tiny``, exponents below 1 may come, which shift to the right.
    """
    room = Signal(signed(len(result.exponent) + 1))
    zeros = leading_zeros(result.magnitude)
    amount = Signal(len(zeros))
    m.d.comb += room.eq(result.exponent - 1)
    m.d.comb += amount.eq(Mux(zeros < room, zeros, room))
    aligned = Signal(len(result.magnitude))
    m.d.comb += aligned.eq(result.magnitude << amount)
    if tiny:
        with m.If(room < 0):
            m.d.comb += aligned.eq(shift_right_sticky(result.magnitude, -room))

    # One less than the exponent field, which the hidden bit of the significand makes up for.
    # A carry out of the mantissa counts the field up too, into infinity at the end.
    field = Mux(aligned[-1], room - amount, 0)
    below = len(aligned) - SIGNIFICAND
    kept, guard, sticky = aligned[below:], aligned[below - 1], aligned[: below - 1].any()
    packed = Signal(len(room) + MANTISSA)
    m.d.comb += packed.eq((field << MANTISSA) + kept + (guard & (sticky | kept[0])))
    return _choose(m, result, packed)


def _choose(m, result, packed):
    infinity = C(EXPONENT_MAX << MANTISSA, formats.BF16.width - 1)
    pattern = Signal(formats.BF16.width)
    with m.If(result.nan):
        m.d.comb += pattern.eq(NAN)
    with m.Elif(result.inf | (packed >= infinity)):
        m.d.comb += pattern.eq(Cat(infinity, result.sign))
    with m.Else():
        m.d.comb += pattern.eq(Cat(packed[: len(infinity)], result.sign))
    return pattern
