"""Sums carried unrounded from beat to beat."""

from amaranth import *

from rtl_gen.alignment import maximum
from rtl_gen.rounding import Unrounded
from rtl_gen.steps import Step


class Accumulator:
    """Add the sums of the beats of a packet; the last beat goes on with the whole.

    Parts ``total`` (signed), ``top`` (windowed only), ``nan``, ``plus``, ``minus``, ``every`` as of
    `Fused`, of a beat, become those of the packet; the fields ``first`` and ``last`` are used up.
    What depends on a state is one step: its loop closes within a cycle. The running maximum of
    the exponents has a loop of its own, so the distances of the shifts come ahead.

    Parameters
    ----------
    scope : Unrounded
        Whose parts these are.
    config : FusedDotConfig
        Window and formats.
    width : int
        Of the magnitude of the sum of a packet.
    """

    def __init__(self, scope: Unrounded, config, width: int):
        self.scope, self.config, self.width = scope, config, width
        self.anchor_bits = config.anchors[-1].bit_length()
        # the longest shift of all ones leaves nothing but signs
        self.count = width.bit_length()

    def steps(self) -> list[Step]:
        """Return the steps; those with state must see every beat."""
        if not self.config.window:
            return [Step(self._accumulate, 6.0)]
        shifts = [Step(self._shift(n), 1.1) for n in range(self.count)]
        ahead = Step(self._anchor, 4.0), Step(self._distances, 3.6)
        return [*ahead, *shifts, Step(self._accumulate, 9.0)]

    def _anchor(self, m, fields, take):
        (top,), rest = self.scope.take(fields, "top")
        state = Signal(self.anchor_bits, name=self.scope.field("anchor"), reset_less=True)
        old = Signal(self.anchor_bits, name=self.scope.field("old_anchor"))
        new = Signal(self.anchor_bits, name=self.scope.field("new_anchor"))
        m.d.comb += old.eq(Mux(rest["first"], 0, state))
        m.d.comb += new.eq(maximum(m, old, top, name=self.scope.field("below_anchor")))
        with m.If(take):
            m.d.sync += state.eq(new)
        return self.scope.give(rest, top=new, old=old, own=top)

    def _distances(self, m, fields, take):
        (top, old, own), rest = self.scope.take(fields, "top", "old", "own")
        amounts = {}
        for name, start in (("old", old), ("own", own)):
            distance = Signal(self.anchor_bits, name=self.scope.field(f"distance_{name}"))
            m.d.comb += distance.eq(top - start)
            far = distance[self.count :].any()
            low = Cat(distance, C(0, self.count))[: self.count]
            amounts[name] = low | far.replicate(self.count)
        return self.scope.give(rest, top=top, **amounts)

    def _shift(self, n: int):
        def run(m, fields, take):
            (total, own), rest = self.scope.take(fields, "total", "own")
            total = Mux(own[0], total.as_signed() >> 2**n, total)
            amount = {"own": own[1:]} if n < self.count - 1 else {}
            return self.scope.give(rest, total=total.as_signed(), **amount)

        return run

    def _accumulate(self, m, fields, take):
        rest = dict(fields)
        first, keep = rest.pop("first"), rest.pop("last")
        state = Signal(signed(self.width + 1), name=self.scope.field("state"), reset_less=True)
        moved = state
        if self.config.window:
            (amount,), rest = self.scope.take(rest, "old")
            for n in range(self.count):
                level = Signal(state.shape(), name=self.scope.field(f"moved_{n}"))
                m.d.comb += level.eq(Mux(amount[n], moved >> 2**n, moved))
                moved = level
        (own,), rest = self.scope.take(rest, "total")
        total = Signal(state.shape(), name=self.scope.field("accumulated"))
        m.d.comb += total.eq(Mux(first, 0, moved).as_signed() + own.as_signed())
        found: dict = {"total": total}
        with m.If(take):
            m.d.sync += state.eq(total)
        for part, start in (("nan", 0), ("plus", 0), ("minus", 0), ("every", 1)):
            (value,), rest = self.scope.take(rest, part)
            found[part] = self._flag(m, part, first, start, value, take)
        return self.scope.give(rest, **found) | {"keep": keep}

    def _flag(self, m, part, first, start, value, take):
        """Any, or all when it starts with 1, of a flag so far."""
        flag = Signal(name=self.scope.field(f"any_{part}"), reset_less=True)
        now = Signal(name=self.scope.field(f"now_{part}"))
        before = Mux(first, start, flag)
        m.d.comb += now.eq(before & value if start else before | value)
        with m.If(take):
            m.d.sync += flag.eq(now)
        return now
