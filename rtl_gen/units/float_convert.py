"""Converter between floating-point formats."""

from amaranth import *

from models.config.floats import FloatConvertConfig
from rtl_gen.formats import Operand
from rtl_gen.rounding import Unrounded
from rtl_gen.steps import Step
from rtl_gen.units.float_unit import FloatUnit


def convert_steps(value: str, out: str, config: FloatConvertConfig) -> list[Step]:
    """Return steps that replace the field ``value`` by its conversion ``out``."""
    fmt, flushed = config.format, config.is_flushed
    top = fmt.largest >> fmt.mantissa_bits
    result = Unrounded(
        out,
        config,
        fmt.mantissa_bits + 1,
        range(0 if flushed else 1, top + 1),
        config.result.bias - fmt.bias,
        zeros=0 if flushed else None,
    )

    def unpack(m, fields, take):
        rest = dict(fields)
        x = Operand(rest.pop(value), fmt, flushed=flushed)
        return result.give(
            rest,
            magnitude=x.significand,
            exponent=x.exponent,
            sign=x.sign,
            nan=x.is_nan,
            inf=x.is_special,
            zero=x.is_zero,
        )

    return [Step(unpack, 1.4), *result.steps()]


class FloatConvert(FloatUnit):
    """Convert a number to another format and round once.

    Parameters
    ----------
    config : FloatConvertConfig
        Formats, subnormals, rounding, depth.

    Members
    -------
    i : ``In(stream.Signature(StructLayout({"value": width})))``
        Pattern of ``config.format``; ``random`` for stochastic rounding.
    o : ``Out(stream.Signature(width))``
        Pattern of ``config.result``.
    """

    def __init__(self, config: FloatConvertConfig):
        super().__init__(config, {"value": config.format.width}, config.result.width)

    def steps(self):
        return convert_steps("value", "payload", self.config)
