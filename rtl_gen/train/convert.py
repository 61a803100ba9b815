"""Conversion of one vector: slices, phases and mux groups through drive, SAR and correction."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Member, Out, connect

from models.config.macro import MacroConfig
from models.config.tile import TileConfig
from rtl_gen.array.groups import convert_groups
from rtl_gen.array.line_drive import LineDrive
from rtl_gen.array.sar import SarAdc
from rtl_gen.train.command import Op, command_layout, converts, walk, word_width
from rtl_gen.units.adc_interface import AdcInterface


def pin_members(config: MacroConfig) -> dict[str, Member]:
    """Signature members of the macro's pins, seen from the tile."""
    return {pin.name: (Out if pin.output else In)(pin.width) for pin in config.pins()}


class Convert(wiring.Component):
    """Serve FORWARD and BACKWARD up to the recombined sums, and CALIBRATE.

    Takes ``command.inputs`` codes, then for each slice (most significant first) and phase drives
    the lines, waits ``settle_cycles``, pulses ``sample`` for one cycle and converts the mux groups
    that hold needed lines. Drive, direction, phase and range stay until the last of these
    conversions is done. One beat per group leaves ``o`` after the last slice and phase.

    Parameters
    ----------
    config : TileConfig
        The tile.

    Members
    -------
    start : ``In(1)``
        One cycle: serve ``command``.
    command : ``In(command_layout(config))``
        Stable while busy.
    busy : ``Out(1)``
        From the cycle after ``start`` to the last conversion; sums may still wait in ``o``.
    i : ``In(stream.Signature(signed(word_width(config))))``
        Codes in the low ``code_width`` bits, or calibration words; ready only when one is due.
    o : ``Out(stream)``
        As ``o`` of :class:`AdcInterface`.
    drive, transpose, phase, sample, mux, adc_range, trial, comparator
        Pins of the macro.
    """

    start: Signal
    command: data.View
    busy: Signal
    i: stream.Interface
    o: stream.Interface
    drive: Signal
    transpose: Signal
    phase: Signal
    sample: Signal
    mux: Signal
    adc_range: Signal
    trial: Signal
    comparator: Signal

    def __init__(self, config: TileConfig):
        self.config = config
        macro = config.macro
        self._adc = SarAdc(macro.adc_count, macro.adc_bits, macro.group_count)
        self._interface = AdcInterface(config.adc_interface)
        super().__init__(
            {
                "start": In(1),
                "command": In(command_layout(config)),
                "busy": Out(1),
                "i": In(stream.Signature(signed(word_width(config)))),
                "o": self._interface.signature.members["o"],
                **pin_members(macro),
            }
        )
        self._slice = Signal(range(macro.slice_count))
        self._first = Signal()  # the most significant slice
        lanes, adc = macro.adc_count, config.adc_interface
        one = 1 << adc.gain_fraction_bits
        gains = sum(one << n * adc.gain_width for n in range(lanes))
        self._gain = Signal(lanes * adc.gain_width, init=gains)
        self._offset = Signal(lanes * adc.offset_width)

    @property
    def latencies(self) -> dict[str, int]:
        """Latencies of the units inside, in cycles."""
        return {"adc": self._adc.LATENCY, "adc_interface": self._interface.LATENCY}

    def elaborate(self, platform):
        m = Module()
        m.submodules.lines = lines = LineDrive(self.config.macro)
        m.submodules.adc, m.submodules.interface = self._adc, self._interface
        self._wire(m, lines)
        self._correct(m)
        line = Signal(range(self.config.macro.lines))
        settled = Signal(range(self.config.macro.settle_cycles + 1))
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                m.d.comb += lines.clear.eq(1)
                m.d.sync += [self.phase.eq(0), self._first.eq(1)]
                m.d.sync += self._slice.eq(self.command.slices - 1)
                with m.If(self.start & converts(self.command)):
                    m.next = "LOAD"
                with m.If(self.start & (self.command.op == Op.CALIBRATE)):
                    m.next = "CALIBRATE"
            with m.State("CALIBRATE"):
                m.d.comb += self.i.ready.eq(1)
                last = walk(m, self.i.valid, [(line, self.config.macro.adc_count)])
                with m.If(self.i.valid):
                    self._calibrate(m)
                    with m.If(last):
                        m.next = "IDLE"
            with m.State("LOAD"):
                m.d.comb += [self.i.ready.eq(1), lines.load.eq(self.i.valid)]
                last = walk(m, self.i.valid, [(line, self.command.inputs)])
                with m.If(self.i.valid & last):
                    m.next = "SETTLE"
            with m.State("SETTLE"):
                m.d.comb += lines.enable.eq(1)
                with m.If(walk(m, 1, [(settled, self.config.macro.settle_cycles)])):
                    m.next = "SAMPLE"
            with m.State("SAMPLE"):
                m.d.comb += [lines.enable.eq(1), self.sample.eq(1)]
                m.next = "GROUPS"
            with m.State("GROUPS"):
                m.d.comb += lines.enable.eq(1)
                outputs = self.command.outputs
                needed = Mux(self.transpose, outputs, outputs << 1)
                with m.If(convert_groups(m, self._adc, self.config.macro.lines, needed)):
                    m.next = "SETTLE"
                    with m.If(self._advance(m)):
                        m.next = "IDLE"
        return m

    def _wire(self, m, lines):
        m.d.comb += [
            lines.code.eq(self.i.payload),
            lines.pair.eq(self.transpose),
            lines.slice.eq(self._slice),
            lines.phase.eq(self.phase),
            self.drive.eq(lines.drive),
            self.transpose.eq(self.command.op == Op.BACKWARD),
            self.mux.eq(self._adc.mux),
            self.adc_range.eq(self.command.adc_range),
            self.trial.eq(self._adc.trial),
            self._adc.comparator.eq(self.comparator),
            self._interface.gain.eq(self._gain),
            self._interface.offset.eq(self._offset),
        ]

    def _correct(self, m):
        """From the codes of a group to the recombining memory and on to ``o``."""
        codes, corrected = self._adc.o, self._interface.i
        m.d.comb += [
            corrected.valid.eq(codes.valid),
            codes.ready.eq(corrected.ready),
            corrected.payload.codes.eq(codes.payload.codes),
            corrected.payload.group.eq(codes.payload.group),
            corrected.payload.pair.eq(~self.transpose),
            corrected.payload.negative.eq(self.phase),
            corrected.payload.first.eq(self._first & ~self.phase),
            corrected.payload.shift.eq(~self.phase),
            corrected.payload.last.eq((self._slice == 0) & (self.phase == self._last_phase)),
        ]
        connect(m, wiring.flipped(self.o), self._interface.o)

    @property
    def _last_phase(self):
        return self.command.signed | self.transpose

    def _calibrate(self, m):
        """Shift one calibration word in at the top: after ``adc_count`` words lane 0 is lowest."""
        gain_width = self.config.adc_interface.gain_width
        offset_width = self.config.adc_interface.offset_width
        gain, offset = self._gain, self._offset
        m.d.sync += [
            gain.eq(Cat(gain[gain_width:], self.i.payload[:gain_width])),
            offset.eq(Cat(offset[offset_width:], self.i.payload[16 : 16 + offset_width])),
        ]

    def _advance(self, m):
        """Go to the next phase or slice; returns 1 after the last."""
        with m.If(self.phase == self._last_phase):
            m.d.sync += [self.phase.eq(0), self._first.eq(0), self._slice.eq(self._slice - 1)]
        with m.Else():
            m.d.sync += self.phase.eq(1)
        return (self.phase == self._last_phase) & (self._slice == 0)
