"""ADC interface: offset and gain correction, column pairs, recombination of input slices."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from models.config.units import AdcInterfaceConfig
from rtl_gen.streams import pipeline


class AdcInterface(wiring.Component):
    """Correct the codes of all converters and sum them over slices and phases.

    Each code becomes ``code * gain + offset``, exactly; with ``pair`` every even converter gets
    the difference to its odd neighbour and the odd one 0. The result is added to the running
    sums of its mux group, which start from 0 (``first``), from twice to the slice width their
    value (``shift``), or from their value. Throughput one beat per cycle for any order of groups.
    ``i.ready`` depends combinationally on ``o.ready``.

    Parameters
    ----------
    config : AdcInterfaceConfig
        Widths.

    Members
    -------
    gain : ``In(adc_count * gain_width)``
        Unsigned gain of each converter, converter 0 lowest; LSB ``2**-gain_fraction_bits``.
    offset : ``In(adc_count * offset_width)``
        Signed offset of each converter, in the LSB of the sums.
    i : ``In(stream.Signature(...))``
        ``codes`` (unsigned, converter 0 lowest), ``group``, ``pair``, ``negative`` (subtract
        this beat), ``first``, ``shift``, ``last`` (the sums are complete).
    o : ``Out(stream.Signature(...))``
        One beat per ``last``: ``sums`` (signed, converter 0 lowest, LSB ``2**-gain_fraction_bits``
        of a code) and ``group``.
    """

    LATENCY = 3

    i: stream.Interface
    o: stream.Interface
    gain: Signal
    offset: Signal

    def __init__(self, config: AdcInterfaceConfig):
        self.config = config
        group_width = max(1, (config.group_count - 1).bit_length())
        beat = {"codes": config.adc_count * config.adc_bits, "group": group_width}
        flags = dict.fromkeys(("pair", "negative", "first", "shift", "last"), 1)
        sums = {"sums": config.adc_count * config.sum_width, "group": group_width}
        super().__init__(
            {
                "gain": In(config.adc_count * config.gain_width),
                "offset": In(config.adc_count * config.offset_width),
                "i": In(stream.Signature(data.StructLayout(beat | flags))),
                "o": Out(stream.Signature(data.StructLayout(sums))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        pipeline(m, self.i, self.o, [self._correct, self._subtract, self._accumulate])
        return m

    def _correct(self, m, fields, take):
        config = self.config
        lanes = [
            code * gain + offset.as_signed()
            for code, gain, offset in zip(
                _lanes(fields["codes"], config.adc_count),
                _lanes(self.gain, config.adc_count),
                _lanes(self.offset, config.adc_count),
                strict=True,
            )
        ]
        width = config.adc_bits + config.gain_width + 2  # offset reaches a quarter beyond
        return _without(fields, "codes") | {"lanes": _pack(lanes, width)}

    def _subtract(self, m, fields, take):
        """Pair difference and sign."""
        lanes = [lane.as_signed() for lane in _lanes(fields["lanes"], self.config.adc_count)]
        width = self.config.adc_bits + self.config.gain_width + 2
        pair, negative = fields["pair"], fields["negative"]
        terms = []
        for index, lane in enumerate(lanes):
            term = Signal(signed(width), name=f"term_{index}")
            other = 0 if index % 2 else Mux(pair, lanes[index + 1], 0)
            value = Mux(pair, 0, lane) if index % 2 else lane - other
            m.d.comb += term.eq(Mux(negative, -value, value))
            terms.append(term)
        return _without(fields, "lanes", "pair", "negative") | {"terms": Cat(terms)}

    def _accumulate(self, m, fields, take):
        """Read, modify and write the sums of one group in one cycle."""
        config = self.config
        shape = unsigned(config.adc_count * config.sum_width)
        m.submodules.memory = memory = Memory(shape=shape, depth=config.group_count, init=[])
        read, write = memory.read_port(domain="comb"), memory.write_port()
        group, first, shift = fields["group"], fields["first"], fields["shift"]
        sums = []
        lanes = zip(
            _lanes(read.data, config.adc_count),
            _lanes(fields["terms"], config.adc_count),
            strict=True,
        )
        for held, term in lanes:
            base = Mux(first, 0, Mux(shift, held << config.slice_bits, held))
            sums.append(base + term.as_signed())
        total = _pack(sums, config.sum_width)
        m.d.comb += [
            read.addr.eq(group),
            write.addr.eq(group),
            write.data.eq(total),
            write.en.eq(take),
        ]
        return {"sums": total, "group": group, "keep": fields["last"]}


def _lanes(packed, count: int) -> list[Value]:
    value = Value.cast(packed)
    width = len(value) // count
    return [value[index * width : (index + 1) * width] for index in range(count)]


def _pack(lanes, width: int) -> Value:
    """Low ``width`` bits of each lane; signed lanes are extended."""
    return Cat((lane + Const(0, signed(width)))[:width] for lane in lanes)


def _without(fields, *names):
    return {name: value for name, value in fields.items() if name not in names}
