"""The tile of pulsed training: the digital side of one macro with a fast array and weights."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from models.config.chopped_tile import ChoppedTileConfig
from rtl_gen.train.chopped_codes import CodeLanes
from rtl_gen.train.chopped_command import Bank, Op, command_layout, converts, word_width
from rtl_gen.train.chopped_conversion import PINS, Conversion
from rtl_gen.train.chopped_pulses import FIRED
from rtl_gen.train.chopped_readout import Readout
from rtl_gen.train.chopped_update import Update

SEED = 1  # state of the register of the pulse trains after reset
FAST = 1  # number of the array that transfers read


class ChoppedTile(wiring.Component):
    """Serve commands one after another: products, reads and pulsed updates of one macro.

    ============  ===============================================  ===========================
    op            words taken from ``i``                           result
    ============  ===============================================  ===========================
    FORWARD       ``rows`` DAC codes, then with activation MASK    ``columns`` beats on ``o``
                  a mask for every beat
    BACKWARD      ``columns`` codes, masks for rows                ``rows`` beats on ``o``
    READ          masks as FORWARD                                 ``columns`` beats on ``o``
    UPDATE        ``vectors`` times: ``rows`` x and ``columns``    pulses on the pins,
                  delta as BF16                                    transfers on ``o_program``
    STATE_WRITE   state of the ``bank``
    STATE_READ                                                     the same on ``o_state``
    ============  ===============================================  ===========================

    FORWARD drives rows of ``array`` and senses columns, BACKWARD the other way round, READ puts
    ``drive`` on ``row`` alone; ``differential`` takes the reference array off any of them. UPDATE
    pulses ``array``; with ``transfers`` the sequencer counts its vectors, and every
    ``transfer_every``-th is followed by a read of the fast array whose codes are accumulated and
    sent on as program pulses. Banks H, MEAN and PAST have ``columns`` words for each of ``rows``
    rows from ``row`` on, LINES ``rows`` words (chopper of a row, whether it flipped, chopper of a
    column), REGISTERS the words of :data:`rtl_gen.train.chopped_command.REGISTERS`.

    A command in which a count that it uses is 0 does nothing. Counts beyond the macro,
    ``transfer_every`` 0, a bank that the tile does not have, and a state that
    :class:`models.digital.sequencer.SequencerState` could not have are wrong.

    Cycles per command: :mod:`rtl_gen.train.chopped_timing`. ``i.ready`` depends combinationally
    on ``o.ready``; no other input reaches an output within a cycle.

    Parameters
    ----------
    config : ChoppedTileConfig
        The tile.
    seed : int
        State of the register of the pulse trains after reset, nonzero.

    Members
    -------
    i_command : ``In(stream.Signature(command_layout(config)))``
        Taken only when idle.
    i : ``In(stream.Signature(signed(word_width(config))))``
        Words as the table says; unused high bits are ignored.
    o : ``Out(stream)``
        As ``o`` of :class:`rtl_gen.train.chopped_codes.CodeValues`.
    o_state : ``Out(stream.Signature(word_width(config)))``
        State.
    o_program : ``Out(stream)``
        Program port: struct of ``config.macro.program_fields()``.
    busy : ``Out(1)``
        Low when no command is in the tile and all its results have been taken.
    drive, ..., column_sign
        ``config.macro.pins()``.
    """

    i_command: stream.Interface
    i: stream.Interface
    o: stream.Interface
    o_state: stream.Interface
    o_program: stream.Interface
    busy: Signal

    def __init__(self, config: ChoppedTileConfig, *, seed: int = SEED):
        self.config = config
        self._conversion = Conversion(config.macro)
        self._lanes = CodeLanes(config.macro)
        codes = self._lanes.signature.members["o"].signature
        self._readout = Readout(config, codes)
        self._update = Update(config, codes, seed=seed)
        pins = config.macro.pins()
        super().__init__(
            {
                "i_command": In(stream.Signature(command_layout(config))),
                "i": In(stream.Signature(signed(word_width(config)))),
                "o": self._readout.signature.members["o"],
                "o_state": self._update.signature.members["o_state"],
                "o_program": self._update.signature.members["o_program"],
                "busy": Out(1),
                **{pin.name: (Out if pin.output else In)(pin.width) for pin in pins},
            }
        )

    @property
    def latencies(self) -> dict[str, int]:
        """Latencies of the units inside, in cycles."""
        parts = (self._conversion, self._readout, self._update)
        return {name: n for part in parts for name, n in part.latencies.items()}

    def elaborate(self, platform):
        m = Module()
        command, start = Signal(command_layout(self.config)), Signal()
        readout, update = self._readout, self._update
        m.submodules.conversion, m.submodules.lanes = self._conversion, self._lanes
        m.submodules.readout, m.submodules.update = readout, update
        self._convert(m, command, start)
        self._codes(m, command)
        for part in (readout, update):
            m.d.comb += [part.command.eq(command), part.start.eq(start)]
        self._words(m)
        connect(m, flipped(self.o), readout.o)
        connect(m, flipped(self.o_state), update.o_state)
        connect(m, flipped(self.o_program), update.o_program)
        for name in ("pulse", "pulse_array", *FIRED):
            m.d.comb += getattr(self, name).eq(getattr(update, name))
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                m.d.comb += self.i_command.ready.eq(1)
                with m.If(self.i_command.valid):
                    m.d.sync += command.eq(self.i_command.payload)
                    m.next = "START"
            with m.State("START"):
                m.d.comb += start.eq(_counts_something(m, command))
                m.next = "RUN"
            with m.State("RUN"), m.If(~(self._conversion.busy | readout.busy | update.busy)):
                m.next = "IDLE"
        return m

    def _convert(self, m, command, start):
        """Ask for the conversion of a command, or of a row that is due."""
        conversion, update = self._conversion, self._update
        request, transfers = conversion.request, command.op == Op.UPDATE
        backward = command.op == Op.BACKWARD
        m.d.comb += [
            conversion.start.eq((start & converts(command)) | update.convert),
            request.one_row.eq(transfers | (command.op == Op.READ)),
            request.transpose.eq(backward),
            request.array.eq(Mux(transfers, FAST, command.array)),
            request.differential.eq(command.differential),
            request.row.eq(Mux(transfers, update.row, command.row)),
            request.drive.eq(command.drive),
            request.driven.eq(Mux(backward, command.columns, command.rows)),
            request.sensed.eq(Mux(backward, command.rows, command.columns)),
            self._lanes.needed.eq(request.sensed),
            conversion.comparator.eq(self.comparator),
        ]
        for name in PINS:
            m.d.comb += getattr(self, name).eq(getattr(conversion, name))

    def _codes(self, m, command):
        """Send codes where the command wants them."""
        lanes, readout, update = self._lanes, self._readout, self._update
        transfers = command.op == Op.UPDATE
        connect(m, self._conversion.o, lanes.i)
        for part, here in ((readout, ~transfers), (update, transfers)):
            m.d.comb += [
                part.i_codes.payload.eq(lanes.o.payload),
                part.i_codes.valid.eq(lanes.o.valid & here),
            ]
        m.d.comb += lanes.o.ready.eq(Mux(transfers, update.i_codes.ready, readout.i_codes.ready))

    def _words(self, m):
        """Offer words to every part: each takes them only in states of its own commands."""
        parts = (self._conversion, self._readout, self._update)
        for part in parts:
            m.d.comb += [part.i.valid.eq(self.i.valid), part.i.payload.eq(self.i.payload)]
        m.d.comb += self.i.ready.eq(Cat(part.i.ready for part in parts).any())


def _counts_something(m, command) -> Value:
    """1 when no count that the command uses is 0."""
    used, size = Signal(), command.rows.any() & command.columns.any()
    with m.Switch(command.op):
        with m.Case(Op.FORWARD, Op.BACKWARD):
            m.d.comb += used.eq(size)
        with m.Case(Op.READ):
            m.d.comb += used.eq(command.columns.any())
        with m.Case(Op.UPDATE):
            m.d.comb += used.eq(size & command.vectors.any())
        with m.Default():
            m.d.comb += used.eq(_words_of_state(command))
    return used


def _words_of_state(command) -> Value:
    """1 when a command that writes or reads state has any words."""
    by_bank = {
        Bank.LINES: command.rows.any(),
        Bank.REGISTERS: Const(1),
    }
    size = command.rows.any() & command.columns.any()
    for bank, used in by_bank.items():
        size = Mux(command.bank == bank, used, size)
    return size
