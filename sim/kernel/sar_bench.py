"""The SAR controller with a digital comparator: held inputs as integers instead of pins."""

# What pyright infers from the sources of Amaranth, which have no annotations, is wrong.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false, reportGeneralTypeIssues=false

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.array.sar import SarAdc


class SarBench(wiring.Component):
    """Convert held integers with :class:`rtl_gen.array.sar.SarAdc`.

    Parameters
    ----------
    adc_count, adc_bits : int
        As in the controller.

    Members
    -------
    i : stream
        ``held``: one signed ``adc_bits + 2`` bit field per converter, lane 0 lowest.
    o : stream
        ``codes``: one ``adc_bits`` field per converter.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, adc_count: int, adc_bits: int):
        self.adc_count, self.adc_bits = adc_count, adc_bits
        held = data.StructLayout({"held": adc_count * (adc_bits + 2)})
        codes = data.StructLayout({"codes": adc_count * adc_bits})
        super().__init__({"i": In(stream.Signature(held)), "o": Out(stream.Signature(codes))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.sar = sar = SarAdc(self.adc_count, self.adc_bits, 1)
        held = Signal.like(Value.cast(self.i.payload.held))
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += held.eq(self.i.payload.held)
        width, bits = self.adc_bits + 2, self.adc_bits
        for lane in range(self.adc_count):
            value = held[lane * width : (lane + 1) * width].as_signed()
            trial = sar.trial[lane * bits : (lane + 1) * bits]
            m.d.comb += sar.comparator[lane].eq(value >= trial)
        m.d.comb += [
            sar.i.valid.eq(self.i.valid),
            self.i.ready.eq(sar.i.ready),
            self.o.valid.eq(sar.o.valid),
            sar.o.ready.eq(self.o.ready),
            self.o.payload.codes.eq(sar.o.payload.codes),
        ]
        return m
