"""Requantiser: number in, signed code out."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.units import RequantizeConfig
from rtl_gen.formats import Operand
from rtl_gen.streams import Stage, pipeline


def requantize_stages(
    value: str,
    random: str,
    out: str,
    config: RequantizeConfig,
    exponent: Value,
    stochastic: Value,
) -> list[Stage]:
    """Two stages that replace the fields ``value`` and ``random`` by the signed code ``out``.

    ``exponent`` (signed, 9 bits) and ``stochastic`` are static.
    """
    layout = _fixed_point(config)

    def align(m, fields, take):
        rest = {name: other for name, other in fields.items() if name not in (value, random)}
        fixed = Signal(layout, name=f"{out}_fixed")
        _align(m, Operand(fields[value], config.format), exponent, fixed)
        m.d.comb += fixed.random.eq(fields[random])
        return rest | {out: fixed.as_value()}

    def finish(m, fields, take):
        return fields | {out: _round(m, data.View(layout, fields[out]), config.limit, stochastic)}

    return [align, finish]


def _fixed_point(config: RequantizeConfig) -> data.StructLayout:
    """Magnitude in code LSB: sticky bit, fraction, whole part; ``huge`` is beyond every code."""
    return data.StructLayout(
        {
            "sticky": 1,
            "fraction": config.random_bits,
            "whole": config.code_width + config.format.mantissa_bits,
            "huge": 1,
            "sign": 1,
            "random": config.random_bits,
        }
    )


def _align(m, operand: Operand, exponent, fixed) -> None:
    """Move the significand to where its weight is ``2**exponent`` per code."""
    significand, number = len(operand.significand), operand.format
    below = significand + 1  # bits kept below the fraction, so that a significand fits under it
    up = below + len(fixed.fraction) - number.bias - number.mantissa_bits
    # of the significand's lowest bit, 0 = lowest kept
    place = Signal(range(up - 255, up + number.exponent_max + 257), name="place")
    m.d.comb += place.eq(operand.exponent - exponent + up)
    top = below + len(fixed.fraction) + len(fixed.whole) - significand
    amount = Signal(range(top + 1))
    m.d.comb += amount.eq(Mux(place < 0, 0, Mux(place > top, top, place)))
    moved = Signal(top + significand)
    beyond = operand.is_special | ((place > top) & ~operand.is_zero)
    m.d.comb += [
        moved.eq(Mux(operand.is_nan, 0, operand.significand) << amount),
        Cat(fixed.fraction, fixed.whole).eq(moved[below:]),
        fixed.sticky.eq(moved[:below].any()),
        fixed.huge.eq(beyond & ~operand.is_nan),
        fixed.sign.eq(operand.sign),
    ]


def _round(m, fixed, limit: int, stochastic):
    half, below = fixed.fraction[-1], fixed.sticky | fixed.fraction[:-1].any()
    carry = Signal(name="carry")
    m.d.comb += carry.eq(
        Mux(
            stochastic,
            (fixed.fraction + fixed.random)[-1],
            half & (below | fixed.whole[0]),
        )
    )
    rounded = Signal(len(fixed.whole) + 1, name="rounded")
    m.d.comb += rounded.eq(fixed.whole + carry)
    magnitude = Mux(fixed.huge | (rounded > limit), limit, rounded)[: limit.bit_length()]
    code = Signal(signed(limit.bit_length() + 1), name="code")
    m.d.comb += code.eq(Mux(fixed.sign, -magnitude, magnitude))
    return code


class Requantize(wiring.Component):
    """Turn a number into an integer: divide by ``2**exponent``, round, saturate.

    To nearest even, or stochastic: ``random`` is added below the LSB of the magnitude and the
    fraction is dropped, so that the magnitude is rounded up with a probability equal to its
    fraction. NaN gives 0, an infinity the largest code of its sign. One payload per cycle, two
    cycles of latency. ``i.ready`` depends combinationally on ``o.ready``; no other input reaches
    an output within a cycle.

    Parameters
    ----------
    config : RequantizeConfig
        Format and widths.

    Members
    -------
    control : ``In(StructLayout({"exponent": signed(9), "stochastic": 1}))``
        Exponent of the code's LSB and kind of rounding; stable while payloads are inside.
    i : ``In(stream.Signature(StructLayout({"value": width, "random": config.random_bits})))``
        Pattern of ``config.format`` and random word.
    o : ``Out(stream.Signature(signed(config.code_width)))``
        Code, within ``+-config.limit``, in units of ``2**exponent``.
    """

    LATENCY = 2

    control: data.View
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: RequantizeConfig):
        self.config = config
        payload = {"value": config.format.width, "random": config.random_bits}
        super().__init__(
            {
                "control": In(data.StructLayout({"exponent": signed(9), "stochastic": 1})),
                "i": In(stream.Signature(data.StructLayout(payload))),
                "o": Out(stream.Signature(signed(config.code_width))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        control = self.control
        stages = requantize_stages(
            "value", "random", "payload", self.config, control.exponent, control.stochastic
        )
        pipeline(m, self.i, self.o, stages)
        return m
