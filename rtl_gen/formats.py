"""Floating-point operands in hardware."""

from amaranth import *

from models.formats import FloatFormat


class Operand:
    """What arithmetic asks of a pattern.

    Parameters
    ----------
    pattern : Value
        Of ``format``.
    format : FloatFormat
        Fields.
    flushed : bool
        Whether subnormals count as zeros. Mantissa and hidden bit of such a zero are not cleared
        (`significand` is not 0): look at ``is_zero``.

    Attributes
    ----------
    sign, is_nan, is_special, is_zero : Value
        One bit each; special is infinite or NaN.
    exponent : Value
        Exponent field, 1 for zero and subnormals (0 when flushed).
    significand : Value
        Mantissa and hidden bit; the value is
        ``significand * 2**(exponent - bias - mantissa_bits)``.
    """

    def __init__(self, pattern, format: FloatFormat, *, flushed: bool = False):
        self.format = format
        split = format.mantissa_bits
        mantissa, exponent, self.sign = pattern[:split], pattern[split:-1], pattern[-1]
        highest, is_normal = exponent.all(), exponent.any()
        if format.infinity is None:
            self.is_nan = self.is_special = highest & mantissa.all()
        else:
            self.is_nan, self.is_special = highest & mantissa.any(), highest
        self.exponent = exponent if flushed else Cat(exponent[0] | ~is_normal, exponent[1:])
        self.significand = Cat(mantissa, C(1, 1) if flushed else is_normal)
        self.is_zero = ~is_normal if flushed else ~is_normal & ~mantissa.any()
