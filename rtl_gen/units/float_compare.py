"""Comparison of two floating-point numbers."""

from amaranth import *
from amaranth.lib import data

from models.config.floats import FloatCompareConfig
from rtl_gen.formats import Operand
from rtl_gen.steps import Step
from rtl_gen.units.float_unit import FloatUnit


class FloatCompare(FloatUnit):
    """Order of two numbers, the larger and the smaller one.

    -0 equals +0, but is the smaller one of the two. With a NaN nothing is less or equal, and
    maximum and minimum are the canonical NaN.

    Parameters
    ----------
    config : FloatCompareConfig
        Format, subnormals, depth.

    Members
    -------
    i : ``In(stream.Signature(StructLayout({"a": width, "b": width})))``
        Patterns of ``config.format``.
    o : ``Out(stream.Signature(StructLayout))``
        ``less`` (a < b), ``equal``, ``unordered``, one bit each; ``maximum``, ``minimum``.
    """

    def __init__(self, config: FloatCompareConfig):
        width = config.format.width
        result = {"less": 1, "equal": 1, "unordered": 1, "maximum": width, "minimum": width}
        super().__init__(config, {"a": width, "b": width}, data.StructLayout(result))

    def steps(self):
        return [Step(self._unpack, 1.4), Step(self._order, 2.6), Step(self._choose, 1.6)]

    def _unpack(self, m, fields, take):
        flushed = self.config.is_flushed
        x, y = (Operand(fields[n], self.config.format, flushed=flushed) for n in ("a", "b"))
        a, b = fields["a"], fields["b"]
        if flushed:
            a, b = (
                Cat(p[:-1] & (~o.is_zero).replicate(len(p) - 1), p[-1]) for p, o in ((a, x), (b, y))
            )
        zero = x.is_zero & y.is_zero
        return {"a": a, "b": b, "zero": zero, "unordered": x.is_nan | y.is_nan}

    def _order(self, m, fields, take):
        a, b = fields["a"], fields["b"]
        below, same = Signal(name="below"), Signal(name="same")
        m.d.comb += [below.eq(a[:-1] < b[:-1]), same.eq(a[:-1] == b[:-1])]
        # -0 before +0
        before = Mux(a[-1] ^ b[-1], a[-1], Mux(a[-1], ~below & ~same, below))
        return fields | {"before": before, "same": same & ~(a[-1] ^ b[-1])}

    def _choose(self, m, fields, take):
        a, b, unordered = fields["a"], fields["b"], fields["unordered"]
        nan = self.config.format.nan
        return {
            "less": fields["before"] & ~fields["zero"] & ~unordered,
            "equal": (fields["same"] | fields["zero"]) & ~unordered,
            "unordered": unordered,
            "maximum": Mux(unordered, nan, Mux(fields["before"], b, a)),
            "minimum": Mux(unordered, nan, Mux(fields["before"], a, b)),
        }
