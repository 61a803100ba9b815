"""Post-processing of partial sums: sum, scale, bias, activation, code."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.floats import FloatAddConfig, FloatMulConfig, IntToFloatConfig
from models.config.units import PostProcessConfig
from rtl_gen.steps import grouped
from rtl_gen.streams import Stage, pipeline
from rtl_gen.units.float_add import add_steps
from rtl_gen.units.float_mul import mul_steps
from rtl_gen.units.int_to_float import int_to_float_steps
from rtl_gen.units.relu_mask import relu_mask_stages
from rtl_gen.units.requantize import requantize_stages


def accumulate_stage(width: int) -> Stage:
    """Sum ``partial`` over the beats of a packet; the last goes on with ``sum`` and ``value``."""

    def accumulate(m, fields, take):
        acc = Signal(signed(width), reset_less=True)
        total = Signal(signed(width))
        m.d.comb += total.eq(Mux(fields["first"], 0, acc) + fields["partial"].as_signed())
        with m.If(take):
            m.d.sync += acc.eq(total)
        rest = {name: fields[name] for name in ("scale", "bias", "mask", "random")}
        return rest | {"sum": total, "value": total, "keep": fields["last"]}

    return accumulate


def _keeping_a_copy(stage: Stage) -> Stage:
    """Give ``value`` of the stage once more, as ``copy``, for the requantiser to use up."""

    def with_copy(m, fields, take):
        results = stage(m, fields, take)
        return results | {"copy": results["value"]}

    return with_copy


def _input(config: PostProcessConfig) -> data.StructLayout:
    return data.StructLayout(
        {
            "partial": signed(config.sum_width),
            "scale": 16,
            "bias": 16,
            "mask": 1,
            "random": config.random_bits,
            "first": 1,
            "last": 1,
        }
    )


def _output(config: PostProcessConfig) -> data.StructLayout:
    return data.StructLayout(
        {
            "sum": signed(config.sum_width),
            "value": 16,
            "mask": 1,
            "code": signed(config.code_width),
        }
    )


class PostProcess(wiring.Component):
    """Turn a packet of integer partial sums into a BF16 value and a code.

    ``value = activation(sum * scale + bias)``, each operation rounded to BF16; the code is the
    value requantised. The units of the same names give every step. One partial sum per cycle;
    latency, counted from the last one, is `LATENCY`. ``i.ready`` depends combinationally on
    ``o.ready``; no other input reaches an output within a cycle.

    Parameters
    ----------
    config : PostProcessConfig
        Widths.

    Members
    -------
    control : ``In(StructLayout({"activation": 2, "exponent": signed(9), "stochastic": 1}))``
        Mode of `ReluMask`, control of `Requantize`; stable while payloads are inside.
    i : ``In(stream.Signature(StructLayout))``
        ``partial`` (signed, ``sum_width``); ``scale`` and ``bias`` (BF16), ``mask``, ``random``
        (``random_bits``), all four taken from the last beat; ``first`` and ``last`` of a packet.
    o : ``Out(stream.Signature(StructLayout))``
        ``sum`` (signed, ``sum_width``, wraps), ``value`` (BF16), ``mask``, ``code`` (signed).
    """

    control: data.View
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: PostProcessConfig):
        self.config = config
        control = {"activation": 2, "exponent": signed(9), "stochastic": 1}
        super().__init__(
            {
                "control": In(data.StructLayout(control)),
                "i": In(stream.Signature(_input(config))),
                "o": Out(stream.Signature(_output(config))),
            }
        )

    @property
    def LATENCY(self) -> int:
        """Cycles from the last partial sum to the result."""
        return len(self._stages())

    def elaborate(self, platform):
        m = Module()
        pipeline(m, self.i, self.o, self._stages())
        return m

    def _stages(self) -> list[Stage]:
        width, control = self.config.sum_width, self.control
        return [
            accumulate_stage(width),
            *grouped(int_to_float_steps("value", "value", IntToFloatConfig(int_width=width)), 2),
            *grouped(mul_steps("value", "scale", "value", FloatMulConfig()), 2),
            *grouped(add_steps("value", "bias", "value", FloatAddConfig()), 2),
            _keeping_a_copy(*relu_mask_stages("value", "mask", control.activation)),
            *requantize_stages(
                "copy",
                "random",
                "code",
                self.config.requantize,
                control.exponent,
                control.stochastic,
            ),
        ]
