"""Activation: pass, rectify, or mask with the derivative of an earlier rectification."""

from amaranth import *
from amaranth.lib import data, enum, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.streams import Stage, pipeline


class Activation(enum.Enum, shape=2):
    """What to do with a value; 3 is reserved and passes."""

    PASS = 0
    RELU = 1
    MASK = 2


def relu_mask_stages(value: str, mask: str, mode: Value) -> list[Stage]:
    """One stage that changes the BF16 field ``value`` and the bit ``mask``; ``mode`` is static."""

    def activate(m, fields, take):
        number, bit = fields[value], fields[mask]
        new_number = Signal(16, name=f"{value}_activated")
        new_bit = Signal(name=f"{mask}_activated")
        m.d.comb += [new_number.eq(number), new_bit.eq(bit)]
        with m.Switch(mode):
            with m.Case(Activation.RELU):
                m.d.comb += new_number.eq(Mux(number[-1], 0, number))
                m.d.comb += new_bit.eq(new_number.any())
            with m.Case(Activation.MASK):
                m.d.comb += new_number.eq(Mux(bit, number, 0))
        return fields | {value: new_number, mask: new_bit}

    return [activate]


class ReluMask(wiring.Component):
    """Rectify a BF16 number, or mask it.

    One payload per cycle, one cycle of latency. ``i.ready`` depends combinationally on
    ``o.ready``; no other input reaches an output within a cycle.

    Members
    -------
    mode : ``In(2)``
        0 passes value and mask. 1 turns a value whose sign bit is set into +0; the mask becomes 1
        where the result is not zero. 2 turns a value whose mask is 0 into +0 and passes the mask.
        3 is reserved. Stable while payloads are inside.
    i : ``In(stream.Signature(StructLayout({"value": 16, "mask": 1})))``
        BF16 pattern and mask.
    o : ``Out(stream.Signature(StructLayout({"value": 16, "mask": 1})))``
        BF16 pattern and mask.
    """

    LATENCY = 1

    mode: Signal
    i: stream.Interface
    o: stream.Interface

    def __init__(self):
        self.config = None
        payload = data.StructLayout({"value": 16, "mask": 1})
        super().__init__(
            {
                "mode": In(2),
                "i": In(stream.Signature(payload)),
                "o": Out(stream.Signature(payload)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        pipeline(m, self.i, self.o, relu_mask_stages("value", "mask", self.mode))
        return m
