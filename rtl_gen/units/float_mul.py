"""Floating-point multiplier."""

from amaranth import *

from models.config.floats import FloatMulConfig
from rtl_gen.formats import Operand
from rtl_gen.multiplier import product
from rtl_gen.rounding import Unrounded
from rtl_gen.steps import Step, step
from rtl_gen.units.float_unit import FloatUnit


def mul_steps(a: str, b: str, out: str, config: FloatMulConfig) -> list[Step]:
    """Return steps that replace the fields ``a`` and ``b`` by their product ``out``."""
    fmt, flushed = config.format, config.is_flushed
    width = 2 * (fmt.mantissa_bits + 1)
    top = fmt.largest >> fmt.mantissa_bits
    exponents = range(0 if flushed else 2, 2 * top + 1)
    zeros = 1 if flushed else None
    result = Unrounded(
        out, config, width, exponents, config.result.bias + 1 - 2 * fmt.bias, zeros=zeros
    )

    @step(1.4)
    def unpack(m, fields, take):
        x, y = (Operand(fields[name], fmt, flushed=flushed) for name in (a, b))
        rest = {name: value for name, value in fields.items() if name not in (a, b)}
        nan = x.is_nan | y.is_nan | (x.is_special & y.is_zero) | (y.is_special & x.is_zero)
        return result.give(
            rest,
            x=x.significand,
            y=y.significand,
            x_exponent=x.exponent,
            y_exponent=y.exponent,
            sign=x.sign ^ y.sign,
            nan=nan,
            inf=x.is_special | y.is_special,
            zero=x.is_zero | y.is_zero,
        )

    @step(6.0)
    def multiply(m, fields, take):
        parts = ("x", "y", "x_exponent", "y_exponent")
        (x, y, x_exponent, y_exponent), rest = result.take(fields, *parts)
        magnitude = product(m, x, y, config.multiplier, out)
        return result.give(rest, magnitude=magnitude, exponent=x_exponent + y_exponent)

    return [unpack, multiply, *result.steps()]


class FloatMul(FloatUnit):
    """Multiply two numbers and round once.

    Parameters
    ----------
    config : FloatMulConfig
        Formats, subnormals, rounding, multiplier, depth.

    Members
    -------
    i : ``In(stream.Signature(StructLayout({"a": width, "b": width})))``
        Factors, patterns of ``config.format``; ``random`` for stochastic rounding.
    o : ``Out(stream.Signature(width))``
        Product, pattern of ``config.result``.
    """

    def __init__(self, config: FloatMulConfig):
        width = config.format.width
        super().__init__(config, {"a": width, "b": width}, config.result.width)

    def steps(self):
        return mul_steps("a", "b", "payload", self.config)
