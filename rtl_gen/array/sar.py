"""Successive-approximation converters that share one sequencer."""

from dataclasses import dataclass

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.checks import check_int


@dataclass(frozen=True)
class SarConfig:
    """Parameters of :class:`SarAdc`, with its names."""

    adc_count: int
    adc_bits: int
    group_count: int

    def __post_init__(self) -> None:
        check_int("adc_count", self.adc_count, 1, 256)
        check_int("adc_bits", self.adc_bits, 1, 12)
        check_int("group_count", self.group_count, 1, 1024)


class SarAdc(wiring.Component):
    """Convert the held inputs of one mux group, one decision per cycle, MSB first.

    A converter keeps each trial bit that its comparator accepts, so its code is the largest one
    that is not above the held input. Takes ``LATENCY`` cycles and then a beat of ``o``; the next
    group is taken when that beat has left. No combinational path from input to output.

    Parameters
    ----------
    adc_count : int
        Converters, 1 to 256.
    adc_bits : int
        Decisions per conversion, 1 to 12.
    group_count : int
        Settings of the mux, 1 to 1024.

    Members
    -------
    i : ``In(stream.Signature(...))``
        ``group`` to convert; taken only between conversions.
    o : ``Out(stream.Signature(...))``
        ``codes`` (converter 0 lowest) and ``group``.
    mux : ``Out``
        Group under conversion; holds until the next one is taken.
    trial : ``Out(adc_count * adc_bits)``
        Code so far with the bit under test set, for each converter.
    comparator : ``In(adc_count)``
        1 where the held input is at least the trial, settled within the same cycle.
    """

    i: stream.Interface
    o: stream.Interface
    mux: Signal
    trial: Signal
    comparator: Signal

    def __init__(self, adc_count: int, adc_bits: int, group_count: int):
        self.config = SarConfig(adc_count, adc_bits, group_count)
        self.adc_count, self.adc_bits = adc_count, adc_bits
        group_width = max(1, (group_count - 1).bit_length())
        result = {"codes": adc_count * adc_bits, "group": group_width}
        super().__init__(
            {
                "i": In(stream.Signature(data.StructLayout({"group": group_width}))),
                "o": Out(stream.Signature(data.StructLayout(result))),
                "mux": Out(group_width),
                "trial": Out(adc_count * adc_bits),
                "comparator": In(adc_count),
            }
        )

    @property
    def LATENCY(self) -> int:
        """Cycles from taking a group to its codes: one to start, one per decision."""
        return self.adc_bits + 1

    def elaborate(self, platform):
        m = Module()
        codes = Signal(self.adc_count * self.adc_bits, reset_less=True)
        bit = Signal(self.adc_bits)  # one-hot bit under test, 0 between conversions
        accepted = Cat(bit & value.replicate(self.adc_bits) for value in self.comparator)
        m.d.comb += [
            self.trial.eq(codes | bit.replicate(self.adc_count)),
            self.i.ready.eq(~bit.any() & ~self.o.valid),
            self.o.p.codes.eq(codes),
            self.o.p.group.eq(self.mux),
        ]
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += [self.mux.eq(self.i.p.group), codes.eq(0)]
            m.d.sync += bit.eq(1 << (self.adc_bits - 1))
        with m.If(bit.any()):
            m.d.sync += [codes.eq(codes | accepted), bit.eq(bit >> 1), self.o.valid.eq(bit[0])]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        return m
