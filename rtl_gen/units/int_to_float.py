"""Integer to floating-point converter."""

from amaranth import *

from models.config.floats import IntToFloatConfig
from rtl_gen.rounding import Unrounded
from rtl_gen.steps import Step
from rtl_gen.units.float_unit import FloatUnit


def int_to_float_steps(value: str, out: str, config: IntToFloatConfig) -> list[Step]:
    """Return steps that replace the signed field ``value`` by the pattern ``out``."""
    width = config.int_width
    highest = config.result.bias + width - 1
    result = Unrounded(out, config, width, range(1), highest)
    # as wide as what is added to it; nothing of it stays in the netlist
    exponent = Const(0, abs(highest).bit_length() + 1)

    def split(m, fields, take):
        rest = dict(fields)
        number = rest.pop(value).as_signed()
        negative = Signal(name=result.field("negative"))
        m.d.comb += negative.eq(number < 0)
        magnitude = Mux(negative, -number, number)[:width]
        none = Const(0, 1)
        return result.give(
            rest, magnitude=magnitude, exponent=exponent, sign=negative, nan=none, inf=none
        )

    return [Step(split, 2.8), *result.steps()]


class IntToFloat(FloatUnit):
    """Convert a signed integer and round once; 0 gives +0.

    Parameters
    ----------
    config : IntToFloatConfig
        Width, format, rounding, depth.

    Members
    -------
    i : ``In(stream.Signature(StructLayout({"value": signed(config.int_width)})))``
        Integer; ``random`` for stochastic rounding.
    o : ``Out(stream.Signature(width))``
        Pattern of ``config.result``.
    """

    def __init__(self, config: IntToFloatConfig):
        super().__init__(config, {"value": signed(config.int_width)}, config.result.width)

    def steps(self):
        return int_to_float_steps("value", "payload", self.config)
