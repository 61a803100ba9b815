"""The one place where results of the floating-point units are normalised, rounded and packed."""

from amaranth import *

from rtl_gen.shifts import leading_zeros, levels, shift_left_fixed
from rtl_gen.steps import Step


class Unrounded:
    """A result before rounding, as fields ``<name>_...`` that travel from step to step.

    ``magnitude`` of ``width`` bits, the lowest of which may be sticky; ``exponent``: the exponent
    field would be ``exponent + offset`` were the magnitude's highest bit set, so the value is
    ``magnitude * 2**(exponent + offset - bias - (width - 1))``. ``sign``; ``nan`` goes before
    ``inf``, and ``inf`` before the magnitude. Optional: ``zero`` (the magnitude counts as 0) and
    ``zero_sign`` (sign of an exact zero, else ``sign``).

    Parameters
    ----------
    name : str
        Prefix, and the field of the pattern in the end.
    config
        A config with ``result``, ``is_flushed``, ``rounding`` and ``random_bits``.
    width : int
        Bits of the magnitude.
    exponents : range
        Of ``exponent``.
    offset : int
        From ``exponent`` to the exponent field.
    zeros : int, optional
        Most leading zeros of a magnitude, which then is never 0 unless ``zero`` says so; default
        ``width - 1`` of one that is not 0.
    clean : int
        Lowest bits that are 0 in a magnitude with three or more leading zeros.
    """

    def __init__(
        self,
        name,
        config,
        width: int,
        exponents: range,
        offset: int,
        *,
        zeros: int | None = None,
        clean: int = 0,
    ):
        self.name, self.config, self.format = name, config, config.result
        self.offset, self.clean = offset, clean
        self.given_width = width
        self.is_stochastic = config.rounding == "stochastic"
        # a guard and a sticky bit, or the fraction that random bits are added to
        below = config.random_bits if self.is_stochastic else 2
        self.significand = self.format.mantissa_bits + 1
        self.width = max(width, self.significand + below)
        self.never_zero = zeros is not None
        self.zeros = width - 1 if zeros is None else zeros
        # places that a tiny magnitude moves to the right until nothing of it counts
        reach = self.significand + (config.random_bits if self.is_stochastic else 1)
        low, high = exponents[0] + offset, exponents[-1] + offset
        self.is_deep = 1 - low > reach
        self.tiny = 0 if config.is_flushed else max(0, min(reach, 1 - low))
        self.field_shape = signed(max(high + 1, self.zeros + 1 - low).bit_length() + 1)

    def field(self, part: str) -> str:
        """Name of a part's field."""
        return f"{self.name}_{part}"

    def take(self, fields, *parts):
        """Values of ``parts``, and the other fields."""
        rest = dict(fields)
        return [rest.pop(self.field(part)) for part in parts], rest

    def give(self, rest, **parts):
        """Fields with ``parts`` added."""
        return rest | {self.field(part): value for part, value in parts.items()}

    def steps(self) -> list[Step]:
        """Return the steps from the unrounded fields (and ``random``) to the pattern ``name``."""
        normalise = self._normalise_flushed() if self.config.is_flushed else self._normalise_kept()
        pack = Step(self._pack, 2.8), Step(self._detect, 1.4), Step(self._select, 0.8)
        return [*normalise, *pack]

    def _padded(self, magnitude):
        return Cat(C(0, self.width - self.given_width), magnitude)

    def _normalise_flushed(self) -> list[Step]:
        """Shift left until the highest bit is set, counting as it goes: small.

        The last place moves together with rounding. Its count is left to the leading digit of
        ``kept``, which is 1 (moved) or 2 when the exponent field takes it up: the subtraction
        need not wait for it.
        """
        counts = levels(self.zeros) or [0]

        def level(count):
            def run(m, fields, take):
                (magnitude,), rest = self.take(fields, "magnitude")
                empty = Signal(name=f"{self.field('empty')}_{count}")
                m.d.comb += empty.eq(~magnitude[-count:].any())
                clean = self.clean if count > 2 else 0
                moved = Cat(C(0, clean), magnitude[clean:])
                moved = Mux(empty, shift_left_fixed(moved, count), magnitude)
                zeros = Cat(empty, rest.get(self.field("zeros"), C(0, 0)))
                return self.give(rest, magnitude=moved, zeros=zeros)

            return Step(run, 1.5)

        def finish(m, fields, take):
            (magnitude, exponent), rest = self.take(fields, "magnitude", "exponent")
            magnitude = self._padded(magnitude)
            high = rest.pop(self.field("zeros"), C(0, 0))
            full = magnitude[-1] if counts[-1] else C(1, 1)
            zero = rest.pop(self.field("zero"), C(0))
            if not self.never_zero:
                zero = zero | ~magnitude[-2 if counts[-1] else -1 :].any()
            moved = Signal(len(magnitude), name=self.field("moved"))
            m.d.comb += moved.eq(Mux(full, magnitude, shift_left_fixed(magnitude, 1)))
            kept, up = self._rounded(moved, rest)
            base = _plus(exponent, self.offset - 2, Cat(C(0, 1), high))
            kept = Cat(kept[:-1], ~full, full)
            base = base[: self.field_shape.width].as_signed()
            return self.give(rest, kept=kept, up=up, zero=zero, base=base)

        return [*(level(count) for count in counts[:-1]), Step(finish, 2.6)]

    def _normalise_kept(self) -> list[Step]:
        """Shift left, but not beyond where the exponent field would fall below 1."""
        counts = levels(self.tiny + self.zeros)
        return [
            Step(self._mark, 1.8),
            Step(self._count, 3.0),
            *(self._level(count) for count in counts),
            Step(self._finish, 2.2),
        ]

    def _mark(self, m, fields, take):
        """Make a bit that stops the count of leading zeros where the exponent field would be 0.

        A magnitude with an exponent below 1 starts ``tiny`` places further right.
        """
        (magnitude, exponent), rest = self.take(fields, "magnitude", "exponent")
        zero = rest.pop(self.field("zero"), C(0)) | ~magnitude.any()
        place = Signal(self.field_shape, name=self.field("place"))
        room = Signal(self.field_shape, name=self.field("room"))
        m.d.comb += place.eq(_plus(exponent, self.offset - 1 + self.tiny))
        m.d.comb += room.eq(Mux(place < 0, 0, place) if self.is_deep else place)
        width = self.tiny + self.zeros + 1
        marker = Signal(width, name=self.field("marker"))
        index, is_near = room[: width.bit_length()], ~room[width.bit_length() :].any()
        m.d.comb += [marker[-1 - n].eq(is_near & (index == n)) for n in range(width)]
        return self.give(rest, magnitude=magnitude, room=room, marker=marker, zero=zero)

    def _count(self, m, fields, take):
        (magnitude, marker), rest = self.take(fields, "magnitude", "marker")
        magnitude = Cat(self._padded(magnitude), C(0, self.tiny))
        top = Signal(len(marker), name=self.field("top"))
        m.d.comb += top.eq(magnitude[-len(marker) :] | marker)
        amount = leading_zeros(m, top, self.field("zeros"))
        return self.give(rest, magnitude=magnitude, amount=amount)

    def _level(self, count: int) -> Step:
        def run(m, fields, take):
            (magnitude, amount), rest = self.take(fields, "magnitude", "amount")
            chosen = amount[count.bit_length() - 1]
            moved = Mux(chosen, shift_left_fixed(magnitude, count), magnitude)
            return self.give(rest, magnitude=moved, amount=amount)

        return Step(run, 1.0)

    def _finish(self, m, fields, take):
        (magnitude, amount, room), rest = self.take(fields, "magnitude", "amount", "room")
        kept, up = self._rounded(magnitude, rest)
        return self.give(rest, kept=kept, up=up, base=room - amount)

    def _rounded(self, magnitude, rest):
        """Kept bits of a magnitude in place, and whether they go up by one; uses up ``random``."""
        below = len(magnitude) - self.significand
        kept, cut = magnitude[below:], magnitude[:below]
        if self.is_stochastic:
            bits = self.config.random_bits
            return kept, (cut[below - bits :] + rest.pop("random"))[bits]
        if self.config.rounding == "toward_zero":
            return kept, C(0, 1)
        return kept, cut[-1] & (cut[:-1].any() | kept[0])

    def _pack(self, m, fields, take):
        (kept, up, base), rest = self.take(fields, "kept", "up", "base")
        # The field is too low by the leading digit of ``kept``; a carry out of the mantissa
        # counts the field up too. The lowest place brings ``up`` in.
        wide = Cat(C(1, 1), C(0, self.format.mantissa_bits), base).as_signed()
        packed = (wide + Cat(up, kept))[1 : len(wide)]
        return self.give(rest, packed=packed)

    def _detect(self, m, fields, take):
        """See what is not the packed number: zeros, then all that is beyond the largest."""
        (packed, zero), rest = self.take(fields, "packed", "zero")
        fmt = self.format
        value, over = packed[: fmt.width - 1], packed[fmt.width - 1 :]
        clear, high = zero, over.any()
        if self.config.is_flushed:
            clear = zero | over[-1] | ~packed[fmt.mantissa_bits :].any()
            high = over[:-1].any() & ~over[-1]
        # the first pattern beyond the largest number is all ones, then zeros
        limit = fmt.largest + 1
        reached = Cat(value[n] for n in range(len(value)) if limit >> n & 1).all()
        if self.field("zero_sign") in rest:
            (zero_sign, sign), rest = self.take(rest, "zero_sign", "sign")
            rest = self.give(rest, sign=Mux(zero, zero_sign, sign))
        return self.give(rest, value=value, clear=clear, over=high | reached)

    def _select(self, m, fields, take):
        parts = ("value", "clear", "over", "nan", "inf", "sign")
        (value, clear, over, nan, inf, sign), rest = self.take(fields, *parts)
        fmt, width = self.format, len(value)
        pattern = Signal(fmt.width, name=self.field("pattern"))
        infinity = Const(fmt.nan, fmt.width)
        if fmt.infinity is not None:
            infinity = Cat(Const(fmt.infinity, width), sign)
        toward_zero = self.config.rounding == "toward_zero"
        overflow = Cat(Const(fmt.largest, width), sign) if toward_zero else infinity
        with m.If(nan):
            m.d.comb += pattern.eq(fmt.nan)
        with m.Elif(inf):
            m.d.comb += pattern.eq(infinity)
        with m.Elif(clear):
            m.d.comb += pattern.eq(Cat(C(0, width), sign))
        with m.Elif(over):
            m.d.comb += pattern.eq(overflow)
        with m.Else():
            m.d.comb += pattern.eq(Cat(value, sign))
        return rest | {self.name: pattern}


def _plus(value, constant: int, less=None):
    """``value + constant - less``, in as few and as short adders as it goes."""
    if less is not None and len(less) > 1:
        # value + ~less is value - less - 1
        value = value + (~Cat(less, C(0, 1))).as_signed()
        constant += 1
    if constant == 0:
        return value
    low = (constant & -constant).bit_length() - 1
    high = value[low:] if value.shape().signed else Cat(value[low:], C(0, 1))
    return Cat(value[:low], high.as_signed() + (constant >> low)).as_signed()
