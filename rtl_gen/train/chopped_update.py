"""Update of a tile of pulsed training: pulses of every vector pair, and transfers when due."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from models.config.chopped_macro import index_width
from models.config.chopped_tile import ChoppedTileConfig
from rtl_gen.train.chopped_command import Op, command_layout, word_width
from rtl_gen.train.chopped_pulses import FIRED, Pulses
from rtl_gen.train.chopped_registers import Registers
from rtl_gen.train.chopped_transfer import RowTransfer
from rtl_gen.train.command import walk


class Update(wiring.Component):
    """Serve UPDATE, STATE_WRITE and STATE_READ.

    For each vector pair: :class:`Pulses`; then, with ``command.transfers``, :class:`Registers`
    counts it, and if that makes a read due the row is converted and goes through
    :class:`RowTransfer`; then choppers flip.

    Parameters
    ----------
    config : ChoppedTileConfig
        The tile.
    codes : Signature
        Of ``i_codes``.
    seed : int
        State of the register of the pulse trains after reset, nonzero.

    Members
    -------
    start : ``In(1)``
        One cycle: serve ``command``.
    command : ``In(command_layout(config))``
        Stable while busy.
    busy : ``Out(1)``
        From the cycle after ``start`` until everything is stored and every pulse is taken.
    convert : ``Out(1)``
        One cycle: convert ``row``, whose codes come on ``i_codes``.
    row : ``Out``
        Row that is read.
    i_codes : ``In(stream)``
        As ``o`` of :class:`rtl_gen.train.chopped_codes.CodeLanes`.
    i : ``In(stream.Signature(signed(word_width(config))))``
        Vectors or state; ready only when one is due.
    o_state : ``Out(stream.Signature(word_width(config)))``
        State.
    o_program : ``Out(stream)``
        As that of :class:`RowTransfer`.
    pulse, pulse_array, row_fire, row_sign, column_fire, column_sign
        Pins of the macro.
    """

    start: Signal
    command: data.View
    busy: Signal
    convert: Signal
    row: Signal
    i_codes: stream.Interface
    i: stream.Interface
    o_state: stream.Interface
    o_program: stream.Interface
    pulse_array: Signal

    def __init__(self, config: ChoppedTileConfig, codes: stream.Signature, *, seed: int):
        self.config = config
        self._pulses = Pulses(config, seed=seed)
        self._registers = Registers(config)
        self._transfer = RowTransfer(config, codes)
        super().__init__(
            {
                "start": In(1),
                "command": In(command_layout(config)),
                "busy": Out(1),
                "convert": Out(1),
                "row": Out(index_width(config.macro.rows)),
                "i_codes": In(codes),
                "i": In(stream.Signature(signed(word_width(config)))),
                "o_state": Out(stream.Signature(word_width(config))),
                "o_program": self._transfer.signature.members["o_program"],
                "pulse_array": Out(1),
                **{name: self._pulses.signature.members[name] for name in ("pulse", *FIRED)},
            }
        )

    @property
    def latencies(self) -> dict[str, int]:
        """Latencies of the units inside, in cycles."""
        return {**self._pulses.latencies, **self._transfer.latencies}

    def elaborate(self, platform):
        m = Module()
        registers, transfer, pulses = self._registers, self._transfer, self._pulses
        m.submodules.pulses = pulses
        m.submodules.registers, m.submodules.transfer = registers, transfer
        self._words(m)
        self._wire(m)
        accessing = registers.busy | transfer.busy
        vector = Signal.like(self.command.vectors)
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE") | accessing)
            with m.State("IDLE"), m.If(self.start & (self.command.op == Op.UPDATE)):
                m.next = "VECTOR"
            with m.State("VECTOR"):
                m.d.comb += pulses.start.eq(1)
                m.next = "PULSES"
            with m.State("PULSES"), m.If(~pulses.busy):
                m.d.comb += registers.count.eq(self.command.transfers)
                m.next = "DUE"
            with m.State("DUE"):
                m.d.comb += self.convert.eq(registers.due)
                m.next = "NEXT"
                with m.If(registers.due):
                    m.next = "TRANSFER"
            with m.State("TRANSFER"), m.If(transfer.done):
                m.d.comb += registers.finish.eq(1)
                m.next = "NEXT"
            with m.State("NEXT"), m.If(~registers.flipping):
                m.next = "VECTOR"
                with m.If(walk(m, 1, [(vector, self.command.vectors)])):
                    m.next = "IDLE"
        return m

    def _words(self, m):
        """Offer commands and words to all parts; each takes them in states of its own commands."""
        states = (self._registers, self._transfer)
        parts = (*states, self._pulses)
        for part in parts:
            m.d.comb += [
                part.command.eq(self.command),
                part.i.valid.eq(self.i.valid),
                part.i.payload.eq(self.i.payload),
            ]
        for part in states:
            m.d.comb += [part.start.eq(self.start), part.o_state.ready.eq(self.o_state.ready)]
            with m.If(part.o_state.valid):
                m.d.comb += self.o_state.payload.eq(part.o_state.payload)
        m.d.comb += [
            self.i.ready.eq(Cat(part.i.ready for part in parts).any()),
            self.o_state.valid.eq(Cat(part.o_state.valid for part in states).any()),
        ]

    def _wire(self, m):
        """Connect the parts with each other and the pins."""
        registers, transfer, pulses = self._registers, self._transfer, self._pulses
        m.d.comb += [
            self.row.eq(registers.read.row),
            self.pulse_array.eq(self.command.array),
            transfer.row.eq(registers.read.row),
            transfer.enable.eq(registers.read.enable),
            transfer.negative.eq(registers.negative),
            transfer.fresh.eq(registers.fresh),
            transfer.column_choppers.eq(registers.column_choppers),
            pulses.row_choppers.eq(registers.row_choppers),
            pulses.column_choppers.eq(registers.column_choppers),
            pulses.load.eq(registers.trains_load),
            pulses.load_state.eq(registers.trains_word),
            registers.trains_state.eq(pulses.state),
        ]
        connect(m, flipped(self.i_codes), transfer.i_codes)
        connect(m, flipped(self.o_program), transfer.o_program)
        for name in ("pulse", *FIRED):
            m.d.comb += getattr(self, name).eq(getattr(pulses, name))
