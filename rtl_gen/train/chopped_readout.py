"""Output side of a product or of the read of a row: codes and numbers."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from models.config.chopped_tile import ChoppedTileConfig
from rtl_gen.train.chopped_codes import CodeValues
from rtl_gen.train.chopped_command import COUNT, Op, command_layout, converts, word_width
from rtl_gen.train.command import walk
from rtl_gen.units.relu_mask import Activation


class Readout(wiring.Component):
    """Serve FORWARD, BACKWARD and READ from the codes on.

    One code per cycle through :class:`CodeValues`; with the activation MASK each takes one word of
    ``i``, whose lowest bit is its mask. ``i.ready`` and ``i_codes.ready`` depend combinationally
    on ``o.ready`` and on each other's ``valid``.

    Parameters
    ----------
    config : ChoppedTileConfig
        The tile.
    codes : Signature
        Of ``i_codes``.

    Members
    -------
    start : ``In(1)``
        One cycle: serve ``command``, if it converts.
    command : ``In(command_layout(config))``
        Stable while busy.
    busy : ``Out(1)``
        From the cycle after ``start`` until a beat for every code has left ``o``.
    i_codes : ``In(stream)``
        As ``o`` of :class:`rtl_gen.train.chopped_codes.CodeLanes`; taken while busy.
    i : ``In(stream.Signature(signed(word_width(config))))``
        Masks; ready only when one is due.
    o : ``Out(stream)``
        As ``o`` of :class:`CodeValues`.
    """

    start: Signal
    command: data.View
    busy: Signal
    i_codes: stream.Interface
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: ChoppedTileConfig, codes: stream.Signature):
        self.config = config
        self._values = CodeValues(config.macro)
        super().__init__(
            {
                "start": In(1),
                "command": In(command_layout(config)),
                "busy": Out(1),
                "i_codes": In(codes),
                "i": In(stream.Signature(signed(word_width(config)))),
                "o": self._values.signature.members["o"],
            }
        )

    @property
    def latencies(self) -> dict[str, int]:
        """Latencies of the units inside, in cycles."""
        return {"values": self._values.LATENCY}

    def elaborate(self, platform):
        m = Module()
        m.submodules.values = values = self._values
        command, codes, number = self.command, self.i_codes, Signal(COUNT)
        masked = command.activation == Activation.MASK
        active = Signal()
        m.d.comb += [
            values.scale.eq(command.scale),
            values.activation.eq(command.activation),
            values.i.payload.code.eq(codes.payload.code),
            values.i.payload.mask.eq(self.i.payload[0] & masked),
            active.eq(codes.valid & self.busy),
            values.i.valid.eq(active & (self.i.valid | ~masked)),
            codes.ready.eq(self.busy & values.i.ready & (self.i.valid | ~masked)),
            self.i.ready.eq(active & values.i.ready & masked),
        ]
        connect(m, flipped(self.o), values.o)
        sent = self.o.valid & self.o.ready
        lines = Mux(command.op == Op.BACKWARD, command.rows, command.columns)
        with m.If(self.start & converts(command)):
            m.d.sync += self.busy.eq(1)
        with m.If(sent & walk(m, sent, [(number, lines)])):
            m.d.sync += self.busy.eq(0)
        return m
