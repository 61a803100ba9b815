"""Output side of a conversion: recombined sums one by one through post-processing."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out, connect

from models.config.tile import TileConfig
from rtl_gen.train.command import Op, command_layout, converts, walk, word_width
from rtl_gen.units.lfsr import Lfsr
from rtl_gen.units.post_process import PostProcess

WORD_FIELDS = {"scale": slice(0, 16), "bias": slice(16, 32), "mask": slice(32, 33)}


class Readout(wiring.Component):
    """Serve FORWARD and BACKWARD from the recombined sums on, and LINE_WRITE.

    Takes groups of sums, keeps the lanes that are outputs (every lane, or the even ones of a
    FORWARD) and sends one output per cycle through :class:`PostProcess`, with the scale, bias
    and mask of its number. With ``command.chain`` each output takes two cycles and one word of
    ``i``, which is added to its sum. With ``command.stochastic`` each output takes one word of
    the random source; otherwise the source stands still.

    Parameters
    ----------
    config : TileConfig
        The tile.
    seed : int
        State of the random source after reset, nonzero.

    Members
    -------
    start : ``In(1)``
        One cycle: serve ``command``.
    command : ``In(command_layout(config))``
        Stable while busy.
    busy : ``Out(1)``
        From the cycle after ``start`` until ``command.outputs`` beats have left ``o``.
    i : ``In(stream.Signature(signed(word_width(config))))``
        Incoming partial sums, or line words; ready only when one is due.
    i_sums : ``In(stream)``
        As ``o`` of :class:`AdcInterface`.
    o : ``Out(stream)``
        As ``o`` of :class:`PostProcess`.
    """

    start: Signal
    command: data.View
    busy: Signal
    i: stream.Interface
    i_sums: stream.Interface
    o: stream.Interface

    def __init__(self, config: TileConfig, sums: stream.Signature, *, seed: int):
        self.config = config
        self._post = PostProcess(config.post_process)
        self._random = Lfsr(config.lfsr, seed)
        super().__init__(
            {
                "start": In(1),
                "command": In(command_layout(config)),
                "busy": Out(1),
                "i": In(stream.Signature(signed(word_width(config)))),
                "i_sums": In(sums),
                "o": self._post.signature.members["o"],
            }
        )

    @property
    def latencies(self) -> dict[str, int]:
        """Latencies of the units inside, in cycles."""
        return {"post_process": self._post.LATENCY}

    def elaborate(self, platform):
        m = Module()
        m.submodules.post, m.submodules.random = self._post, self._random
        m.submodules.parameters = memory = Memory(shape=33, depth=self.config.macro.lines, init=[])
        write, read = memory.write_port(), memory.read_port()
        command = self.command
        m.d.comb += [
            self._post.control.activation.eq(command.activation),
            self._post.control.exponent.eq(command.exponent),
            self._post.control.stochastic.eq(command.stochastic),
            write.data.eq(self.i.payload),
        ]
        connect(m, wiring.flipped(self.o), self._post.o)
        output = Signal.like(command.outputs)  # the next one on o, or the next line word
        m.d.comb += write.addr.eq(output)
        with m.FSM() as fsm:
            m.d.comb += self.busy.eq(~fsm.ongoing("IDLE"))
            with m.State("IDLE"):
                with m.If(self.start & converts(command)):
                    m.next = "SUMS"
                with m.If(self.start & (command.op == Op.LINE_WRITE)):
                    m.next = "LINES"
            with m.State("LINES"):
                m.d.comb += [self.i.ready.eq(1), write.en.eq(self.i.valid)]
                last = walk(m, self.i.valid, [(output, command.outputs)])
                with m.If(self.i.valid & last):
                    m.next = "IDLE"
            with m.State("SUMS"):
                self._send(m, read)
                step = self.o.valid & self.o.ready
                with m.If(step & walk(m, step, [(output, command.outputs)])):
                    m.next = "IDLE"
        return m

    def _send(self, m, read):
        """Connect ``i_sums`` to the post-processing unit."""
        lane_width, lanes = self.config.adc_interface.sum_width, self.config.macro.adc_count
        held = Signal(lane_width * lanes)
        left = Signal(range(lanes + 1))  # outputs in held, those past the last one included
        output = Signal.like(self.command.outputs)
        forward = self.command.op == Op.FORWARD
        m.d.comb += [self.i_sums.ready.eq(left == 0), read.en.eq(1), read.addr.eq(output)]
        with m.If(self.i_sums.valid & self.i_sums.ready):
            m.d.sync += held.eq(self.i_sums.payload.sums)
            m.d.sync += left.eq(Mux(forward, lanes // 2, lanes))
        sent = self._beat(m, read.data, held[:lane_width].as_signed(), left != 0)
        with m.If(sent):
            last = walk(m, 1, [(output, self.command.outputs)])
            m.d.sync += left.eq(Mux(last, 0, left - 1))
            m.d.comb += read.addr.eq(output + 1)
            m.d.sync += held.eq(Mux(forward, held >> 2 * lane_width, held >> lane_width))
            with m.If(last):
                m.d.comb += read.addr.eq(0)

    def _beat(self, m, line, own, valid):
        """Send one output: a chained partial sum, if any, then its own; returns 1 at the end."""
        command, beat, random = self.command, self._post.i, self._random.o
        chained = Signal()  # the incoming partial sum is in
        own_turn, sent = Signal(), Signal()
        m.d.comb += [
            own_turn.eq(chained | ~command.chain),
            sent.eq(beat.valid & beat.ready & own_turn),
            beat.payload.partial.eq(Mux(own_turn, own, self.i.payload)),
            beat.payload.scale.eq(line[WORD_FIELDS["scale"]]),
            beat.payload.bias.eq(line[WORD_FIELDS["bias"]]),
            beat.payload.mask.eq(line[WORD_FIELDS["mask"]]),
            beat.payload.random.eq(random.payload),
            beat.payload.first.eq(~chained),
            beat.payload.last.eq(own_turn),
            random.ready.eq(sent & command.stochastic),
        ]
        with m.If(own_turn):
            m.d.comb += beat.valid.eq(valid & (random.valid | ~command.stochastic))
        with m.Else():
            m.d.comb += [beat.valid.eq(valid & self.i.valid), self.i.ready.eq(valid & beat.ready)]
        with m.If(beat.valid & beat.ready):
            m.d.sync += chained.eq(~own_turn)
        return sent
