"""The analog macro and its pins: one description for RTL, bus-functional model and emulator."""

from dataclasses import dataclass

from models.config.checks import check_int, check_multiple


@dataclass(frozen=True, kw_only=True)
class Pin:
    """One pin bus of the macro, seen from the digital tile.

    Parameters
    ----------
    name : str
        Port name.
    width : int
        Width in bits.
    output : bool
        True when the tile drives it.
    """

    name: str
    width: int
    output: bool


@dataclass(frozen=True, kw_only=True)
class MacroConfig:
    """Geometry and converters of one analog macro.

    A signed weight is a pair of neighbouring columns, ``g[2p] - g[2p + 1]``. Forward, rows are
    driven and columns are sensed; transposed, columns are driven and rows are sensed. Line ``n``
    of the sensed side belongs to converter ``n % adc_count`` in mux group ``n // adc_count``.

    Parameters
    ----------
    rows, columns : int
        Size of the array, 2 to 1024; both multiples of ``adc_count``.
    adc_count : int
        Converters, even, 2 to 256.
    adc_bits : int
        Converter resolution, 2 to 12.
    dac_bits : int
        Magnitude bits of an input code, 1 to 12.
    slice_bits : int
        Magnitude bits driven at once, 1 to ``dac_bits``.
    range_count : int
        Full-scale settings, 1 to 16; each halves the range of the one before.
    count_width : int
        Bits of the pulse count on the program port, 1 to 8.
    settle_cycles : int
        Clock cycles from drive to sample, 1 to 255.
    """

    rows: int = 256
    columns: int = 64
    adc_count: int = 32
    adc_bits: int = 8
    dac_bits: int = 8
    slice_bits: int = 1
    range_count: int = 8
    count_width: int = 4
    settle_cycles: int = 1

    def __post_init__(self) -> None:
        check_int("adc_count", self.adc_count, 2, 256)
        check_multiple("adc_count", self.adc_count, 2)
        for name in ("rows", "columns"):
            check_int(name, getattr(self, name), 2, 1024)
            check_multiple(name, getattr(self, name), self.adc_count)
        check_int("adc_bits", self.adc_bits, 2, 12)
        check_int("dac_bits", self.dac_bits, 1, 12)
        check_int("slice_bits", self.slice_bits, 1, self.dac_bits)
        check_int("range_count", self.range_count, 1, 16)
        check_int("count_width", self.count_width, 1, 8)
        check_int("settle_cycles", self.settle_cycles, 1, 255)

    @property
    def pairs(self) -> int:
        """Signed weights per row."""
        return self.columns // 2

    @property
    def lines(self) -> int:
        """The longer side of the array."""
        return max(self.rows, self.columns)

    @property
    def group_count(self) -> int:
        """Settings of the column mux."""
        return self.lines // self.adc_count

    @property
    def slice_count(self) -> int:
        """Slices of a full-width input code."""
        return -(-self.dac_bits // self.slice_bits)

    @property
    def code_width(self) -> int:
        """Width of a signed input code in bits."""
        return self.dac_bits + 1

    def pins(self) -> tuple[Pin, ...]:
        """Every pin but the program port's handshake, in port order.

        ``drive`` packs one ``slice_bits`` field per line of the driven side, line 0 lowest;
        ``trial`` packs one ``adc_bits`` code per converter and ``comparator`` one bit (1 when
        the held input is at least the trial code).
        """

        def index(count: int) -> int:
            return max(1, (count - 1).bit_length())

        def out(name: str, width: int) -> Pin:
            return Pin(name=name, width=width, output=True)

        return (
            out("drive", self.lines * self.slice_bits),
            out("transpose", 1),
            out("phase", 1),
            out("sample", 1),
            out("mux", index(self.group_count)),
            out("adc_range", index(self.range_count)),
            out("trial", self.adc_count * self.adc_bits),
            Pin(name="comparator", width=self.adc_count, output=False),
        )

    def program_fields(self) -> tuple[tuple[str, int], ...]:
        """Fields of one program-port transfer, lowest first: (name, width).

        ``polarity`` 1 raises the conductance (SET), 0 lowers it (RESET).
        """
        return (
            ("row", max(1, (self.rows - 1).bit_length())),
            ("column", max(1, (self.columns - 1).bit_length())),
            ("polarity", 1),
            ("count", self.count_width),
        )
