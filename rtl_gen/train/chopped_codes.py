"""Groups of converter codes to signed codes one by one, and codes to numbers."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.chopped_macro import ChoppedMacroConfig, index_width
from models.config.floats import FloatMulConfig, IntToFloatConfig
from rtl_gen.steps import Step, grouped
from rtl_gen.streams import Stage, pipeline
from rtl_gen.train.chopped_command import COUNT
from rtl_gen.units.float_mul import mul_steps
from rtl_gen.units.int_to_float import int_to_float_steps
from rtl_gen.units.relu_mask import relu_mask_stages


class CodeLanes(wiring.Component):
    """Give the codes of needed lines in line order, one per cycle.

    Half the range is taken off; the lowest code, which has no opposite, becomes its neighbour.
    Takes a group when the one before has left. No combinational path from input to output.

    Parameters
    ----------
    config : ChoppedMacroConfig
        Converters.

    Members
    -------
    needed : ``In(11)``
        Lines; stable while codes are inside.
    i : ``In(stream.Signature(...))``
        ``codes`` and ``group`` of :class:`rtl_gen.array.sar.SarAdc`, group 0 first.
    o : ``Out(stream.Signature(...))``
        ``code`` (signed, ``adc_bits``), its ``line``, ``last`` of the needed lines.
    """

    LATENCY = 1

    needed: Signal
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: ChoppedMacroConfig):
        self.config = config
        groups = {
            "codes": config.adc_count * config.adc_bits,
            "group": index_width(config.group_count),
        }
        code = {"code": signed(config.adc_bits), "line": index_width(config.lines), "last": 1}
        super().__init__(
            {
                "needed": In(COUNT),
                "i": In(stream.Signature(data.StructLayout(groups))),
                "o": Out(stream.Signature(data.StructLayout(code))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lanes, bits = self.config.adc_count, self.config.adc_bits
        held, left = Signal(lanes * bits), Signal(range(lanes + 1))
        line, lowest = Signal.like(self.o.payload.line), Signal(bits)
        m.d.comb += [
            lowest.eq(held[:bits] | ~held[:bits].any()),
            self.o.valid.eq(left != 0),
            self.o.payload.code.eq(Cat(lowest[:-1], ~lowest[-1])),
            self.o.payload.line.eq(line),
            self.o.payload.last.eq(line + 1 == self.needed),
            self.i.ready.eq(left == 0),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [held.eq(self.i.payload.codes), left.eq(lanes)]
        with m.If(self.o.valid & self.o.ready):
            last = self.o.payload.last
            m.d.sync += [held.eq(held >> bits), left.eq(Mux(last, 0, left - 1))]
            m.d.sync += line.eq(Mux(last, 0, line + 1))
        return m


class CodeValues(wiring.Component):
    """Turn codes into BF16 numbers: times a scale, then rectified or masked.

    One code per cycle, `LATENCY` cycles. ``i.ready`` depends combinationally on ``o.ready``.

    Parameters
    ----------
    config : ChoppedMacroConfig
        Converters.

    Members
    -------
    scale : ``In(16)``
        BF16 factor; stable while codes are inside.
    activation : ``In(2)``
        Mode of :class:`rtl_gen.units.relu_mask.ReluMask`; stable too.
    i : ``In(stream.Signature(...))``
        ``code`` (signed, ``adc_bits``) and ``mask``.
    o : ``Out(stream.Signature(...))``
        ``code``, ``value`` (BF16), ``mask``.
    """

    scale: Signal
    activation: Signal
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: ChoppedMacroConfig):
        self.config = config
        code = signed(config.adc_bits)
        beat = {"code": code, "value": 16, "mask": 1}
        super().__init__(
            {
                "scale": In(16),
                "activation": In(2),
                "i": In(stream.Signature(data.StructLayout({"code": code, "mask": 1}))),
                "o": Out(stream.Signature(data.StructLayout(beat))),
            }
        )

    @property
    def LATENCY(self) -> int:
        """Cycles from a code to its number."""
        return len(self._stages())

    def elaborate(self, platform):
        m = Module()
        pipeline(m, self.i, self.o, self._stages())
        return m

    def _stages(self) -> list[Stage]:
        to_float = IntToFloatConfig(int_width=self.config.adc_bits)
        copied = Step(lambda m, fields, take: fields | {"value": fields["code"]}, 0.0)
        scaled = Step(lambda m, fields, take: fields | {"scale": self.scale}, 0.0)
        return [
            *grouped([copied, *int_to_float_steps("value", "value", to_float)], 2),
            *grouped([scaled, *mul_steps("value", "scale", "value", FloatMulConfig())], 2),
            *relu_mask_stages("value", "mask", self.activation),
        ]
