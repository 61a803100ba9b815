"""Maximum of the codes in a packet."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.checks import check_int
from rtl_gen.streams import pipeline


class MaxPool(wiring.Component):
    """Largest code of a packet and its place in it; the first of equal ones.

    One code per cycle; the result comes one cycle after the last code. ``i.ready`` depends
    combinationally on ``o.ready``; no other input reaches an output within a cycle.

    Parameters
    ----------
    code_width : int
        Width of a code in bits, 2 to 16; TypeError or ValueError otherwise.

    Members
    -------
    i : ``In(stream.Signature(StructLayout({"code": signed(code_width), "first": 1, "last": 1})))``
        Codes; ``first`` and ``last`` mark the ends of a packet of 1 to 256.
    o : ``Out(stream.Signature(StructLayout({"code": signed(code_width), "index": 8})))``
        Largest code and its place, counted from 0.
    """

    LATENCY = 1

    i: stream.Interface
    o: stream.Interface

    def __init__(self, code_width: int):
        check_int("code_width", code_width, 2, 16)
        self.config = None
        self.code_width = code_width
        code = signed(code_width)
        i_payload = data.StructLayout({"code": code, "first": 1, "last": 1})
        o_payload = data.StructLayout({"code": code, "index": 8})
        super().__init__(
            {"i": In(stream.Signature(i_payload)), "o": Out(stream.Signature(o_payload))}
        )

    def elaborate(self, platform):
        m = Module()
        pipeline(m, self.i, self.o, [self._compare])
        return m

    def _compare(self, m, fields, take):
        best, best_index, count = Signal(signed(self.code_width)), Signal(8), Signal(8)
        code = fields["code"].as_signed()
        place = Signal(8)
        m.d.comb += place.eq(Mux(fields["first"], 0, count))
        better = fields["first"] | (code > best)
        new_best = Signal.like(best)
        m.d.comb += new_best.eq(Mux(better, code, best))
        new_index = Mux(better, place, best_index)
        with m.If(take):
            m.d.sync += [best.eq(new_best), best_index.eq(new_index), count.eq(place + 1)]
        return {"code": new_best, "index": new_index, "keep": fields["last"]}
