"""Registers that hold the input codes of one conversion and drive the lines of the macro."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from models.config.macro import MacroConfig


class LineDrive(wiring.Component):
    """Hold one signed code per line, drive one magnitude slice of one sign at a time.

    Codes are loaded in line order after ``clear``; lines without a code drive 0. ``drive`` is a
    combinational function of the registers, ``slice``, ``phase`` and ``enable``, and 0 without
    ``enable``: field ``n`` is slice ``slice`` of ``abs(code[n])`` where the sign of the code is
    that of the phase (0: positive, 1: negative), else 0. The code ``-2**dac_bits`` is not in the
    format and drives 0.

    Parameters
    ----------
    config : MacroConfig
        The macro.

    Members
    -------
    clear : ``In(1)``
        Forget all codes; the next code belongs to line 0.
    load : ``In(1)``
        Take ``code``.
    pair : ``In(1)``
        A code takes two lines: itself on the even one and its negative on the odd one.
    code : ``In(signed(config.code_width))``
        Signed code.
    slice : ``In(range(config.slice_count))``
        Slice to drive, 0 the least significant.
    phase : ``In(1)``
        Sign to drive.
    enable : ``In(1)``
        Drive at all.
    drive : ``Out(config.lines * config.slice_bits)``
        The pin bus of the macro.
    """

    clear: Signal
    load: Signal
    pair: Signal
    code: Signal
    slice: Signal
    phase: Signal
    enable: Signal
    drive: Signal

    def __init__(self, config: MacroConfig):
        self.config = config
        super().__init__(
            {
                "clear": In(1),
                "load": In(1),
                "pair": In(1),
                "code": In(signed(config.code_width)),
                "slice": In(range(config.slice_count)),
                "phase": In(1),
                "enable": In(1),
                "drive": Out(config.lines * config.slice_bits),
            }
        )

    def elaborate(self, platform):
        m = Module()
        lines, bits = self.config.lines, self.config.slice_bits
        slices = [Signal(lines * bits, name=f"slice_{n}") for n in range(self.config.slice_count)]
        negative = Signal(lines)
        line = Signal(lines, init=1)  # one-hot: the line of the next code
        twin = Signal(lines)  # the odd line beside it
        m.d.comb += twin.eq(Mux(self.pair, line << 1, 0))

        magnitude = Signal(self.config.slice_count * bits)
        m.d.comb += magnitude.eq(abs(self.code)[: self.config.dac_bits])
        with m.If(self.load):
            for n, held in enumerate(slices):
                field = magnitude.word_select(n, bits).replicate(lines)
                m.d.sync += held.eq(held | (_spread(line | twin, bits) & field))
            m.d.sync += negative.eq(negative | Mux(self.code < 0, line, twin))
            m.d.sync += line.eq(Mux(self.pair, line << 2, line << 1))
        with m.If(self.clear):
            m.d.sync += [held.eq(0) for held in slices]
            m.d.sync += [negative.eq(0), line.eq(1)]

        active = Mux(self.phase, negative, ~negative) & self.enable.replicate(lines)
        m.d.comb += self.drive.eq(Array(slices)[self.slice] & _spread(active, bits))
        return m


def _spread(bits: Value, width: int) -> Value:
    """Every bit ``width`` times in a row."""
    return Cat(bit.replicate(width) for bit in bits) if width > 1 else bits
