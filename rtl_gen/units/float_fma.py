"""Floating-point fused multiply-add."""

from amaranth import *

from models.config.floats import FloatFmaConfig
from rtl_gen.formats import Operand
from rtl_gen.multiplier import product
from rtl_gen.rounding import Unrounded
from rtl_gen.shifts import levels, shift_right_level
from rtl_gen.steps import Step
from rtl_gen.units.float_unit import FloatUnit


class _Fma:
    """Steps of ``a * b + c``.

    Product and addend stand in a frame of ``frame`` bits and a sticky one, the one with the
    larger exponent at the top, the other shifted right to its place.
    """

    def __init__(self, a: str, b: str, c: str, out: str, config: FloatFmaConfig):
        self.names, self.config = (a, b, c), config
        self.flushed = config.is_flushed
        fmt, addend = config.format, config.addend
        product_width, addend_width = 2 * (fmt.mantissa_bits + 1), addend.mantissa_bits + 1
        rounded = config.result.mantissa_bits + 1
        rounded += config.random_bits if config.rounding == "stochastic" else 1
        # most leading zeros of either term at the top
        product_zeros = 1 if self.flushed else product_width - 1
        addend_zeros = 0 if self.flushed else addend_width - 1
        # Deep cancellation takes highest ones at most one place apart: then the other term
        # starts one place below these zeros or higher, and nothing of it may be cut off. Further
        # apart, the highest one of the sum is at most one place lower than that of the term at
        # the top, and what is rounded must end above the sticky bit.
        whole = max(product_zeros + 1 + addend_width, addend_zeros + 1 + product_width)
        self.frame = max(whole, max(product_zeros, addend_zeros) + 1 + rounded)
        # exponents count from the highest bit of the product; the addend's are moved to match
        self.move = 2 * fmt.bias - 1 - addend.bias
        low = 0 if self.flushed else 1
        top, addend_top = (one.largest >> one.mantissa_bits for one in (fmt, addend))
        products = range(2 * low, 2 * top + 1)
        addends = range(low + self.move, addend_top + self.move + 1)
        farthest = max(products[-1] - addends[0], addends[-1] - products[0])
        exponents = range(min(products[0], addends[0]), max(products[-1], addends[-1]) + 1)
        largest = max(abs(exponents[0]), exponents[-1], farthest)
        self.shape = signed(largest.bit_length() + 1)
        offset = config.result.bias - 2 * fmt.bias + 2  # the sum has a carry place on top
        self.result = Unrounded(out, config, self.frame + 2, exponents, offset)
        self.counts = levels(min(self.frame, farthest))[::-1]

    def steps(self) -> list[Step]:
        last = len(self.counts) - 1
        return [
            Step(self._unpack, 1.4),
            Step(self._multiply, 6.0),
            Step(self._distance, 2.6),
            Step(self._swap, 1.6),
            *(Step(self._align(c, n == last), 1.1) for n, c in enumerate(self.counts)),
            Step(self._add, 3.0),
            Step(self._absolute, 1.2),
            *self.result.steps(),
        ]

    def _unpack(self, m, fields, take):
        a, b, c = self.names
        x, y = (Operand(fields[name], self.config.format, flushed=self.flushed) for name in (a, b))
        z = Operand(fields[c], self.config.addend, flushed=self.flushed)
        rest = {name: value for name, value in fields.items() if name not in self.names}
        sign = x.sign ^ y.sign
        factor, nothing = x.is_special | y.is_special, x.is_zero | y.is_zero
        inf = factor | z.is_special
        nan = x.is_nan | y.is_nan | z.is_nan | (factor & nothing)
        return self.result.give(
            rest,
            x=x.significand,
            y=y.significand,
            z=z.significand,
            x_exponent=x.exponent,
            y_exponent=y.exponent,
            z_exponent=z.exponent,
            product_sign=sign,
            addend_sign=z.sign,
            no_product=nothing,
            no_addend=z.is_zero,
            nan=nan | (factor & z.is_special & (sign ^ z.sign)),
            inf=inf,
            # The sum beside an infinity means nothing and may cancel: it counts as a zero, whose
            # sign is the one that holds.
            zero=inf | (nothing & z.is_zero),
            zero_sign=Mux(inf, Mux(z.is_special, z.sign, sign), sign & z.sign),
        )

    def _multiply(self, m, fields, take):
        parts = ("x", "y", "x_exponent", "y_exponent", "z_exponent")
        (x, y, *exponents), rest = self.result.take(fields, *parts)
        name = self.result.field("product")
        return self.result.give(
            rest,
            product=product(m, x, y, self.config.multiplier, name),
            x_exponent=exponents[0] + exponents[1],
            z_exponent=exponents[2] + self.move,
        )

    def _distance(self, m, fields, take):
        parts = ("x_exponent", "z_exponent", "no_product", "no_addend")
        (x, z, no_product, no_addend), rest = self.result.take(fields, *parts)
        down, up = (Signal(self.shape, name=self.result.field(n)) for n in ("down", "up"))
        swap = Signal(name=self.result.field("swap_to"))
        m.d.comb += [
            down.eq(x - z),
            up.eq(z - x),
            swap.eq((down[-1] & ~no_addend) | no_product),
        ]
        amount = Mux(down[-1], up, down)[: self.shape.width - 1]
        top = (2 * self.counts[-1]).bit_length() - 1
        # a term that is 0 is shifted out whatever its exponent
        none = no_product | no_addend
        return self.result.give(
            rest,
            swap=swap,
            distance=amount[:top],
            far=amount[top:].any() | none,
            none=none,
            exponent=Mux(swap, z, x),
        )

    def _swap(self, m, fields, take):
        parts = ("product", "z", "swap", "product_sign", "addend_sign", "none")
        (x, z, swap, x_sign, z_sign, none), rest = self.result.take(fields, *parts)
        width = max(len(x), len(z))
        x, z = (Cat(C(0, width - len(v)), v) for v in (x, z))
        return self.result.give(
            rest,
            large=Mux(swap, z, x),
            small=Mux(swap, x, z),
            sign=Mux(swap, z_sign, x_sign),
            subtract=x_sign ^ z_sign,
            none=none,
        )

    def _align(self, count: int, last: bool):
        def run(m, fields, take):
            (small, distance), rest = self.result.take(fields, "small", "distance")
            small = Cat(C(0, self.frame - len(small)), small)
            lost = rest.pop(self.result.field("lost"), C(0))
            chosen = distance[count.bit_length() - 1]
            moved, lost = shift_right_level(small, count, chosen, lost)
            if not last:
                return self.result.give(rest, small=moved, distance=distance, lost=lost)
            (far, none, subtract), rest = self.result.take(rest, "far", "none", "subtract")
            # in the far, something is left of what is not 0: a sticky one
            small = Cat(Mux(far, ~none, lost), Mux(far, 0, moved)[: self.frame])
            small = small ^ subtract.replicate(self.frame + 1)
            return self.result.give(rest, small=small, subtract=subtract)

        return run

    def _add(self, m, fields, take):
        """Sum, or difference both ways: the order is open while exponents are close."""
        (large, small, subtract), rest = self.result.take(fields, "large", "small", "subtract")
        large = Cat(C(0, self.frame + 1 - len(large)), large)
        # ~(large + ~small) is small - large
        total = (Cat(C(1, 1), large) + Cat(subtract, small))[1:]
        other = Signal(self.frame + 2, name=self.result.field("other_way"), attrs={"keep": 1})
        m.d.comb += other.eq(large + small)
        return self.result.give(rest, total=total, other=~other[:-1], subtract=subtract)

    def _absolute(self, m, fields, take):
        parts = ("total", "other", "subtract", "sign")
        (total, other, subtract, sign), rest = self.result.take(fields, *parts)
        negative = Signal(name=self.result.field("is_negative"))
        m.d.comb += negative.eq(subtract & ~total[-1])
        magnitude = Cat(Mux(negative, other, total[:-1]), total[-1] & ~subtract)
        return self.result.give(rest, magnitude=magnitude, sign=sign ^ negative)


def fma_steps(a: str, b: str, c: str, out: str, config: FloatFmaConfig) -> list[Step]:
    """Return steps that replace the fields ``a``, ``b`` and ``c`` by ``a * b + c`` as ``out``."""
    return _Fma(a, b, c, out, config).steps()


class FloatFma(FloatUnit):
    """Multiply two numbers, add a third, and round once.

    Parameters
    ----------
    config : FloatFmaConfig
        Formats, subnormals, rounding, multiplier, depth.

    Members
    -------
    i : ``In(stream.Signature(StructLayout({"a": width, "b": width, "c": addend width})))``
        Factors, patterns of ``config.format``; addend, of ``config.addend``; ``random`` for
        stochastic rounding.
    o : ``Out(stream.Signature(width))``
        ``a * b + c``, pattern of ``config.result``.
    """

    def __init__(self, config: FloatFmaConfig):
        width = config.format.width
        operands = {"a": width, "b": width, "c": config.addend.width}
        super().__init__(config, operands, config.result.width)

    def steps(self):
        return fma_steps("a", "b", "c", "payload", self.config)
