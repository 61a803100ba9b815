"""The tile: the digital side of one analog macro."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from models.config.tile import TileConfig
from rtl_gen.train.command import Op, command_layout, word_width
from rtl_gen.train.convert import Convert, pin_members
from rtl_gen.train.readout import Readout
from rtl_gen.train.update import Update

SEED = 1  # state of the random source after reset


class Tile(wiring.Component):
    """Serve commands one after another: forward, backward and update of one macro.

    ============  ===============================================  ==========================
    op            words taken from ``i``                           result
    ============  ===============================================  ==========================
    FORWARD       ``inputs`` row codes, then with ``chain`` one    ``outputs`` beats on ``o``
                  partial sum for every output
    BACKWARD      the same with pair codes                         ``outputs`` beats on ``o``
    UPDATE        ``vectors`` times: ``inputs`` x codes,           transfers on ``o_program``
                  ``outputs`` delta codes
    STATE_WRITE   ``inputs * outputs`` chi, row by row
    STATE_READ                                                     the same on ``o_state``
    LINE_WRITE    ``outputs`` words scale, bias, mask
                  (bits 0-15, 16-31, 32)
    CALIBRATE     ``adc_count`` words gain, offset (low bits,
                  from bit 16)
    ============  ===============================================  ==========================

    FORWARD drives rows and gives pairs (``plus - minus`` column), BACKWARD drives columns and
    gives rows. A command in which a count that it uses is 0 does nothing. Counts beyond the
    macro or ``config.update.chunk``, ``slices`` beyond ``slice_count`` and a threshold of 0
    are wrong.

    Cycles per command: :func:`rtl_gen.train.timing.command_cycles`. ``i.ready`` depends
    combinationally on ``o.ready``; no other input reaches an output within a cycle.

    Parameters
    ----------
    config : TileConfig
        The tile.
    seed : int
        State of the random source of stochastic rounding after reset, nonzero.

    Members
    -------
    i_command : ``In(stream.Signature(command_layout(config)))``
        Taken only when idle.
    i : ``In(stream.Signature(signed(word_width(config))))``
        Codes, partial sums and memory words as the table says; unused high bits are ignored.
    o : ``Out(stream)``
        As ``o`` of :class:`PostProcess`.
    o_state : ``Out(stream.Signature(config.update.state_width))``
        Chi.
    o_program : ``Out(stream)``
        Program port: struct of ``config.macro.program_fields()``.
    busy : ``Out(1)``
        Low when no command is in the tile and all its results have been taken.
    drive, transpose, phase, sample, mux, adc_range, trial, comparator
        ``config.macro.pins()``.
    """

    i_command: stream.Interface
    i: stream.Interface
    o: stream.Interface
    o_state: stream.Interface
    o_program: stream.Interface
    busy: Signal
    drive: Signal
    transpose: Signal
    phase: Signal
    sample: Signal
    mux: Signal
    adc_range: Signal
    trial: Signal
    comparator: Signal

    def __init__(self, config: TileConfig, *, seed: int = SEED):
        self.config = config
        self._convert = Convert(config)
        sums = self._convert.signature.members["o"].signature
        self._readout = Readout(config, sums, seed=seed)
        self._update = Update(config)
        super().__init__(
            {
                "i_command": In(stream.Signature(command_layout(config))),
                "i": In(stream.Signature(signed(word_width(config)))),
                "o": self._readout.signature.members["o"],
                "o_state": self._update.signature.members["o_state"],
                "o_program": self._update.signature.members["o_program"],
                "busy": Out(1),
                **pin_members(config.macro),
            }
        )

    @property
    def latencies(self) -> dict[str, int]:
        """Latencies of the units inside, in cycles."""
        return {**self._convert.latencies, **self._readout.latencies, **self._update.latencies}

    def elaborate(self, platform):
        m = Module()
        parts = {"convert": self._convert, "readout": self._readout, "update": self._update}
        for name, part in parts.items():
            m.submodules[name] = part
        command = Signal(command_layout(self.config))
        start, busy = Signal(), Signal()
        for part in parts.values():
            m.d.comb += [
                part.command.eq(command),
                part.start.eq(start),
                # At most one part is ready: each takes words only in a state of its own command.
                part.i.valid.eq(self.i.valid),
                part.i.payload.eq(self.i.payload),
            ]
        m.d.comb += [
            busy.eq(Cat(part.busy for part in parts.values()).any()),
            self.i.ready.eq(Cat(part.i.ready for part in parts.values()).any()),
        ]
        connect(m, self._convert.o, self._readout.i_sums)
        connect(m, flipped(self.o), self._readout.o)
        connect(m, flipped(self.o_state), self._update.o_state)
        connect(m, flipped(self.o_program), self._update.o_program)
        self._pins(m)
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
            with m.State("RUN"), m.If(~busy):
                m.next = "IDLE"
        return m

    def _pins(self, m):
        for pin in self.config.macro.pins():
            ours, theirs = getattr(self, pin.name), getattr(self._convert, pin.name)
            m.d.comb += ours.eq(theirs) if pin.output else theirs.eq(ours)


def _counts_something(m, command) -> Value:
    """1 when no count that the command uses is 0."""
    used = Signal()
    size = command.inputs.any() & command.outputs.any()
    with m.Switch(command.op):
        with m.Case(Op.FORWARD, Op.BACKWARD):
            m.d.comb += used.eq(size & command.slices.any())
        with m.Case(Op.UPDATE):
            m.d.comb += used.eq(size & command.vectors.any())
        with m.Case(Op.STATE_WRITE, Op.STATE_READ):
            m.d.comb += used.eq(size)
        with m.Case(Op.LINE_WRITE):
            m.d.comb += used.eq(command.outputs.any())
        with m.Case(Op.CALIBRATE):
            m.d.comb += used.eq(1)
    return used
