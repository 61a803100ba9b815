"""The part that fused sums and fused dot products share: from unpacked terms to one rounding."""

from amaranth import *

from rtl_gen.accumulator import Accumulator
from rtl_gen.alignment import Alignment, maximum_steps
from rtl_gen.complement import UnroundedSum
from rtl_gen.reduction import CarrySave, chain_steps
from rtl_gen.steps import Step


class Fused:
    """Terms as parts of ``scope``, and the steps that sum and round them.

    Parts of each term: those of `Alignment`. Besides ``nan``, ``plus`` and ``minus``: whether any
    term is a NaN or an infinity of that sign (a NaN may count as one); ``every``: whether all
    terms have negative signs; without accumulator ``sign``, of term 0.

    Without accumulator the signs count relative to that of term 0, and the sum is turned round in
    the end: a tree of adders takes in one bit less than it has terms, and needs no more.

    Parameters
    ----------
    out : str
        Field of the result.
    config : FusedSumConfig
        Of a sum or a dot product.
    """

    def __init__(self, out: str, config):
        self.config, self.terms = config, range(config.terms)
        self.beats = getattr(config, "beats", 1)
        self.is_relative = self.beats == 1
        self.width = config.window_bits + (config.terms * self.beats - 1).bit_length()
        lsb = config.lsb_exponent - (config.window and config.window - config.term_bits)
        offset = config.result.bias + self.width - 1 + lsb
        anchors = config.anchors
        if not config.window:
            offset, anchors = offset + anchors[0], range(1)
        self.scope = UnroundedSum(out, config, self.width, anchors, offset)
        # the rest of the offset is added here, while the terms are aligned
        self.early = offset - 1 + self.scope.tiny if config.window else 0
        anchors = range(anchors[0] + self.early, anchors[-1] + self.early + 1)
        self.scope = UnroundedSum(out, config, self.width, anchors, offset - self.early)

    def negative(self, sign, first):
        """Whether a term of ``sign`` counts as negative; ``first`` is the sign of term 0."""
        return sign ^ first if self.is_relative else sign

    def steps(self) -> list[Step]:
        """Return the steps from the parts of the terms to the pattern."""
        config, scope = self.config, self.scope
        steps = []
        if config.window:
            steps += maximum_steps(scope, [f"e{t}" for t in self.terms], "top")
        steps += Alignment(scope, config).steps()
        if self.beats > 1:
            steps += self._reduction()
            sums = Accumulator(scope, config, self.width).steps()
            steps += [*sums[:2], Step(self._exponent, 0.0), *sums[2:]]
        else:
            steps += [Step(self._exponent, 0.0), *self._reduction()]
        return [*steps, Step(self._magnitude, 1.6), *scope.steps()]

    def _reduction(self):
        rows, carries = [f"row{t}" for t in self.terms], [f"c{t}" for t in self.terms]
        reduce = [Step(self._rows, 0.0)]
        carries = carries[1:] if self.is_relative else carries
        if self.config.reduction == "chains":
            return reduce + chain_steps(self.scope, rows, carries, "total")
        width = self.config.window_bits + 1
        return reduce + CarrySave(self.scope, rows, carries, "total", width).steps()

    def _rows(self, m, fields, take):
        rest = dict(fields)
        for t in self.terms:
            (x, negative), rest = self.scope.take(rest, f"x{t}", f"n{t}")
            row = Cat(x, negative).as_signed()
            rest = self.scope.give(rest, **{f"row{t}": row})
            if t or not self.is_relative:
                rest = self.scope.give(rest, **{f"c{t}": negative})
        return rest

    def _exponent(self, m, fields, take):
        if not self.config.window:
            return fields
        exponent = Signal(self.scope.field_shape, name=self.scope.field("biased"))
        m.d.comb += exponent.eq(fields[self.scope.field("top")] + self.early)
        (_,), rest = self.scope.take(fields, "top")
        return self.scope.give(rest, exponent=exponent)

    def _magnitude(self, m, fields, take):
        parts = ("total", "nan", "plus", "minus", "every")
        (total, nan, plus, minus, every), rest = self.scope.take(fields, *parts)
        negative = total[-1]
        special = plus | minus
        sign = negative ^ rest.pop(self.scope.field("sign"), C(0))
        exponent = rest.pop(self.scope.field("exponent"), C(0, self.scope.field_shape.width))
        return self.scope.give(
            rest,
            exponent=exponent,
            sign=Mux(special, minus, sign),
            zero_sign=Mux(special, minus, every),
            nan=nan | plus & minus,
            inf=special,
            **self.scope.of_sum(m, total),
        )
