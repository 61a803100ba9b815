"""Sum of many floating-point numbers, rounded once."""

from amaranth import *

from models.config.floats import FusedSumConfig
from rtl_gen.formats import Operand
from rtl_gen.fused import Fused
from rtl_gen.steps import Step
from rtl_gen.units.float_unit import FloatUnit


def fused_sum_steps(x: str, out: str, config: FusedSumConfig) -> list[Step]:
    """Return steps that replace the packed terms ``x`` by their sum ``out``."""
    fused = Fused(out, config)
    flushed, width = config.is_flushed, config.format.width

    def unpack(m, fields, take):
        rest = dict(fields)
        packed = rest.pop(x)
        terms = [
            Operand(packed[t * width : (t + 1) * width], config.format, flushed=flushed)
            for t in fused.terms
        ]
        parts = {}
        for t, term in enumerate(terms):
            # a register of its own clears it without tables
            parts[f"s{t}"] = Mux(term.is_zero, 0, term.significand) if flushed else term.significand
            parts[f"e{t}"] = term.exponent
            parts[f"n{t}"] = fused.negative(term.sign, terms[0].sign)
        return fused.scope.give(
            rest,
            sign=terms[0].sign,
            nan=Cat(term.is_nan for term in terms).any(),
            plus=Cat(term.is_special & ~term.sign for term in terms).any(),
            minus=Cat(term.is_special & term.sign for term in terms).any(),
            every=Cat(term.sign for term in terms).all(),
            **parts,
        )

    return [Step(unpack, 0.6), *fused.steps()]


class FusedSum(FloatUnit):
    """Add ``terms`` numbers and round once.

    A tree finds the largest exponent, the terms are aligned to it and summed as signed integers:
    exactly, or cut off below a window. In the exact form they are shifted up to fixed places.

    Parameters
    ----------
    config : FusedSumConfig
        Formats, subnormals, rounding, terms, window, reduction, depth.

    Members
    -------
    i : ``In(stream.Signature(StructLayout({"x": terms * width})))``
        Terms, patterns of ``config.format``, term 0 in the lowest bits; ``random`` for
        stochastic rounding.
    o : ``Out(stream.Signature(width))``
        Sum, pattern of ``config.result``.
    """

    def __init__(self, config: FusedSumConfig):
        width = config.format.width
        super().__init__(config, {"x": config.terms * width}, config.result.width)

    def steps(self):
        return fused_sum_steps("x", "payload", self.config)
