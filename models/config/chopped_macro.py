"""The analog macro of pulsed training and its pins: one description for RTL and models."""

from dataclasses import dataclass

from models.config.checks import check_int
from models.config.macro import Pin

LINES = 1024


def index_width(count: int) -> int:
    """Bits that number ``count`` things, at least 1."""
    return max(1, (count - 1).bit_length())


@dataclass(frozen=True, kw_only=True)
class ChoppedMacroConfig:
    """Geometry and converters of one macro with two arrays of the same size.

    Array 0 (W) holds the weights, array 1 (A) the fast array; each has a reference array that a
    differential read subtracts. Rows are driven and columns sensed; transposed, columns are driven
    and rows sensed. Line ``n`` of the sensed side belongs to converter ``n % adc_count`` in mux
    group ``n // adc_count``. Pulses hit every crosspoint of ``pulse_array`` whose row and column
    fire in the same slot: down if both signs are equal, up if not.

    Parameters
    ----------
    rows, columns : int
        Size of an array, 1 to 1024.
    adc_count : int
        Converters, 1 to 256.
    dac_bits : int
        Width of a signed input code, 2 to 12; the whole magnitude is driven at once.
    adc_bits : int
        Converter resolution, 2 to 12. A code is what the converter finds less
        ``2**(adc_bits - 1)``.
    settle_cycles : int
        Clock cycles from drive to sample, 1 to 255.
    """

    rows: int = 64
    columns: int = 32
    adc_count: int = 16
    dac_bits: int = 7
    adc_bits: int = 9
    settle_cycles: int = 1

    def __post_init__(self) -> None:
        check_int("rows", self.rows, 1, LINES)
        check_int("columns", self.columns, 1, LINES)
        check_int("adc_count", self.adc_count, 1, 256)
        check_int("dac_bits", self.dac_bits, 2, 12)
        check_int("adc_bits", self.adc_bits, 2, 12)
        check_int("settle_cycles", self.settle_cycles, 1, 255)

    @property
    def lines(self) -> int:
        """The longer side of an array."""
        return max(self.rows, self.columns)

    @property
    def group_count(self) -> int:
        """Settings of the column mux."""
        return -(-self.lines // self.adc_count)

    @property
    def magnitude_bits(self) -> int:
        """Bits that drive a line."""
        return self.dac_bits - 1

    @property
    def largest_input(self) -> int:
        """Largest input code."""
        return 2 ** (self.dac_bits - 1) - 1

    @property
    def middle(self) -> int:
        """What a converter finds for 0."""
        return 2 ** (self.adc_bits - 1)

    def pins(self) -> tuple[Pin, ...]:
        """Every pin but the program port's handshake, in port order.

        ``drive`` packs a magnitude per line of the driven side, line 0 lowest, ``drive_sign`` one
        bit (1 negative); ``array`` (0 W, 1 A) and ``differential`` say
        what is read. ``trial`` packs one ``adc_bits`` code per converter, ``comparator`` one bit
        (1 when the held input is at least the trial code). In a cycle with ``pulse`` the lines
        whose ``fire`` bit is set get a pulse of their ``sign`` (1 negative).
        """

        def out(name: str, width: int) -> Pin:
            return Pin(name=name, width=width, output=True)

        return (
            out("drive", self.lines * self.magnitude_bits),
            out("drive_sign", self.lines),
            out("transpose", 1),
            out("array", 1),
            out("differential", 1),
            out("sample", 1),
            out("mux", index_width(self.group_count)),
            out("trial", self.adc_count * self.adc_bits),
            Pin(name="comparator", width=self.adc_count, output=False),
            out("pulse", 1),
            out("pulse_array", 1),
            out("row_fire", self.rows),
            out("row_sign", self.rows),
            out("column_fire", self.columns),
            out("column_sign", self.columns),
        )

    def program_fields(self) -> tuple[tuple[str, int], ...]:
        """Fields of one program-port transfer to array W, lowest first: (name, width).

        ``polarity`` 1 raises the weight, 0 lowers it; ``count`` is 1.
        """
        return (
            ("row", index_width(self.rows)),
            ("column", index_width(self.columns)),
            ("polarity", 1),
            ("count", 1),
        )
