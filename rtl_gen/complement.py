"""Rounding of signed sums without an adder for their magnitude."""

from dataclasses import replace

from amaranth import *

from rtl_gen.rounding import Unrounded
from rtl_gen.shifts import levels
from rtl_gen.steps import Step


class UnroundedSum(Unrounded):
    """An `Unrounded` made from a signed sum: ``negative`` ones lack 1 in the lowest place.

    The magnitude of a negative sum is its complement plus 1. Here it is the complement followed
    by ones for ever, which is the same; rounding reads the ones as what they stand for. As many of
    them are given as the widest shift brings in.

    Parameters
    ----------
    name, config, exponents, offset
        As of `Unrounded`; the exponent is that of the highest bit of the sum.
    width : int
        Bits of the magnitude of the sum.
    """

    def __init__(self, name, config, width: int, exponents: range, offset: int):
        below = config.random_bits if config.rounding == "stochastic" else 2
        self.sum_width = width
        # the complement of -1 is 0, all ``width`` places before the first one
        super().__init__(name, config, width, exponents, offset, zeros=width)
        # what a shift to the right leaves of the sum, and then what one to the left brings in
        self.seen = max(width, self.significand + below) + self.tiny
        super().__init__(name, config, self.seen + width, exponents, offset, zeros=width)
        self.never_zero = False

    def steps(self) -> list[Step]:
        """Return the steps of `Unrounded`, with the delays that shifts of wide sums have."""
        steps = super().steps()
        wide = len(levels(self.zeros)) - 1 if self.config.is_flushed else 0
        first = [replace(one, delay=1.4 + 0.4 * (wide - n)) for n, one in enumerate(steps[:wide])]
        return [*first, *steps[wide:]]

    def of_sum(self, m, total):
        """Parts ``magnitude`` and ``negative`` of a signed sum."""
        negative = Signal(name=self.field("negative"))
        magnitude = Signal(self.sum_width, name=self.field("complement"))
        m.d.comb += negative.eq(total[-1])
        m.d.comb += magnitude.eq(total ^ negative.replicate(self.sum_width))
        ones = negative.replicate(self.given_width - self.sum_width)
        return {"magnitude": Cat(ones, magnitude), "negative": negative}

    def _rounded(self, magnitude, rest):
        below = self.seen - self.significand
        kept, cut = magnitude[-self.significand :], magnitude[-self.seen : -self.significand]
        negative = rest.pop(self.field("negative"))
        if self.is_stochastic:
            bits = self.config.random_bits
            carry = negative & cut[: below - bits].all()
            return kept, (cut[below - bits :] + rest.pop("random") + carry)[bits]
        if self.config.rounding == "toward_zero":
            return kept, negative & cut.all()
        some = (cut[:-1] ^ negative.replicate(below - 1)).any()
        return kept, Mux(negative, cut[-1] | (kept[0] & ~some), cut[-1] & (kept[0] | some))
