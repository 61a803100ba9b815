"""Integer to BF16 converter."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.units import IntToBf16Config
from rtl_gen.formats import BIAS, SIGNIFICAND, round_pack, unrounded
from rtl_gen.streams import Stage, pipeline


def int_to_bf16_stages(value: str, out: str, width: int) -> list[Stage]:
    """Two stages that replace the signed field ``value`` of ``width`` bits by BF16 ``out``."""
    padding = max(0, SIGNIFICAND + 2 - width)  # room for a guard and a sticky bit

    def split(m, fields, take):
        number = fields[value].as_signed()
        rest = {name: other for name, other in fields.items() if name != value}
        magnitude = Mux(number < 0, -number, number)[:width]
        return rest | {out: Cat(magnitude, number < 0)}

    def finish(m, fields, take):
        result = Signal(unrounded(padding + width), name=f"{out}_integer")
        m.d.comb += [
            result.magnitude.eq(Cat(C(0, padding), fields[out][:width])),
            result.sign.eq(fields[out][width]),
            result.exponent.eq(BIAS + width - 1),
        ]
        return fields | {out: round_pack(m, result)}

    return [split, finish]


class IntToBf16(wiring.Component):
    """Convert a signed integer to BF16 and round once, to nearest even.

    One payload per cycle, two cycles of latency. ``i.ready`` depends combinationally on
    ``o.ready``; no other input reaches an output within a cycle.

    Parameters
    ----------
    config : IntToBf16Config
        Width of the integer.

    Members
    -------
    i : ``In(stream.Signature(signed(config.int_width)))``
        Integer.
    o : ``Out(stream.Signature(16))``
        BF16 pattern.
    """

    LATENCY = 2

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: IntToBf16Config):
        self.config = config
        super().__init__(
            {
                "i": In(stream.Signature(signed(config.int_width))),
                "o": Out(stream.Signature(16)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        stages = int_to_bf16_stages("payload", "payload", self.config.int_width)
        pipeline(m, self.i, self.o, stages)
        return m
