"""Parameters of the digital units, shared by generator and twin."""

from dataclasses import dataclass

from models.config.checks import check_bool, check_choice, check_int
from models.config.floats import check_format
from models.formats import BF16, FloatFormat


@dataclass(frozen=True, kw_only=True)
class RequantizeConfig:
    """Number to signed code converter.

    Parameters
    ----------
    format : FloatFormat
        Of the number.
    code_width : int
        Width of the signed code in bits, 2 to 48; codes saturate at ``+-(2**(code_width-1) - 1)``.
    random_bits : int
        Bits of the random word that stochastic rounding adds below the code's LSB, 1 to 16.
    """

    format: FloatFormat = BF16
    code_width: int = 9
    random_bits: int = 8

    def __post_init__(self) -> None:
        check_format("format", self.format)
        check_int("code_width", self.code_width, 2, 48)
        check_int("random_bits", self.random_bits, 1, 16)

    @property
    def limit(self) -> int:
        """Largest code."""
        return 2 ** (self.code_width - 1) - 1


@dataclass(frozen=True, kw_only=True)
class PostProcessConfig:
    """BF16 post-processing of integer partial sums.

    Parameters
    ----------
    sum_width : int
        Width of partial sums and of their accumulator in bits, 8 to 48; the accumulator wraps.
    code_width, random_bits : int
        As in :class:`RequantizeConfig`, but codes of at most 16 bits.
    """

    sum_width: int = 32
    code_width: int = 9
    random_bits: int = 8

    def __post_init__(self) -> None:
        check_int("sum_width", self.sum_width, 8, 48)
        check_int("code_width", self.code_width, 2, 16)
        check_int("random_bits", self.random_bits, 1, 16)

    @property
    def requantize(self) -> RequantizeConfig:
        """The output quantiser."""
        return RequantizeConfig(code_width=self.code_width, random_bits=self.random_bits)


@dataclass(frozen=True, kw_only=True)
class AdcInterfaceConfig:
    """Correction and recombination of the codes of ``adc_count`` converters behind a column mux.

    A code is corrected to ``code * gain + offset`` in units of ``2**-gain_fraction_bits`` code,
    without rounding; corrected values of the slices of one input are summed with weights
    ``+-2**(slice_bits * slice)``, most significant slice first.

    Parameters
    ----------
    adc_count : int
        Converters that work in parallel, even, 2 to 256.
    adc_bits : int
        Converter resolution, 2 to 12.
    group_count : int
        Settings of the column mux, 1 to 256.
    dac_bits : int
        Magnitude bits of an input code, 1 to 12.
    slice_bits : int
        Magnitude bits driven at once, 1 to ``dac_bits``.
    gain_fraction_bits : int
        Fraction bits of the gain, 0 to 12.
    """

    adc_count: int = 32
    adc_bits: int = 8
    group_count: int = 8
    dac_bits: int = 8
    slice_bits: int = 1
    gain_fraction_bits: int = 6

    def __post_init__(self) -> None:
        check_int("adc_count", self.adc_count, 2, 256)
        if self.adc_count % 2:
            raise ValueError(f"adc_count must be even, not {self.adc_count}")
        check_int("adc_bits", self.adc_bits, 2, 12)
        check_int("group_count", self.group_count, 1, 256)
        check_int("dac_bits", self.dac_bits, 1, 12)
        check_int("slice_bits", self.slice_bits, 1, self.dac_bits)
        check_int("gain_fraction_bits", self.gain_fraction_bits, 0, 12)

    @property
    def gain_width(self) -> int:
        """Width of an unsigned gain register: values from 0 to just under 2."""
        return self.gain_fraction_bits + 1

    @property
    def offset_width(self) -> int:
        """Width of a signed offset register: plus and minus half the code range."""
        return self.adc_bits + self.gain_fraction_bits

    @property
    def slice_count(self) -> int:
        """Slices of a full-width input code."""
        return -(-self.dac_bits // self.slice_bits)

    @property
    def sum_width(self) -> int:
        """Width of a recombined sum: no input can overflow it."""
        corrected = self.adc_bits + self.gain_width + 1
        return corrected + 1 + self.slice_count * self.slice_bits + 1


@dataclass(frozen=True, kw_only=True)
class AccumulateThresholdConfig:
    """Accumulate-and-threshold weight update.

    Parameters
    ----------
    variant : str
        ``fixed``: chi is a saturating signed integer. ``bf16``: chi is a BF16 number.
    code_width : int
        Width of the signed input and error codes in bits, 2 to 12.
    acc_width : int
        Width of the integer that sums the products of one packet, 8 to 48.
    chi_width : int
        Width of chi in bits for ``fixed``, 16 to 48 (``bf16`` always has 16).
    count_width : int
        Bits of the pulse-count magnitude, 1 to 8: at most ``2**count_width - 1`` pulses at once.
    keep_remainder : bool
        True: chi keeps what the pulses did not express. False: chi restarts from 0 after a pulse.
    chunk : int
        Products per packet, 1 to 4096: the depth of the vector buffers of the tile.
    """

    variant: str = "fixed"
    code_width: int = 9
    acc_width: int = 32
    chi_width: int = 40
    count_width: int = 4
    keep_remainder: bool = True
    chunk: int = 64

    def __post_init__(self) -> None:
        check_choice("variant", self.variant, ("fixed", "bf16"))
        check_int("code_width", self.code_width, 2, 12)
        check_int("acc_width", self.acc_width, 8, 48)
        check_int("chi_width", self.chi_width, 16, 48)
        check_int("count_width", self.count_width, 1, 8)
        check_bool("keep_remainder", self.keep_remainder)
        check_int("chunk", self.chunk, 1, 4096)
        need = 2 * self.code_width - 1 + (self.chunk - 1).bit_length()
        if self.acc_width < need:
            raise ValueError(
                f"acc_width must be at least {need} for chunk {self.chunk}, not {self.acc_width}"
            )

    @property
    def state_width(self) -> int:
        """Width of one stored chi in bits."""
        return self.chi_width if self.variant == "fixed" else 16

    @property
    def count_limit(self) -> int:
        """Most pulses that one threshold decision can ask for."""
        return 2**self.count_width - 1


@dataclass(frozen=True, kw_only=True)
class LfsrConfig:
    """Galois linear-feedback shift register that gives one word per beat.

    Parameters
    ----------
    width : int
        Register length in bits, one of 16, 24, 32 (maximal-length polynomials are built in).
    word_bits : int
        Bits of a word, 1 to 16; the register moves that many steps per word.
    """

    width: int = 32
    word_bits: int = 8

    def __post_init__(self) -> None:
        check_int("width", self.width, 16, 32)
        if self.width not in self.POLYNOMIALS:
            raise ValueError(f"width must be one of 16, 24, 32, not {self.width}")
        check_int("word_bits", self.word_bits, 1, 16)

    # x^16+x^15+x^13+x^4+1, x^24+x^23+x^22+x^17+1, x^32+x^22+x^2+x+1, as Galois feedback masks
    POLYNOMIALS = {16: 0xD008, 24: 0xE10000, 32: 0x80200003}  # noqa: RUF012

    @property
    def feedback(self) -> int:
        """Mask that is XORed into the register when a one is shifted out at the low end."""
        return self.POLYNOMIALS[self.width]
