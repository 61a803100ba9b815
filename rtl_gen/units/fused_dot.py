"""Sum of many products of floating-point numbers, rounded once."""

from amaranth import *

from models.config.floats import FusedDotConfig
from rtl_gen.formats import Operand
from rtl_gen.fused import Fused
from rtl_gen.multiplier import product
from rtl_gen.steps import Step
from rtl_gen.units.float_unit import FloatUnit


def fused_dot_steps(a: str, b: str, out: str, config: FusedDotConfig) -> list[Step]:
    """Return steps that replace the packed ``a`` and ``b`` by their sum of products ``out``.

    With more than one beat the fields ``first`` and ``last`` are used up too.
    """
    fused = Fused(out, config)
    return [Step(_Products(a, b, fused).multiply, 5.2), *fused.steps()]


class _Products:
    def __init__(self, a: str, b: str, fused: Fused):
        self.a, self.b, self.fused, self.scope = a, b, fused, fused.scope
        self.config = fused.config

    def multiply(self, m, fields, take):
        rest = dict(fields)
        packed = rest.pop(self.a), rest.pop(self.b)
        factors = [[self._operand(side, t) for side in packed] for t in self.fused.terms]
        signs = [x.sign ^ y.sign for x, y in factors]
        flags: list[tuple] = []
        for t, (x, y) in enumerate(factors):
            rest = self.scope.give(rest, **self._term(m, t, x, y))
            negative = self.fused.negative(signs[t], signs[0])
            rest = self.scope.give(rest, **{f"n{t}": negative})
            flags.append(self._flags(x, y))
        nan, special = (Cat(column) for column in zip(*flags, strict=True))
        signs = Cat(signs)
        return self.scope.give(
            rest,
            nan=nan.any(),
            plus=(special & ~signs).any(),
            minus=(special & signs).any(),
            every=signs.all(),
            **({"sign": signs[0]} if self.fused.is_relative else {}),
        )

    def _operand(self, packed, t):
        fmt = self.config.format
        pattern = packed[t * fmt.width : (t + 1) * fmt.width]
        return Operand(pattern, fmt, flushed=self.config.is_flushed)

    def _term(self, m, t, x, y):
        name = self.scope.field(f"product_{t}")
        significand = product(m, x.significand, y.significand, self.config.multiplier, name)
        zero = Signal(name=self.scope.field(f"zero_{t}"))
        m.d.comb += zero.eq(x.is_zero | y.is_zero)
        exponent = x.exponent + y.exponent
        # a product that is 0 must not be the largest term; registers clear without tables
        exponent = Mux(zero, 0, exponent) if self.config.window else exponent
        significand = Mux(zero, 0, significand) if self.config.is_flushed else significand
        return {f"s{t}": significand, f"e{t}": exponent}

    @staticmethod
    def _flags(x, y):
        """Whether a product is a NaN, and whether it is infinite or a NaN."""
        nan = x.is_nan | y.is_nan | (x.is_special & y.is_zero) | (y.is_special & x.is_zero)
        return nan, x.is_special | y.is_special


def _operands(config: FusedDotConfig) -> dict:
    width = config.terms * config.format.width
    packet = {"first": 1, "last": 1} if config.beats > 1 else {}
    return {"a": width, "b": width} | packet


class FusedDot(FloatUnit):
    """Add the products of ``terms`` pairs of numbers and round once; products are exact.

    Products are aligned and summed as in `FusedSum`. With ``beats > 1`` the sum runs over the
    beats of a packet, one per cycle, and is rounded after the last; latency counts from that.

    Parameters
    ----------
    config : FusedDotConfig
        Formats, subnormals, rounding, terms, beats, window, multiplier, reduction, depth.

    Members
    -------
    i : ``In(stream.Signature(StructLayout({"a": terms * width, "b": terms * width})))``
        Factors, patterns of ``config.format``, term 0 in the lowest bits; ``random`` for
        stochastic rounding, of the last beat; ``first`` and ``last`` if ``beats > 1``.
    o : ``Out(stream.Signature(width))``
        Sum, pattern of ``config.result``, one per packet.
    """

    def __init__(self, config: FusedDotConfig):
        super().__init__(config, _operands(config), config.result.width)

    def steps(self):
        return fused_dot_steps("a", "b", "payload", self.config)
