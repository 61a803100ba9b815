"""Pulses of one vector pair: its values, update management, trains on the pins."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from models.config.chopped_tile import ChoppedTileConfig
from rtl_gen.train.chopped_command import command_layout, word_width
from rtl_gen.train.command import walk
from rtl_gen.units.pulse_trains import Kind, PulseTrains
from rtl_gen.units.update_management import UpdateManagement, managed_layout

FIRED = ("row_fire", "row_sign", "column_fire", "column_sign")
MAGNITUDE = 15  # bits of a BF16 pattern without its sign


class Pulses(wiring.Component):
    """Take one vector pair and give its slots to the pins of the macro.

    Takes ``command.rows`` and ``command.columns`` words and keeps the largest magnitude of each
    side; with slots and scales from :class:`UpdateManagement` all values go through
    :class:`PulseTrains`, whose slots take one cycle each. A pair without slots leaves the register
    of the trains alone.

    Parameters
    ----------
    config : ChoppedTileConfig
        The tile.
    seed : int
        State of the register of the trains after reset, nonzero.

    Members
    -------
    start : ``In(1)``
        One cycle, when not busy: take a vector pair.
    command : ``In(command_layout(config))``
        Stable while busy.
    busy : ``Out(1)``
        From the cycle after ``start`` until the last slot is over.
    load, load_state : ``In``
        In one cycle, when not busy: the register of the trains takes this state, not 0.
    state : ``Out``
        That register.
    row_choppers, column_choppers : ``In``
        Exclusive or with the signs of the lines; stable while busy.
    i : ``In(stream.Signature(signed(word_width(config))))``
        BF16 patterns in the low 16 bits; ready only when one is due.
    pulse, row_fire, row_sign, column_fire, column_sign : ``Out``
        Pins of the macro; lines fire in cycles with ``pulse`` only.
    """

    start: Signal
    command: data.View
    busy: Signal
    load: Signal
    load_state: Signal
    state: Signal
    row_choppers: Signal
    column_choppers: Signal
    i: stream.Interface
    pulse: Signal

    def __init__(self, config: ChoppedTileConfig, *, seed: int):
        self.config, macro, width = config, config.macro, config.trains.lfsr.width
        self._management = UpdateManagement(config.update)
        self._trains = PulseTrains(config.trains, seed)
        sizes = {pin.name: pin.width for pin in macro.pins()}
        super().__init__(
            {
                "start": In(1),
                "command": In(command_layout(config)),
                "busy": Out(1),
                "load": In(1),
                "load_state": In(width),
                "state": Out(width),
                "row_choppers": In(macro.rows),
                "column_choppers": In(macro.columns),
                "i": In(stream.Signature(signed(word_width(config)))),
                "pulse": Out(1),
                **{name: Out(sizes[name]) for name in FIRED},
            }
        )
        count = macro.rows + macro.columns
        self._values = Memory(shape=16, depth=count, init=[])  # x, then delta, without a gap
        self._line = Signal(range(count + 1))
        self._managed = Signal(managed_layout())

    @property
    def latencies(self) -> dict[str, int]:
        """Latencies of the units inside, in cycles."""
        return {"management": self._management.LATENCY, "trains": self._trains.LATENCY}

    def elaborate(self, platform):
        m = Module()
        m.submodules.management, m.submodules.trains = self._management, self._trains
        m.submodules.values = self._values
        manage, trains, command = self._management, self._trains, self.command
        taking, sending = Signal(), Signal()
        self._maxima(m, taking)
        self._send(m, sending)
        self._pins(m)
        limits = [(self._line, command.rows + command.columns)]
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"), m.If(self.start):
                m.next = "TAKE"
            with m.State("TAKE"):
                m.d.comb += [self.i.ready.eq(1), taking.eq(self.i.valid)]
                with m.If(taking & walk(m, taking, limits)):
                    m.next = "MANAGE"
            with m.State("MANAGE"):
                m.d.comb += manage.i.valid.eq(1)
                with m.If(manage.i.ready):
                    m.next = "WAIT"
            with m.State("WAIT"):
                m.d.comb += manage.o.ready.eq(1)
                m.d.sync += self._managed.eq(manage.o.payload)
                with m.If(manage.o.valid):
                    m.next = "LINES"
                    with m.If(manage.o.payload.slots == 0):
                        m.next = "IDLE"
            with m.State("LINES"):
                m.d.comb += sending.eq(1)
                with m.If(walk(m, sending, limits)):
                    m.next = "SLOTS"
            with m.State("SLOTS"), m.If(trains.o.valid & trains.o.payload.last):
                m.next = "IDLE"
        return m

    def _is_row(self):
        return self._line < self.command.rows

    def _maxima(self, m, taking):
        """Store a value and keep the largest magnitudes of both sides."""
        pair, port = self._management.i.payload, self._values.write_port()
        m.d.comb += [
            self._management.rate.eq(self.command.rate),
            port.addr.eq(self._line),
            port.data.eq(self.i.payload),
            port.en.eq(taking),
        ]
        size = self.i.payload[:MAGNITUDE]
        for name, here in (("x_max", self._is_row()), ("delta_max", ~self._is_row())):
            largest = Signal(MAGNITUDE, name=name)
            m.d.comb += pair[name].eq(largest)
            with m.If(self.start):
                m.d.sync += largest.eq(0)
            with m.If(taking & here & (size > largest)):
                m.d.sync += largest.eq(size)

    def _send(self, m, sending):
        """Send one line after another to the trains, which are always ready for them."""
        i, port, managed = self._trains.i, self._values.read_port(), self._managed
        is_row, last, valid = Signal(), Signal(), Signal()
        m.d.comb += [port.addr.eq(self._line), port.en.eq(1)]
        m.d.sync += [
            valid.eq(sending),
            is_row.eq(self._is_row()),
            last.eq(self._line + 1 == self.command.rows + self.command.columns),
        ]
        m.d.comb += [
            i.valid.eq(valid | self.load),
            i.payload.kind.eq(Mux(is_row, Kind.ROW, Kind.COLUMN)),
            i.payload.value.eq(port.data),
            i.payload.scale.eq(Mux(is_row, managed.x_scale, managed.delta_scale)),
            i.payload.last.eq(last),
            i.payload.slots.eq(managed.slots),
        ]
        with m.If(self.load):
            m.d.comb += [
                i.payload.kind.eq(Kind.STATE),
                Cat(i.payload.value, i.payload.scale).eq(self.load_state),
            ]

    def _pins(self, m):
        """Connect slots and choppers."""
        trains, slot = self._trains, self._trains.o.payload
        m.d.comb += [
            trains.row_chop.eq(self.row_choppers),
            trains.column_chop.eq(self.column_choppers),
            trains.o.ready.eq(1),
            self.pulse.eq(trains.o.valid),
            self.state.eq(trains.state),
        ]
        for name in FIRED:
            m.d.comb += getattr(self, name).eq(Mux(self.pulse, slot[name], 0))
