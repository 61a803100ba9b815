"""What a line and a slot of the pulse trains compute, without the registers in between."""

# What pyright infers from the sources of Amaranth, which have no annotations, is wrong.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportGeneralTypeIssues=false
# pyright: reportOperatorIssue=false

from amaranth import Cat, Const, Module, Mux, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.chopped_units import PulseTrainConfig
from models.config.floats import FloatMulConfig
from models.config.units import RequantizeConfig
from rtl_gen.line_words import Parities, ahead_masks, word_masks
from rtl_gen.steps import grouped
from rtl_gen.streams import pipeline
from rtl_gen.units.float_mul import mul_steps
from rtl_gen.units.requantize import requantize_stages


class ThresholdBench(wiring.Component):
    """Threshold of a line, by the stages of :class:`PulseTrains`.

    Parameters
    ----------
    config : PulseTrainConfig
        As in the unit.

    Members
    -------
    i : stream
        ``value``, ``scale``: BF16 patterns.
    o : stream
        The threshold, ``2**random_bits`` at most.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: PulseTrainConfig):
        self.config = config
        given = data.StructLayout({"value": 16, "scale": 16})
        limit = config.random_bits + 1
        super().__init__({"i": In(stream.Signature(given)), "o": Out(stream.Signature(limit))})

    def elaborate(self, platform):
        """Product of the magnitudes, rounded, at most 1."""
        m = Module()
        bits = self.config.random_bits
        widths = RequantizeConfig(code_width=bits + 2, random_bits=1)
        settings = Const(-bits, signed(9)), Const(0)

        def magnitudes(m, fields, take):
            positive = {name: Cat(fields[name][:15], Const(0, 1)) for name in ("value", "scale")}
            return positive | {"random": Const(0, 1)}

        def clamp(m, fields, take):
            code = fields["code"]
            return {"payload": Mux(code[bits], 1 << bits, code[:bits])}

        stages = [
            magnitudes,
            *grouped(mul_steps("value", "scale", "product", FloatMulConfig()), 2),
            *requantize_stages("product", "random", "code", widths, *settings),
            clamp,
        ]
        pipeline(m, self.i, self.o, stages)
        return m


class SlotBench(wiring.Component):
    """Pulses of one slot, and the register after it, by the networks of :class:`PulseTrains`.

    Parameters
    ----------
    config : PulseTrainConfig
        As in the unit.
    rows, columns : int
        Lines in use.

    Members
    -------
    i : stream
        ``state`` of the register, and ``limits``: a threshold of ``random_bits + 1`` bits for each
        line in use, rows first, lowest first.
    o : stream
        ``fire``: a bit per line in use, padded to bytes; ``state`` after the slot.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: PulseTrainConfig, rows: int, columns: int):
        self.config, self.rows, self.columns = config, rows, columns
        lines, width = rows + columns, config.lfsr.width
        given = {"state": width, "limits": lines * (config.random_bits + 1)}
        found = {"fire": -(-lines // 8) * 8, "state": width}
        super().__init__(
            {
                "i": In(stream.Signature(data.StructLayout(given))),
                "o": Out(stream.Signature(data.StructLayout(found))),
            }
        )

    def elaborate(self, platform):
        """Words of all lines from the state, compared with their thresholds."""
        m = Module()
        pipeline(m, self.i, self.o, [self._slot])
        return m

    def _slot(self, m, fields, take):
        config, width = self.config, self.config.random_bits + 1
        parities = Parities(m, fields["state"], "parity")
        masks, limits, fire = word_masks(config), fields["limits"], []
        lines = [*range(self.rows), *range(config.rows, config.rows + self.columns)]
        for place, line in enumerate(lines):
            word = Cat(parities.of(mask) for mask in masks[line])
            fire.append(word < limits[place * width : (place + 1) * width])
        following = ahead_masks(config.lfsr.word_bits, config.lfsr, config.lfsr.width)
        return {"fire": Cat(fire), "state": Cat(parities.of(mask) for mask in following)}
