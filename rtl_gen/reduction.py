"""Many signed rows to one sum."""

from amaranth import *

from rtl_gen.rounding import Unrounded
from rtl_gen.steps import Step


def chain_steps(scope: Unrounded, rows: list[str], carries: list[str], to: str) -> list[Step]:
    """Return steps that replace the signed parts ``rows`` by part ``to``: a tree of adders.

    The one-bit parts ``carries`` are added too, one by each adder; those that are left over, by
    adders behind the tree. Every adder is kept, lest tools merge the tree to compressors.
    """
    steps, level, names = [], 0, list(rows)
    carries = list(carries)
    while len(names) > 1 or carries:
        pairs = [names[n : n + 2] for n in range(0, len(names), 2)]
        level += 1
        names = [f"{to}_{level}_{n}" for n in range(len(pairs))]
        chosen = [carries.pop() if carries and _adds(pair, pairs) else None for pair in pairs]
        steps.append(Step(_added(scope, pairs, chosen, names), 2.6))
    steps.append(Step(_renamed(scope, names[0], to), 0.0))
    return steps


def _adds(pair, pairs):
    return len(pair) == 2 or len(pairs) == 1


def _renamed(scope, name, to):
    def run(m, fields, take):
        (value,), rest = scope.take(fields, name)
        return scope.give(rest, **{to: value})

    return run


def _added(scope, pairs, carries, names):
    def run(m, fields, take):
        rest = dict(fields)
        for pair, carry, name in zip(pairs, carries, names, strict=True):
            values, rest = scope.take(rest, *pair)
            taken, rest = scope.take(rest, *([carry] if carry else []))
            if len(pair) == 2 or carry:
                values = [_sum(m, values, taken, scope.field(name))]
            rest = scope.give(rest, **{name: values[0]})
        return rest

    return run


def _sum(m, values, carry, name):
    x, y = (*values, C(0, 1))[:2]
    width = max(len(x), len(y)) + 1
    total = Signal(signed(width), name=name, attrs={"keep": 1})
    if carry:  # the lowest place carries it in
        wide = Cat(C(1, 1), x).as_signed() + Cat(carry[0], y).as_signed()
        m.d.comb += total.eq(wide[1:].as_signed())
    else:
        m.d.comb += total.eq(x.as_signed() + y.as_signed())
    return total


class CarrySave:
    """Rows compressed three to two, level by level, until one adder is enough.

    Parameters
    ----------
    scope : Unrounded
        Whose parts these are.
    rows, carries : list of str
        Signed parts of one width, and one-bit parts, no more than rows, to add.
    to : str
        Part of the sum, signed.
    width : int
        Of each row.
    """

    def __init__(self, scope: Unrounded, rows: list[str], carries: list[str], to: str, width: int):
        self.scope, self.rows, self.carries, self.to = scope, rows, carries, to
        self.high, spread = width - 1, (len(rows) - 1).bit_length()
        self.columns = width + spread
        self.missing = 2**spread - len(rows)

    def steps(self) -> list[Step]:
        """Return the steps, one for each level of compressors."""
        # every compressor takes a carry in, and so does the adder: one less than there are rows
        extra = len(self.carries) >= len(self.rows)
        count = len(self.rows) + (self.missing > 0) + extra
        steps = [Step(self._unsigned, 0.0)]
        while count > 2:
            steps.append(Step(self._compress(count), 1.3))
            count -= count // 3
        return [*steps, Step(self._add, 2.8)]

    def _unsigned(self, m, fields, take):
        """Rows without signs.

        A sign bit counts ``-2**high``: that is its inverse less ``2**high``, and as many of the
        latter as a power of two, filled up with ones, are one inverted bit of the sum.
        """
        values, rest = self.scope.take(fields, *self.rows)
        carries, rest = self.scope.take(rest, *self.carries)
        rows = [Cat(row[: self.high], ~row[self.high]) for row in values]
        if len(carries) >= len(rows):
            rows.append(carries.pop())
        if self.missing:  # first, so that it meets others before any register
            rows.insert(0, Const(self.missing << self.high, self.columns))
        rest = self.scope.give(rest, carries=Cat(carries))
        return self.scope.give(rest, **{f"save{n}": row for n, row in enumerate(rows)})

    def _compress(self, count):
        def run(m, fields, take):
            rows, rest = self.scope.take(fields, *(f"save{n}" for n in range(count)))
            carries = rest.pop(self.scope.field("carries"), C(0, 0))
            after = rows[count - count % 3 :]
            for n in range(0, count - count % 3, 3):
                a, b, c = (self._wide(m, row) for row in rows[n : n + 3])
                carry, carries = carries[:1], carries[1:]
                shifted = Cat(carry, C(0, 1 - len(carry)), a & b | (a | b) & c)
                after += [a ^ b ^ c, shifted[: self.columns]]
            left = {"carries": carries} if len(carries) else {}
            return self.scope.give(rest, **{f"save{n}": row for n, row in enumerate(after)}, **left)

        return run

    def _wide(self, m, row):
        wide = Signal(self.columns, name=self.scope.field("wide"))
        m.d.comb += wide.eq(row)
        return wide

    def _add(self, m, fields, take):
        (x, y), rest = self.scope.take(fields, "save0", "save1")
        carry = rest.pop(self.scope.field("carries"), C(0))
        total = Signal(self.columns, name=self.scope.field("sum"))
        m.d.comb += total.eq((Cat(C(1, 1), x) + Cat(carry, y))[1:])
        return self.scope.give(rest, **{self.to: Cat(total[:-1], ~total[-1]).as_signed()})
