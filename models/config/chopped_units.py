"""Parameters of the digital units of pulsed training, shared by generator and twin.

One *pass* reads every row of the fast array once; a chopper *period* is a number of passes.
"""

from dataclasses import dataclass, field

from models.config.checks import check_bool, check_choice, check_int, check_kind
from models.config.units import LfsrConfig

LINES = 1024


@dataclass(frozen=True, kw_only=True)
class PulseTrainConfig:
    """Stochastic pulse generators of all lines of an array, fed by one shift register.

    Every slot the register advances by one word. Line ``l`` (rows first, then columns) compares
    its threshold with its own word, the low ``random_bits`` bits that the register will have
    ``offset(l)`` words later: a fixed XOR network. It fires where the word is below the
    threshold.

    Parameters
    ----------
    rows, columns : int
        Lines of the array, 1 to 1024 each.
    random_bits : int
        Bits of a word, 4 to 16: a threshold of ``2**random_bits`` fires always.
    lfsr : LfsrConfig
        The shift register; its ``word_bits`` is how far it advances per slot.
    """

    rows: int = 64
    columns: int = 32
    random_bits: int = 12
    lfsr: LfsrConfig = field(default_factory=lambda: LfsrConfig(width=32, word_bits=16))

    def __post_init__(self) -> None:
        check_int("rows", self.rows, 1, LINES)
        check_int("columns", self.columns, 1, LINES)
        check_int("random_bits", self.random_bits, 4, 16)
        check_kind("lfsr", self.lfsr, LfsrConfig)

    # Found by search near 2**32 / golden ratio: any two of 2048 lines have independent words of up
    # to 12 bits, so over the period each pair of words comes equally often (but for zero).
    STRIDE = 2654440059

    def offset(self, line: int) -> int:
        """Words that line ``line`` is ahead of the register."""
        return (line + 1) * self.STRIDE % (2**self.lfsr.width - 1)


@dataclass(frozen=True, kw_only=True)
class SequencerConfig:
    """Order of reads of the fast array, and its choppers.

    Parameters
    ----------
    rows, columns : int
        Lines of the array, 1 to 1024 each.
    chopping : str
        ``none``; ``regular``: a row's chopper flips at its read in the last pass of each period;
        ``random``: at each of its reads with a chance of ``in_chance / 2**16``.
    period : int
        Passes of a chopper period, 2 to 65535; also how many passes the AGAD unit waits before
        its first pulse, whatever the chopping.
    in_chance : int
        For ``random``: chance of a row's flip at a read, in 2**-16; 0 to 65535.
    out_chance : int
        Chance of a column's flip at the end of a pass, in 2**-16; 0 to 65535, 0 never.
    waits : bool
        No pulses before the end of the first period.
    lfsr : LfsrConfig
        Source of the words of random flips: in ``random`` chopping one per read, then, if
        ``out_chance``, one per column at the end of a pass.
    """

    rows: int = 64
    columns: int = 32
    chopping: str = "regular"
    period: int = 10
    in_chance: int = 0
    out_chance: int = 0
    waits: bool = False
    lfsr: LfsrConfig = field(default_factory=lambda: LfsrConfig(width=32, word_bits=16))

    def __post_init__(self) -> None:
        check_int("rows", self.rows, 1, LINES)
        check_int("columns", self.columns, 1, LINES)
        check_choice("chopping", self.chopping, ("none", "regular", "random"))
        check_int("period", self.period, 2, 65535)
        check_int("in_chance", self.in_chance, 0, 65535)
        check_int("out_chance", self.out_chance, 0, 65535)
        check_bool("waits", self.waits)
        check_kind("lfsr", self.lfsr, LfsrConfig)
        if self.lfsr.word_bits != 16:
            raise ValueError(f"lfsr.word_bits must be 16, not {self.lfsr.word_bits}")


@dataclass(frozen=True, kw_only=True)
class ReferenceConfig:
    """AGAD reference: running mean and past mean of what a crosspoint reads.

    Parameters
    ----------
    variant : str
        ``fixed`` or ``bf16``: how means are stored.
    code_width : int
        Width of the signed ADC code, 2 to 12.
    fraction_bits : int
        ``fixed``: fraction bits of the means below a code, 0 to 12.
    """

    variant: str = "fixed"
    code_width: int = 9
    fraction_bits: int = 8

    def __post_init__(self) -> None:
        check_choice("variant", self.variant, ("fixed", "bf16"))
        check_int("code_width", self.code_width, 2, 12)
        check_int("fraction_bits", self.fraction_bits, 0, 12)

    BETA_BITS = 12  # fixed: the rate of the mean is beta / 2**12

    @property
    def mean_width(self) -> int:
        """Width of a stored mean in bits."""
        return self.code_width + self.fraction_bits if self.variant == "fixed" else 16

    @property
    def difference_width(self) -> int:
        """Width of what leaves: a difference of means, or a code without reference."""
        return self.mean_width + 1 if self.variant == "fixed" else 16


@dataclass(frozen=True, kw_only=True)
class TransferConfig:
    """Transfer of what was read into the slow array: accumulate, threshold, one pulse.

    Parameters
    ----------
    reference : ReferenceConfig
        Format of what is accumulated.
    state_width : int
        ``fixed``: width of the accumulator H, 16 to 40 bits, in LSB of the difference.
    forget : bool
        After a pulse True multiplies H by the momentum, False takes ``step`` off it.
    """

    reference: ReferenceConfig = field(default_factory=ReferenceConfig)
    state_width: int = 24
    forget: bool = True

    def __post_init__(self) -> None:
        check_kind("reference", self.reference, ReferenceConfig)
        check_int("state_width", self.state_width, 16, 40)
        check_bool("forget", self.forget)
        needed = self.reference.difference_width + 1
        if self.variant == "fixed" and self.state_width < needed:
            raise ValueError(
                f"state_width must be at least {needed} for these codes, not {self.state_width}"
            )

    MOMENTUM_BITS = 8  # fixed: the momentum is momentum / 2**8

    @property
    def variant(self) -> str:
        """``fixed`` or ``bf16``, that of the reference."""
        return self.reference.variant

    @property
    def width(self) -> int:
        """Width of a stored H in bits."""
        return self.state_width if self.variant == "fixed" else 16
