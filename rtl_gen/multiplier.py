"""Products of significands."""

from amaranth import *


def product(m, x, y, how: str, name: str):
    """``x * y``, unsigned: one ``*`` ("operator"), or a tree of carry chains ("rows")."""
    if how == "operator":
        return x * y
    rows = [(n, Mux(y[n], x, 0)) for n in range(len(y))]
    level = 0
    while len(rows) > 1:
        pairs = [rows[n : n + 2] for n in range(0, len(rows), 2)]
        rows = [
            _added(m, *pair, f"{name}_rows_{level}_{n}") if len(pair) == 2 else pair[0]
            for n, pair in enumerate(pairs)
        ]
        level += 1
    place, value = rows[0]
    return Cat(C(0, place), value)[: len(x) + len(y)]


def _added(m, low, high, name):
    """Sum of two (place, value); the wire is kept, lest tools merge the tree to compressors."""
    (place, x), (upper, y) = low, high
    shift = upper - place
    # the bits below ``shift`` pass by the adder
    total = Signal(max(len(x) - shift, len(y)) + 1, name=name, attrs={"keep": 1})
    m.d.comb += total.eq(x[shift:] + y)
    return place, Cat(x[:shift], total)
