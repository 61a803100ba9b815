"""Parameters of the floating-point units, shared by generator and twin."""

from dataclasses import dataclass

from models.config.checks import check_bool, check_choice, check_int, check_kind
from models.formats import BF16, FloatFormat

SUBNORMALS = ("kept", "flushed")
ROUNDINGS = ("nearest_even", "toward_zero", "stochastic")
MULTIPLIERS = ("operator", "rows")
REDUCTIONS = ("chains", "carry_save")
MAX_DEPTH = 16
MAX_WINDOW = 640


def check_format(name: str, value: FloatFormat) -> None:
    """Raise unless ``value`` is a format that the units are built for: FP32 or smaller fields."""
    check_kind(name, value, FloatFormat)
    if value.exponent_bits > 8 or value.mantissa_bits > 23:
        raise ValueError(
            f"{name} must have at most 8 exponent bits and 23 mantissa bits, not "
            f"{value.exponent_bits} and {value.mantissa_bits} ({value.name})"
        )


@dataclass(frozen=True, kw_only=True)
class FloatUnitConfig:
    """What every floating-point unit can be asked.

    Parameters
    ----------
    format, result : FloatFormat
        Of the operands and of the result.
    subnormals : str
        ``kept``, or ``flushed``: subnormal operands count as zeros of their sign, and a result
        that is still below the smallest normal number after rounding with unbounded exponent
        becomes a zero of its sign.
    rounding : str
        ``nearest_even``; ``toward_zero``, which never rounds a finite result to infinity; or
        ``stochastic``: away from zero with the probability of the fraction cut off, of which
        ``random_bits`` bits count.
    random_bits : int
        Width of the random word of stochastic rounding, 1 to 32; no part of other roundings.
    depth : int
        Registers between input and output, 0 to 16; 0 is combinational.
    """

    format: FloatFormat = BF16
    result: FloatFormat = BF16
    subnormals: str = "kept"
    rounding: str = "nearest_even"
    random_bits: int = 8
    depth: int = 2

    def __post_init__(self) -> None:
        check_format("format", self.format)
        check_format("result", self.result)
        check_choice("subnormals", self.subnormals, SUBNORMALS)
        check_choice("rounding", self.rounding, ROUNDINGS)
        check_int("random_bits", self.random_bits, 1, 32)
        check_int("depth", self.depth, 0, MAX_DEPTH)

    @property
    def is_flushed(self) -> bool:
        """Whether subnormals are flushed."""
        return self.subnormals == "flushed"


@dataclass(frozen=True, kw_only=True)
class FloatMulConfig(FloatUnitConfig):
    """Product of two numbers, rounded once.

    Parameters
    ----------
    multiplier : str
        ``operator``: one ``*``, which FPGA tools put into a DSP block. ``rows``: rows of partial
        products, added by a tree of carry chains.
    """

    multiplier: str = "operator"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("multiplier", self.multiplier, MULTIPLIERS)


@dataclass(frozen=True, kw_only=True)
class FloatAddConfig(FloatUnitConfig):
    """Sum of two numbers, rounded once."""


@dataclass(frozen=True, kw_only=True)
class FloatFmaConfig(FloatMulConfig):
    """``a * b + c``, rounded once.

    Parameters
    ----------
    addend : FloatFormat
        Of ``c``; ``format`` is that of ``a`` and ``b``.
    """

    addend: FloatFormat = BF16

    def __post_init__(self) -> None:
        super().__post_init__()
        check_format("addend", self.addend)


@dataclass(frozen=True, kw_only=True)
class FloatConvertConfig(FloatUnitConfig):
    """Conversion from ``format`` to ``result``, rounded once."""


@dataclass(frozen=True, kw_only=True)
class FusedSumConfig(FloatUnitConfig):
    """Sum of ``terms`` numbers, rounded once.

    Parameters
    ----------
    terms : int
        2 to 64.
    window : int
        0: exact, the sum is rounded from its true value. Otherwise the bits that stay of the
        largest term and of terms aligned to it, at least `term_bits`; the error before rounding
        is below ``(terms - 1)`` times the weight of the window's lowest bit.
    sticky : bool
        Whether a term keeps its lowest window bit set when ones fall off below; otherwise they
        are cut off. No part of exact sums.
    reduction : str
        ``chains``: tree of carry-propagate adders, small on FPGAs. ``carry_save``: 3:2
        compressors and one carry-propagate adder, fast in standard cells. Same results.
    """

    terms: int = 8
    window: int = 24
    sticky: bool = False
    reduction: str = "chains"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_int("terms", self.terms, 2, 64)
        check_int("window", self.window, 0, MAX_WINDOW)
        if 0 < self.window < self.term_bits:
            raise ValueError(
                f"window must be 0 (exact) or at least {self.term_bits}, the bits of one term, "
                f"not {self.window!r}"
            )
        check_bool("sticky", self.sticky)
        check_choice("reduction", self.reduction, REDUCTIONS)

    @property
    def significand_bits(self) -> int:
        """Bits of an operand's significand."""
        return self.format.mantissa_bits + 1

    @property
    def term_bits(self) -> int:
        """Bits of one term's significand."""
        return self.significand_bits

    @property
    def anchors(self) -> range:
        """Exponents that a term can have, in steps of one: its field, 1 for subnormals."""
        top = self.format.largest >> self.format.mantissa_bits
        return range(1, top + 1)

    @property
    def window_bits(self) -> int:
        """Bits of an aligned term: ``window``, or all that any term can reach."""
        return self.window or self.term_bits + len(self.anchors) - 1

    @property
    def lsb_exponent(self) -> int:
        """Power of two of a term's lowest bit at anchor 0."""
        return -self.format.bias - self.format.mantissa_bits


@dataclass(frozen=True, kw_only=True)
class FusedDotConfig(FusedSumConfig):
    """Sum of ``terms`` products, products exact, rounded once.

    Parameters
    ----------
    multiplier : str
        As in `FloatMulConfig`.
    beats : int
        Longest packet of an accumulating unit, 1 to 65536: its sums are carried unrounded from
        beat to beat. 1 is a unit without accumulator. A windowed error is then below
        ``beats * (terms + 1)`` times the weight of the window's lowest bit.
    """

    multiplier: str = "operator"
    beats: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("multiplier", self.multiplier, MULTIPLIERS)
        check_int("beats", self.beats, 1, 65536)

    @property
    def term_bits(self) -> int:
        """Bits of one product."""
        return 2 * self.significand_bits

    @property
    def anchors(self) -> range:
        """Exponents that a product can have: the sum of two fields, 1 for subnormals."""
        top = self.format.largest >> self.format.mantissa_bits
        return range(2, 2 * top + 1)

    @property
    def lsb_exponent(self) -> int:
        """Power of two of a product's lowest bit at anchor 0."""
        return -2 * (self.format.bias + self.format.mantissa_bits)


@dataclass(frozen=True, kw_only=True)
class FloatCompareConfig:
    """Order of two numbers and the larger one.

    Parameters
    ----------
    format : FloatFormat
        Of both.
    subnormals : str
        ``kept``, or ``flushed``: subnormal operands count as zeros of their sign.
    depth : int
        Registers between input and output, 0 to 16.
    """

    format: FloatFormat = BF16
    subnormals: str = "kept"
    depth: int = 1

    def __post_init__(self) -> None:
        check_format("format", self.format)
        check_choice("subnormals", self.subnormals, SUBNORMALS)
        check_int("depth", self.depth, 0, MAX_DEPTH)

    @property
    def is_flushed(self) -> bool:
        """Whether subnormals are flushed."""
        return self.subnormals == "flushed"


@dataclass(frozen=True, kw_only=True)
class IntToFloatConfig:
    """Signed integer to a number, rounded once.

    Parameters
    ----------
    int_width : int
        Bits of the integer, 2 to 64.
    result : FloatFormat
        Of the number.
    rounding, random_bits, depth
        As in `FloatUnitConfig`.
    """

    int_width: int = 32
    result: FloatFormat = BF16
    rounding: str = "nearest_even"
    random_bits: int = 8
    depth: int = 2

    def __post_init__(self) -> None:
        check_int("int_width", self.int_width, 2, 64)
        check_format("result", self.result)
        check_choice("rounding", self.rounding, ROUNDINGS)
        check_int("random_bits", self.random_bits, 1, 32)
        check_int("depth", self.depth, 0, MAX_DEPTH)

    @property
    def is_flushed(self) -> bool:
        """Whether no integer becomes subnormal, so that nothing need be kept of those."""
        return self.result.bias >= 1
