"""Terms of a sum brought to a common exponent."""

from amaranth import *

from rtl_gen.rounding import Unrounded
from rtl_gen.steps import Step


def maximum_steps(scope: Unrounded, of: list[str], to: str) -> list[Step]:
    """Return steps that add the largest of the parts ``of`` as part ``to``: levels of a tree."""
    steps, names = [], list(of)
    while len(names) > 1:
        pairs = [names[n : n + 2] for n in range(0, len(names), 2)]
        last = len(pairs) == 1
        names = [to if last else f"{to}_{len(pairs)}_{n}" for n in range(len(pairs))]
        steps.append(Step(_larger(scope, pairs, names, of), 3.3))
    return steps


def _larger(scope, pairs, names, of):
    def run(m, fields, take):
        rest = dict(fields)
        for pair, name in zip(pairs, names, strict=True):
            values = [
                rest[part] if part in of else rest.pop(part) for part in map(scope.field, pair)
            ]
            rest[scope.field(name)] = maximum(m, *values, name=scope.field(f"below_{name}"))
        return rest

    of = [scope.field(part) for part in of]
    return run


def maximum(m, a, b=None, *, name: str):
    """Return the larger one."""
    if b is None:
        return a
    below = Signal(name=name)
    m.d.comb += below.eq(a < b)
    return Mux(below, b, a)


class Alignment:
    """Terms cut off to a window below the largest exponent, or shifted up to their places.

    Parts of each term ``t``: ``s<t>`` significand, ``e<t>`` exponent, ``n<t>`` whether it counts
    as negative (kept). They become ``x<t>`` of ``window_bits`` bits, inverted when ``n<t>``.

    Parameters
    ----------
    scope : Unrounded
        Whose parts these are.
    config : FusedSumConfig
        Terms, window, sticky.
    """

    def __init__(self, scope: Unrounded, config):
        self.scope, self.config = scope, config
        self.terms, self.width = range(config.terms), config.window_bits
        bits = config.anchors[-1].bit_length()
        self.count = min((self.width - 1).bit_length(), bits) if config.window else bits
        self.is_cut = self.count < bits
        # A table of four inputs shifts and clears. That a term is far comes in time at the second
        # level.
        self.clearing = min(1, self.count - 1)
        self.is_sticky = bool(config.window and config.sticky)

    def steps(self) -> list[Step]:
        """Return the steps; the windowed ones ask for ``top``, the largest exponent."""
        if not self.config.window:
            return self._levels(self._raise)
        return [Step(self._distances, 2.7), *self._levels(self._lower)]

    def _levels(self, move):
        return [Step(self._level(move, n), 1.2 if n else 0.9) for n in range(self.count)]

    def _distances(self, m, fields, take):
        (top,), rest = self.scope.take(fields, "top")
        for t in self.terms:
            (exponent,), rest = self.scope.take(rest, f"e{t}")
            distance = (top - exponent)[: len(top)]
            rest = self.scope.give(rest, **{f"e{t}": distance[: self.count]})
            if self.is_cut:
                rest = self.scope.give(rest, **{f"far{t}": distance[self.count :]})
        return self.scope.give(rest, top=top)

    def _level(self, move, n: int):
        def run(m, fields, take):
            rest = self._far(fields) if n == 0 and self.config.window else dict(fields)
            for t in self.terms:
                (x, amount), rest = self.scope.take(rest, f"s{t}", f"e{t}")
                if n == self.clearing and self.is_cut:
                    (far,), rest = self.scope.take(rest, f"far{t}")
                    x = x & (~far).replicate(len(x))
                x, cut = move(x, amount[0], 2**n)
                if self.is_sticky:
                    (lost,), rest = self.scope.take(rest, f"lost{t}")
                    rest = self.scope.give(rest, **{f"lost{t}": lost | cut.any()})
                if n < self.count - 1:
                    rest = self.scope.give(rest, **{f"s{t}": x, f"e{t}": amount[1:]})
                else:
                    rest = self._finish(x, rest, t)
            return rest

        return run

    def _far(self, fields):
        """See which terms are below the window, ``far<t>``, and which of these lose ones there."""
        rest = dict(fields)
        for t in self.terms:
            far = rest[self.scope.field(f"far{t}")].any() if self.is_cut else C(0)
            if self.is_sticky:
                some = rest[self.scope.field(f"s{t}")].any()
                rest = self.scope.give(rest, **{f"lost{t}": far & some})
            if self.is_cut:
                rest = self.scope.give(rest, **{f"far{t}": far})
        return rest

    def _lower(self, x, chosen, count):
        """Right by ``count``, the highest bits stay in line; bits below the window are lost."""
        moved = Mux(chosen, Cat(x, C(0, count)), Cat(C(0, count), x))[: len(x) + count]
        below = max(0, len(moved) - self.width)
        return moved[below:], moved[:below]

    def _raise(self, x, chosen, count):
        return Mux(chosen, Cat(C(0, count), x), Cat(x, C(0, count)))[: len(x) + count], C(0, 0)

    def _finish(self, x, rest, t):
        if self.config.window:
            x = Cat(C(0, self.width - len(x)), x)
        else:
            x = x[self.config.anchors[0] :][: self.width]
        if self.is_sticky:
            (lost,), rest = self.scope.take(rest, f"lost{t}")
            x = Cat(x[0] | lost, x[1:])
        negative = rest[self.scope.field(f"n{t}")]
        return self.scope.give(rest, **{f"x{t}": x ^ negative.replicate(self.width)})
