"""Conversion of one vector or one row: codes on the lines, sample, SAR over the mux groups."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from models.config.chopped_macro import ChoppedMacroConfig, index_width
from rtl_gen.array.groups import convert_groups
from rtl_gen.array.sar import SarAdc
from rtl_gen.train.chopped_command import COUNT
from rtl_gen.train.command import walk

PINS = ("drive", "drive_sign", "transpose", "array", "differential", "sample", "mux", "trial")


def request_layout(config: ChoppedMacroConfig) -> data.StructLayout:
    """Layout of what to convert: ``driven`` codes of the stream, or one ``row`` with ``drive``."""
    return data.StructLayout(
        {
            "one_row": 1,
            "transpose": 1,
            "array": 1,
            "differential": 1,
            "row": index_width(config.rows),
            "drive": signed(config.dac_bits),
            "driven": COUNT,
            "sensed": COUNT,
        }
    )


class Conversion(wiring.Component):
    """Drive the lines of one array, sample, and convert the mux groups that are needed.

    Takes ``driven`` codes in line order, or puts ``drive`` on one row and 0 on all others; waits
    ``settle_cycles``, pulses ``sample`` for one cycle and converts the groups of the first
    ``sensed`` lines. Drive, sign, direction and what is read stay until the last of these
    conversions is done; between conversions ``drive`` and ``drive_sign`` are 0.

    Parameters
    ----------
    config : ChoppedMacroConfig
        The macro.

    Members
    -------
    start : ``In(1)``
        One cycle, when not busy: serve ``request``.
    request : ``In(request_layout(config))``
        Stable while busy.
    busy : ``Out(1)``
        From the cycle after ``start`` until the last codes have left.
    i : ``In(stream.Signature(signed(config.dac_bits)))``
        Codes of the driven lines; ready only when one is due.
    o : ``Out(stream)``
        As ``o`` of :class:`SarAdc`, group after group.
    drive, drive_sign, transpose, array, differential, sample, mux, trial, comparator
        Pins of the macro.
    """

    start: Signal
    request: data.View
    busy: Signal
    i: stream.Interface
    o: stream.Interface
    drive: Signal
    drive_sign: Signal
    transpose: Signal
    array: Signal
    differential: Signal
    sample: Signal
    mux: Signal
    trial: Signal
    comparator: Signal

    def __init__(self, config: ChoppedMacroConfig):
        self.config = config
        self._adc = SarAdc(config.adc_count, config.adc_bits, config.group_count)
        pins = {pin.name: Out(pin.width) for pin in config.pins() if pin.name in PINS}
        super().__init__(
            {
                "start": In(1),
                "request": In(request_layout(config)),
                "busy": Out(1),
                "i": In(stream.Signature(signed(config.dac_bits))),
                "o": self._adc.signature.members["o"],
                **pins,
                "comparator": In(config.adc_count),
            }
        )

    @property
    def latencies(self) -> dict[str, int]:
        """Latencies of the units inside, in cycles."""
        return {"adc": self._adc.LATENCY}

    def elaborate(self, platform):
        m = Module()
        m.submodules.adc = self._adc
        config, request = self.config, self.request
        code, load, enable = Signal(signed(config.dac_bits)), Signal(), Signal()
        place = Signal(config.lines, init=1)  # one-hot: the line of the next code
        self._lines(m, place, code, load, enable)
        self._wire(m)
        line = Signal(range(config.lines))
        settled = Signal(range(config.settle_cycles + 1))
        m.d.comb += code.eq(Mux(request.one_row, request.drive, self.i.payload))
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += place.eq(Mux(request.one_row, 1 << request.row, 1))
                m.next = "LOAD"
            with m.State("LOAD"):
                m.d.comb += [
                    self.i.ready.eq(~request.one_row),
                    load.eq(request.one_row | self.i.valid),
                ]
                count = Mux(request.one_row, 1, request.driven)
                with m.If(load & walk(m, load, [(line, count)])):
                    m.next = "SETTLE"
            with m.State("SETTLE"):
                m.d.comb += enable.eq(1)
                with m.If(walk(m, 1, [(settled, config.settle_cycles)])):
                    m.next = "SAMPLE"
            with m.State("SAMPLE"):
                m.d.comb += [enable.eq(1), self.sample.eq(1)]
                m.next = "GROUPS"
            with m.State("GROUPS"):
                m.d.comb += enable.eq(1)
                with m.If(convert_groups(m, self._adc, config.lines, request.sensed)):
                    m.next = "IDLE"
        return m

    def _lines(self, m, place, code, load, enable):
        """Hold the codes, from the start of a conversion to that of the next, and drive them."""
        config, width = self.config, self.config.magnitude_bits
        held = [Signal(width, name=f"magnitude_{n}") for n in range(config.lines)]
        negative = Signal(config.lines)
        magnitude = Signal(width)
        m.d.comb += magnitude.eq(abs(code)[:width])
        for here, kept in zip(place, held, strict=True):
            with m.If(load & here):
                m.d.sync += kept.eq(magnitude)
        with m.If(load):
            m.d.sync += negative.eq(negative | Mux(code < 0, place, 0))
            m.d.sync += place.eq(place << 1)
        with m.If(self.start):
            m.d.sync += [kept.eq(0) for kept in held]
            m.d.sync += negative.eq(0)
        m.d.comb += self.drive.eq(Cat(held) & enable.replicate(config.lines * width))
        m.d.comb += self.drive_sign.eq(negative & enable.replicate(config.lines))

    def _wire(self, m):
        adc, request = self._adc, self.request
        connect(m, flipped(self.o), adc.o)
        m.d.comb += [
            self.transpose.eq(request.transpose),
            self.array.eq(request.array),
            self.differential.eq(request.differential),
            self.mux.eq(adc.mux),
            self.trial.eq(adc.trial),
            adc.comparator.eq(self.comparator),
        ]
