"""Accumulate-and-threshold weight update: products into chi, chi into pulse counts."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.floats import FloatAddConfig, FloatMulConfig, IntToFloatConfig
from models.config.units import AccumulateThresholdConfig
from models.formats import BF16
from rtl_gen.formats import Operand
from rtl_gen.steps import grouped
from rtl_gen.streams import Stage, pipeline
from rtl_gen.units.float_add import add_steps
from rtl_gen.units.float_mul import mul_steps
from rtl_gen.units.int_to_float import int_to_float_steps


class AccumulateThreshold(wiring.Component):
    """Take a packet of products off one weight's state chi; ask for a pulse per threshold.

    The packet's ``x * delta`` are summed in an integer of ``acc_width`` bits. ``fixed`` takes
    that sum times ``2**shift`` off chi and saturates at ``+-(2**(chi_width - 1) - 1)``; ``bf16``
    takes off ``scale`` times the sum, with a rounding after conversion, product and difference.
    With ``transfer`` the whole thresholds in chi, at most ``2**count_width - 1``, become the
    signed count, and a chi that gives pulses keeps the remainder (``keep_remainder``) or becomes
    0. A bf16 remainder is rounded once; an infinite chi gives the largest count, NaN none, and
    both stay. One beat per cycle; ``i.ready`` depends combinationally on ``o.ready``.

    Parameters
    ----------
    config : AccumulateThresholdConfig
        Variant and widths.

    Members
    -------
    control : ``In(StructLayout)``
        ``shift``, ``scale`` (BF16), ``threshold`` (positive; a finite BF16 number in ``bf16``),
        ``transfer``.
    i : ``In(stream.Signature(...))``
        ``x``, ``delta`` (signed codes, not below ``-(2**(code_width - 1) - 1)``), ``chi`` (taken
        from the last beat), ``first``, ``last``.
    o : ``Out(stream.Signature(...))``
        One beat per packet: ``chi`` and ``count``.
    """

    i: stream.Interface
    o: stream.Interface
    control: data.View

    def __init__(self, config: AccumulateThresholdConfig):
        self.config = config
        code, state = signed(config.code_width), config.state_width
        control = {"shift": 6, "scale": 16, "threshold": state, "transfer": 1}
        beat = {"x": code, "delta": code, "chi": state, "first": 1, "last": 1}
        result = {"chi": state, "count": signed(config.count_width + 1)}
        super().__init__(
            {
                "control": In(data.StructLayout(control)),
                "i": In(stream.Signature(data.StructLayout(beat))),
                "o": Out(stream.Signature(data.StructLayout(result))),
            }
        )

    @property
    def LATENCY(self) -> int:
        """Cycles from the last beat of a packet to its result."""
        return len(self._stages())

    def elaborate(self, platform):
        m = Module()
        pipeline(m, self.i, self.o, self._stages())
        return m

    def _stages(self) -> list[Stage]:
        variant = _fixed_stages if self.config.variant == "fixed" else _bf16_stages
        return [_multiply, _sum(self.config.acc_width), *variant(self.config, self.control)]


def _multiply(m, fields, take):
    product = fields["x"] * fields["delta"]
    return {name: fields[name] for name in ("chi", "first", "last")} | {"product": product}


def _sum(acc_width: int) -> Stage:
    def stage(m, fields, take):
        acc, total = Signal(signed(acc_width)), Signal(signed(acc_width))
        m.d.comb += total.eq(Mux(fields["first"], 0, acc) + fields["product"])
        with m.If(take):
            m.d.sync += acc.eq(total)
        return {"chi": fields["chi"], "acc": total, "keep": fields["last"]}

    return stage


def _fixed_stages(config: AccumulateThresholdConfig, control) -> list[Stage]:
    width = config.chi_width

    def scale(m, fields, take):
        # Beyond +-(2**(width + 1) - 1) the difference saturates whatever chi is.
        shifted = _clamp(fields["acc"] << control.shift, 2 ** (width + 1) - 1)
        return {"chi": fields["chi"], "shifted": shifted}

    def subtract(m, fields, take):
        difference = fields["chi"].as_signed() - fields["shifted"]
        return {"chi": _clamp(difference, 2 ** (width - 1) - 1)}

    def magnitude(m, fields, take):
        chi = fields["chi"]
        rest = abs(chi)[: width - 1]
        return {"negative": chi < 0, "rest": rest, "count": Const(0, config.count_width)}

    def finish(m, fields, take):
        negative, rest, count = fields["negative"], fields["rest"], fields["count"]
        if not config.keep_remainder:
            rest = Mux(count.any(), 0, rest)
        return {"chi": Mux(negative, -rest, rest), "count": Mux(negative, -count, count)}

    divide = _divide_stages(config.count_width, control.threshold, control.transfer)
    return [scale, subtract, magnitude, *divide, finish]


def _divide_stages(count_width: int, divisor: Value, enable: Value) -> list[Stage]:
    """Restoring division of ``rest``, one bit of ``count`` per stage, highest first.

    A quotient beyond ``count_width`` bits gives all ones, as each step then subtracts.
    """

    def step(place):
        def stage(m, fields, take):
            rest, part = fields["rest"], Signal(len(divisor) + place, name=f"part_{place}")
            m.d.comb += part.eq(divisor << place)
            fits = Signal(name=f"fits_{place}")
            m.d.comb += fits.eq(enable & (rest >= part))
            left = Mux(fits, rest - part, rest)[: len(rest)]
            return fields | {"rest": left, "count": fields["count"] | fits << place}

        return stage

    return [step(place) for place in reversed(range(count_width))]


def _bf16_stages(config: AccumulateThresholdConfig, control) -> list[Stage]:
    def with_scale(m, fields, take):
        return fields | {"scale": control.scale ^ 0x8000}  # chi - p is chi + (-p)

    def finish(m, fields, take):
        chi, count, rest = fields["chi"], fields["count"], Const(0, 16)
        if config.keep_remainder:
            rest = _scaled(m, fields["rest"], control.threshold) | (chi & 0x8000)
            rest = Mux(fields["rest"].any(), rest, 0)
        stays = fields["far"] if config.keep_remainder else Operand(chi, BF16).is_special
        moved = count.any() & ~stays
        return {"chi": Mux(moved, rest, chi), "count": Mux(chi[15], -count, count)}

    def signed_rest(m, fields, take):
        return fields | {"rest": Cat(fields["rest"], Const(0, 1)).as_signed()}

    reach = config.count_width + 11
    divisor = Operand(control.threshold, BF16).significand
    integers = {
        name: IntToFloatConfig(int_width=width)
        for name, width in (("acc", config.acc_width), ("rest", 9 + reach))
    }
    rounding = [signed_rest, *grouped(int_to_float_steps("rest", "rest", integers["rest"]), 2)]
    return [
        with_scale,
        *grouped(int_to_float_steps("acc", "product", integers["acc"]), 2),
        *grouped(mul_steps("product", "scale", "product", FloatMulConfig()), 2),
        *grouped(add_steps("chi", "product", "chi", FloatAddConfig()), 2),
        _align(reach, config.count_width, control.threshold),
        *_divide_stages(config.count_width, divisor, control.transfer),
        *(rounding if config.keep_remainder else []),
        finish,
    ]


def _align(reach: int, count_width: int, threshold: Value) -> Stage:
    """Magnitude of chi as an integer ``rest``, its LSB that of the threshold's significand.

    Where chi's exponent is more than ``reach`` above, or chi is infinite (``far``), the limit's
    worth of thresholds is less than 2**-11 of chi, which is then its own rounded remainder; a
    ``rest`` shifted by ``reach`` still divides to the limit. Where it is below, chi is less than
    the threshold, as that is then normal, and any ``rest`` of 0 thresholds will do.
    """

    def stage(m, fields, take):
        chi, distance, far = Operand(fields["chi"], BF16), Signal(signed(10)), Signal()
        m.d.comb += distance.eq(chi.exponent - Operand(threshold, BF16).exponent)
        m.d.comb += far.eq((chi.is_special & ~chi.is_nan) | (distance > reach))
        shift = Mux(far, reach, distance)[: reach.bit_length()]
        rest = Mux(chi.is_nan | (~far & (distance < 0)), 0, chi.significand << shift)
        rest = rest[: len(chi.significand) + reach]
        return {"chi": fields["chi"], "far": far, "rest": rest, "count": Const(0, count_width)}

    return stage


def _scaled(m, number, threshold):
    """Positive BF16 ``number`` times the LSB of the threshold's significand; it is exact."""
    number, exponent = Operand(number, BF16), Signal(signed(11))
    lowest = BF16.bias + BF16.mantissa_bits
    m.d.comb += exponent.eq(number.exponent + Operand(threshold, BF16).exponent - lowest)
    mantissa = number.significand[: BF16.mantissa_bits]
    subnormal = number.significand >> (1 - exponent)[:3]
    return Mux(exponent > 0, Cat(mantissa, exponent[:8]), subnormal)


def _clamp(value, limit: int):
    width = (limit + 1).bit_length()
    clamped = Mux(value > limit, limit, Mux(value < -limit, -limit, value))
    return clamped[:width].as_signed()
