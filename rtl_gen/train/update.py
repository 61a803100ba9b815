"""Weight update of one tile: vector buffers, chi memory, weight sweep, programming pulses."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect

from models.config.tile import TileConfig
from rtl_gen.array.pulse_sequencer import PulseSequencer
from rtl_gen.train.command import Op, command_layout, walk, word_width
from rtl_gen.units.accumulate_threshold import AccumulateThreshold


class Update(wiring.Component):
    """Serve UPDATE, STATE_WRITE and STATE_READ.

    An UPDATE takes ``vectors`` times ``inputs`` x codes and ``outputs`` delta codes, then sweeps
    the weights row by row: ``vectors`` products per weight, one product per cycle, through
    :class:`AccumulateThreshold`; the new chi goes back to its memory and a nonzero count to
    :class:`PulseSequencer`. A waiting ``o_program`` holds the sweep.

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
        From the cycle after ``start`` until chi is stored and every pulse has been taken.
    i : ``In(stream.Signature(signed(word_width(config))))``
        Codes in the low ``code_width`` bits, or chi in the low ``state_width`` bits; ready only
        when one is due.
    o_state : ``Out(stream.Signature(config.update.state_width))``
        Chi of a STATE_READ, row by row.
    o_program : ``Out(stream)``
        As ``o`` of :class:`PulseSequencer`.
    """

    start: Signal
    command: data.View
    busy: Signal
    i: stream.Interface
    o_state: stream.Interface
    o_program: stream.Interface

    def __init__(self, config: TileConfig):
        self.config = config
        self._accumulate = AccumulateThreshold(config.update)
        self._pulses = PulseSequencer(config.macro, config.scheme)
        super().__init__(
            {
                "start": In(1),
                "command": In(command_layout(config)),
                "busy": Out(1),
                "i": In(stream.Signature(signed(word_width(config)))),
                "o_state": Out(stream.Signature(config.update.state_width)),
                "o_program": self._pulses.signature.members["o"],
            }
        )
        macro, codes = config.macro, signed(config.update.code_width)
        self._row = Signal(range(macro.rows))
        self._pair = Signal(range(macro.pairs))
        self._vector = Signal(range(config.update.chunk))
        rows, pairs = 1 << len(self._row), 1 << len(self._pair)  # addresses are concatenations
        chunk = config.update.chunk
        self._x = Memory(shape=codes, depth=chunk * rows, init=[])
        self._delta = Memory(shape=codes, depth=chunk * pairs, init=[])
        self._chi = Memory(shape=config.update.state_width, depth=macro.rows * pairs, init=[])

        self._issuing = Signal()  # the read side has operands left to read

    @property
    def latencies(self) -> dict[str, int]:
        """Latencies of the units inside, in cycles."""
        return {"accumulate": self._accumulate.LATENCY}

    def elaborate(self, platform):
        m = Module()
        m.submodules.accumulate, m.submodules.pulses = self._accumulate, self._pulses
        m.submodules.x, m.submodules.delta, m.submodules.chi = self._x, self._delta, self._chi
        command = self.command
        beat = self._accumulate.i.signature.create()
        self._control(m)
        self._read_side(m, beat)
        stored, chi = Signal(), Signal(self.config.update.state_width)
        all_stored = self._write_side(m, stored, chi)
        pending = self._pulse_side(m)
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"), m.If(self.start), m.Switch(command.op):
                with m.Case(Op.UPDATE):
                    m.next = "FILL_X"
                with m.Case(Op.STATE_WRITE):
                    m.next = "WRITE"
                with m.Case(Op.STATE_READ):
                    m.d.sync += self._issuing.eq(1)
                    m.next = "READ"
            self._fill_states(m)
            with m.State("SWEEP"):
                updated = self._accumulate.o
                m.d.comb += [
                    self._accumulate.i.valid.eq(beat.valid),
                    self._accumulate.i.payload.eq(beat.payload),
                    beat.ready.eq(self._accumulate.i.ready),
                    updated.ready.eq(self._pulses.i.ready),
                    stored.eq(updated.valid & updated.ready),
                    chi.eq(updated.payload.chi),
                ]
                with m.If(stored & all_stored):
                    m.next = "DRAIN"
            with m.State("DRAIN"), m.If(pending == 0):
                m.next = "IDLE"
            with m.State("READ"):
                m.d.comb += [
                    self.o_state.valid.eq(beat.valid),
                    self.o_state.payload.eq(beat.payload.chi),
                    beat.ready.eq(self.o_state.ready),
                ]
                with m.If(beat.valid & beat.ready & ~self._issuing):
                    m.next = "IDLE"
            with m.State("WRITE"):
                m.d.comb += [self.i.ready.eq(1), stored.eq(self.i.valid), chi.eq(self.i.payload)]
                with m.If(stored & all_stored):
                    m.next = "IDLE"
        return m

    def _fill_states(self, m):
        """Take the vectors; the counters of the idle read side say which code is due."""
        command = self.command
        x, delta = self._x.write_port(), self._delta.write_port()
        m.d.comb += [
            x.addr.eq(Cat(self._row, self._vector)),
            delta.addr.eq(Cat(self._pair, self._vector)),
            x.data.eq(self.i.payload),
            delta.data.eq(self.i.payload),
        ]
        with m.State("FILL_X"):
            m.d.comb += [self.i.ready.eq(1), x.en.eq(self.i.valid)]
            last = walk(m, self.i.valid, [(self._row, command.inputs)])
            with m.If(self.i.valid & last):
                m.next = "FILL_DELTA"
        with m.State("FILL_DELTA"):
            m.d.comb += [self.i.ready.eq(1), delta.en.eq(self.i.valid)]
            last = walk(m, self.i.valid, [(self._pair, command.outputs)])
            with m.If(self.i.valid & last):
                m.next = "FILL_X"
                with m.If(walk(m, 1, [(self._vector, command.vectors)])):
                    m.d.sync += self._issuing.eq(1)
                    m.next = "SWEEP"

    def _read_side(self, m, beat):
        """Read the operands of one product per cycle into ``beat`` while ``issuing``."""
        x, delta, chi = (mem.read_port() for mem in (self._x, self._delta, self._chi))
        command = self.command
        vectors = Mux(command.op == Op.UPDATE, command.vectors, 1)
        take = beat.ready | ~beat.valid
        step = take & self._issuing
        m.d.comb += [
            x.addr.eq(Cat(self._row, self._vector)),
            delta.addr.eq(Cat(self._pair, self._vector)),
            chi.addr.eq(Cat(self._pair, self._row)),
            Cat(x.en, delta.en, chi.en).eq(take.replicate(3)),
            beat.payload.x.eq(x.data),
            beat.payload.delta.eq(delta.data),
            beat.payload.chi.eq(chi.data),
        ]
        with m.If(take):
            m.d.sync += beat.valid.eq(self._issuing)
            m.d.sync += beat.payload.first.eq(self._vector == 0)
            m.d.sync += beat.payload.last.eq(self._vector + 1 == vectors)
        with m.If(step):
            weights = [(self._pair, command.outputs), (self._row, command.inputs)]
            with m.If(walk(m, 1, [(self._vector, vectors), *weights])):
                m.d.sync += self._issuing.eq(0)

    def _write_side(self, m, stored, value):
        """Store chi in the order of the weights; returns 1 at the last weight."""
        port = self._chi.write_port()
        pair, row = Signal.like(self._pair, name="pair_out"), Signal.like(self._row, name="row_out")
        m.d.comb += [port.addr.eq(Cat(pair, row)), port.data.eq(value), port.en.eq(stored)]
        m.d.comb += [self._pulses.i.payload.row.eq(row), self._pulses.i.payload.pair.eq(pair)]
        return walk(m, stored, [(pair, self.command.outputs), (row, self.command.inputs)])

    def _pulse_side(self, m):
        """Hand counts in and pulses out; returns how many transfers are still to come out."""
        counts, pulses = self._accumulate.o, self._pulses.o
        connect(m, wiring.flipped(self.o_program), pulses)
        m.d.comb += [
            self._pulses.i.valid.eq(counts.valid),
            self._pulses.i.payload.count.eq(counts.payload.count),
        ]
        taken = self._pulses.i.valid & self._pulses.i.ready & (counts.payload.count != 0)
        pending, transfers = Signal(8), 2 if self.config.scheme == "push_pull" else 1
        leaving = pulses.valid & pulses.ready
        m.d.sync += pending.eq(pending + Mux(taken, transfers, 0) - leaving)
        return pending

    def _control(self, m):
        """Connect the static inputs of the threshold decision."""
        control, command = self._accumulate.control, self.command
        m.d.comb += [
            control.shift.eq(command.shift),
            control.scale.eq(command.scale),
            control.threshold.eq(command.threshold),
            control.transfer.eq(command.transfer),
        ]
