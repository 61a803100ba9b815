"""Floating-point formats as data, with exact decoding and correctly rounded encoding.

Everything here is Python integers and fractions: slow, plain, and the oracle of the tests.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import inf, isinf, isnan, nan

from models.config.checks import check_choice, check_int

SPECIALS = ("ieee", "nan_only")
ROUNDINGS = ("nearest_even", "toward_zero", "stochastic")


@dataclass(frozen=True, kw_only=True)
class FloatFormat:
    """Sign, exponent and mantissa from high to low bit, with subnormals.

    Parameters
    ----------
    name : str
        For messages.
    exponent_bits, mantissa_bits : int
        Field widths, 2 to 11 and 1 to 52.
    bias : int
        Exponent field of 1.0.
    specials : str
        ``ieee``: the highest exponent holds infinities and NaNs. ``nan_only``: no infinities, and
        only the pattern with every bit below the sign set is a NaN.
    """

    name: str
    exponent_bits: int
    mantissa_bits: int
    bias: int
    specials: str = "ieee"

    def __post_init__(self) -> None:
        check_int("exponent_bits", self.exponent_bits, 2, 11)
        check_int("mantissa_bits", self.mantissa_bits, 1, 52)
        check_choice("specials", self.specials, SPECIALS)

    @property
    def width(self) -> int:
        """Bits of a pattern."""
        return 1 + self.exponent_bits + self.mantissa_bits

    @property
    def exponent_max(self) -> int:
        """Highest exponent field."""
        return 2**self.exponent_bits - 1

    @property
    def infinity(self) -> int | None:
        """Pattern of plus infinity, None without infinities."""
        return self.exponent_max << self.mantissa_bits if self.specials == "ieee" else None

    @property
    def nan(self) -> int:
        """The canonical NaN: quiet, sign and payload clear."""
        if self.specials == "nan_only":
            return 2 ** (self.width - 1) - 1
        return (self.exponent_max << self.mantissa_bits) | 1 << (self.mantissa_bits - 1)

    @property
    def largest(self) -> int:
        """Pattern of the largest finite number."""
        return (self.nan if self.infinity is None else self.infinity) - 1

    def is_negative(self, pattern: int) -> bool:
        """Whether the sign bit is set, also of zeros and NaNs."""
        return bool(pattern >> (self.width - 1))

    def decode(self, pattern: int) -> Fraction | float:
        """Exact value: a Fraction, or the float ``inf``, ``-inf`` or ``nan``."""
        check_int("pattern", pattern, 0, 2**self.width - 1)
        magnitude = pattern & (2 ** (self.width - 1) - 1)
        sign = -1 if self.is_negative(pattern) else 1
        if magnitude > self.largest:
            return sign * inf if magnitude == self.infinity else nan
        exponent, mantissa = magnitude >> self.mantissa_bits, magnitude % 2**self.mantissa_bits
        significand = mantissa + (2**self.mantissa_bits if exponent else 0)
        return sign * significand * Fraction(2) ** self._lsb_exponent(max(exponent, 1))

    def encode(
        self,
        value: Fraction | float,
        *,
        rounding: str = "nearest_even",
        negative_zero: bool = False,
        flushed: bool = False,
        random: int = 0,
        random_bits: int = 1,
    ) -> int:
        """Pattern of ``value``, correctly rounded; every NaN becomes the canonical one.

        Parameters
        ----------
        value : Fraction or float
            Any real number, ``inf``, ``-inf`` or ``nan``.
        rounding : str
            ``nearest_even``: what is half an ulp or more beyond the largest number becomes
            infinite (NaN without infinities). ``toward_zero``: it becomes the largest number.
            ``stochastic``: away from zero if ``random`` and the first ``random_bits`` bits below
            the last place carry into it; beyond the largest number lies infinity.
        negative_zero : bool
            Sign of an exact zero; a negative value that rounds to zero always gives -0.
        flushed : bool
            Round with unbounded exponent; what is then below the smallest normal number becomes
            a zero of its sign.
        random, random_bits : int
            Random word and its width.
        """
        check_choice("rounding", rounding, ROUNDINGS)
        check_int("random", random, 0, 2**random_bits - 1)
        if isinstance(value, float) and isnan(value):
            return self.nan
        negative = value < 0 or (value == 0 and negative_zero)
        if isinstance(value, float) and isinf(value):
            magnitude = self._overflow()
        else:
            word = Fraction(random, 2**random_bits), random_bits
            magnitude = self._encode_magnitude(abs(Fraction(value)), rounding, flushed, word)
        if magnitude == self.nan:
            return magnitude
        return magnitude | negative << (self.width - 1)

    def _encode_magnitude(
        self, value: Fraction, rounding: str, flushed: bool, word: tuple[Fraction, int]
    ) -> int:
        if value == 0:
            return 0
        exponent = _floor_log2(value) + self.bias
        if not flushed:
            exponent = max(exponent, 1)
        significand = _round(value / Fraction(2) ** self._lsb_exponent(exponent), rounding, word)
        # A normal significand carries the hidden bit, which adds 1 to the field below; so does a
        # subnormal that was rounded up to the first normal number.
        magnitude = ((exponent - 1) << self.mantissa_bits) + significand
        if flushed and magnitude < 2**self.mantissa_bits:
            return 0
        if magnitude <= self.largest:
            return magnitude
        return self.largest if rounding == "toward_zero" else self._overflow()

    def _overflow(self) -> int:
        return self.nan if self.infinity is None else self.infinity

    def _lsb_exponent(self, exponent: int) -> int:
        return exponent - self.bias - self.mantissa_bits


def _round(steps: Fraction, rounding: str, word: tuple[Fraction, int]) -> int:
    # round() of a Fraction goes to nearest even, int() toward zero
    if rounding == "nearest_even":
        return round(steps)
    if rounding == "toward_zero":
        return int(steps)
    random, bits = word
    return int(Fraction(int(steps * 2**bits), 2**bits) + random)


def _floor_log2(value: Fraction) -> int:
    guess = value.numerator.bit_length() - value.denominator.bit_length()
    return guess if value >= Fraction(2) ** guess else guess - 1


BF16 = FloatFormat(name="BF16", exponent_bits=8, mantissa_bits=7, bias=127)
FP16 = FloatFormat(name="FP16", exponent_bits=5, mantissa_bits=10, bias=15)
FP32 = FloatFormat(name="FP32", exponent_bits=8, mantissa_bits=23, bias=127)
FP8_E4M3 = FloatFormat(
    name="FP8 E4M3", exponent_bits=4, mantissa_bits=3, bias=7, specials="nan_only"
)
FP8_E5M2 = FloatFormat(name="FP8 E5M2", exponent_bits=5, mantissa_bits=2, bias=15)
