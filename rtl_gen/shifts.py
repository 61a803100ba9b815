"""Shifters and leading-zero counters, one level of multiplexers at a time."""

from amaranth import *
from amaranth.utils import ceil_log2


def leading_zeros(m, value, name: str):
    """Zeros above the highest one; any number for 0. A tree of pairs: short rather than small."""
    width = 2 ** ceil_log2(len(value))
    counts = [(bit, C(0, 0)) for bit in reversed(Cat(C(0, width - len(value)), value))]
    while len(counts) > 1:
        pairs = list(zip(counts[::2], counts[1::2], strict=True))
        counts = []
        for n, ((high, high_count), (low, low_count)) in enumerate(pairs):
            count = Signal(len(high_count) + 1, name=f"{name}_{len(pairs)}_{n}")
            found = Signal(name=f"{name}_found_{len(pairs)}_{n}")
            m.d.comb += found.eq(high | low)
            below = Mux(high, high_count, low_count) if len(high_count) else high_count
            m.d.comb += count.eq(Cat(below, ~high))
            counts.append((found, count))
    return counts[0][1]


def shift_left_fixed(value, count: int):
    """``value << count`` in the same width."""
    width = len(value)
    return Cat(C(0, min(count, width)), value[: max(0, width - count)])


def shift_right_fixed(value, count: int):
    """``value >> count`` in the same width."""
    width = len(value)
    return Cat(value[count:], C(0, min(count, width)))


def levels(limit: int) -> list[int]:
    """Powers of two, highest first, whose sums reach from 0 to at least ``limit``."""
    return [2**n for n in reversed(range(limit.bit_length()))]


def shift_right_level(value, count: int, chosen, lost):
    """``value >> count`` if ``chosen``; the value, and ``lost`` or whether a one fell off."""
    lost = lost | (chosen & value[:count].any())
    return Mux(chosen, shift_right_fixed(value, count), value), lost
