"""Floating-point adder."""

from amaranth import *

from models.config.floats import FloatAddConfig
from rtl_gen.formats import Operand
from rtl_gen.rounding import Unrounded
from rtl_gen.shifts import levels, shift_right_level
from rtl_gen.steps import Step
from rtl_gen.units.float_unit import FloatUnit


def add_steps(a: str, b: str, out: str, config: FloatAddConfig) -> list[Step]:
    """Return steps that replace the fields ``a`` and ``b`` by their sum ``out``."""
    return _Adder(a, b, out, config).steps()


class _Adder:
    def __init__(self, a: str, b: str, out: str, config: FloatAddConfig):
        self.a, self.b, self.out, self.config = a, b, out, config
        self.format, self.flushed = config.format, config.is_flushed
        # below the larger operand: what a longer result has more, one bit for normalisation, those
        # that round, and a sticky bit
        longer = max(0, config.result.mantissa_bits - config.format.mantissa_bits)
        self.extra = longer + (config.random_bits if config.rounding == "stochastic" else 1) + 2
        self.significand = self.format.mantissa_bits + 1
        self.aligned = self.significand + self.extra
        # no distance is longer than an exponent
        self.counts = levels(min(self.aligned - 1, self.format.exponent_max))
        top = self.format.largest >> self.format.mantissa_bits
        exponents = range(0 if self.flushed else 1, top + 1)
        offset = config.result.bias + 1 - self.format.bias
        # far apart, a sum has at most one leading zero below its carry place; near, nothing is cut
        self.result = Unrounded(
            out, config, self.aligned + 1, exponents, offset, clean=self.extra - 1
        )

    def steps(self) -> list[Step]:
        # the lowest bits of the distance come first out of its carry chain
        counts = self.counts[::-1]
        align = [self._align(c, n == 0, n == len(counts) - 1) for n, c in enumerate(counts)]
        return [
            Step(self._order, 2.6),
            Step(self._swap, 1.6),
            Step(self._distance, 2.4),
            *align,
            Step(self._add, 2.6),
            *self.result.steps(),
        ]

    def _order(self, m, fields, take):
        return self.result.give(fields, swap=fields[self.a][:-1] < fields[self.b][:-1])

    def _swap(self, m, fields, take):
        (swap,), rest = self.result.take(fields, "swap")
        a, b = rest.pop(self.a), rest.pop(self.b)
        large = Mux(swap, b[:-1], a[:-1])
        small = Mux(swap, a[:-1], b[:-1])
        sign, both = Mux(swap, b[-1], a[-1]), a[-1] & b[-1]
        subtract = a[-1] ^ b[-1]
        return self.result.give(
            rest, large=large, small=small, sign=sign, zero_sign=both, subtract=subtract
        )

    def _distance(self, m, fields, take):
        (large, small, subtract), rest = self.result.take(fields, "large", "small", "subtract")
        x, y = (Operand(Cat(v, C(0, 1)), self.format, flushed=self.flushed) for v in (large, small))
        distance = (x.exponent - y.exponent)[: self.format.exponent_bits]
        top = 2 * self.counts[0]
        far = distance[top.bit_length() - 1 :].any()
        some = ~y.is_zero
        if self.flushed:
            far = far | y.is_zero
            rest = self.result.give(rest, zero=x.is_zero)
        # the larger one by pattern is the NaN if there is one; infinities are equally large
        nan = x.is_nan | (y.is_special & subtract)
        return self.result.give(
            rest,
            x=x.significand,
            y=y.significand,
            distance=distance[: top.bit_length() - 1],
            far=far,
            some=some,
            subtract=subtract,
            exponent=x.exponent,
            nan=nan,
            inf=x.is_special,
        )

    def _align(self, count: int, first: bool, last: bool) -> Step:
        def run(m, fields, take):
            (y, distance), rest = self.result.take(fields, "y", "distance")
            lost = rest.pop(self.result.field("lost"), C(0))
            if first:
                y = Cat(C(0, self.extra - 1), y)
            chosen = distance[count.bit_length() - 1]
            y, lost = shift_right_level(y, count, chosen, lost)
            if last:
                (subtract, far, some), rest = self.result.take(rest, "subtract", "far", "some")
                y = Cat(Mux(far, some, lost), Mux(far, 0, y)[: self.aligned - 1])
                y = y ^ subtract.replicate(self.aligned)
                return self.result.give(rest, y=y, subtract=subtract)
            return self.result.give(rest, y=y, distance=distance, lost=lost)

        return Step(run, 1.2)

    def _add(self, m, fields, take):
        (x, y, subtract), rest = self.result.take(fields, "x", "y", "subtract")
        wide = Cat(C(1, 1), C(0, self.extra), x) + Cat(subtract, y)
        magnitude = Cat(wide[1 : self.aligned + 1], wide[self.aligned + 1] & ~subtract)
        return self.result.give(rest, magnitude=magnitude)


class FloatAdd(FloatUnit):
    """Add two numbers and round once.

    Parameters
    ----------
    config : FloatAddConfig
        Formats, subnormals, rounding, depth.

    Members
    -------
    i : ``In(stream.Signature(StructLayout({"a": width, "b": width})))``
        Summands, patterns of ``config.format``; ``random`` for stochastic rounding.
    o : ``Out(stream.Signature(width))``
        Sum, pattern of ``config.result``.
    """

    def __init__(self, config: FloatAddConfig):
        width = config.format.width
        super().__init__(config, {"a": width, "b": width}, config.result.width)

    def steps(self):
        return add_steps("a", "b", "payload", self.config)
