"""Signed pulse counts to transfers on the program port of the macro."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.checks import check_choice
from models.config.macro import MacroConfig
from models.config.tile import SCHEMES


class PulseSequencer(wiring.Component):
    """Program a signed weight through the two columns of its pair.

    A positive count raises the plus column ``2 * pair``; ``push_pull`` then lowers the minus
    column ``2 * pair + 1`` by as many pulses, ``plus_only`` leaves it alone. A negative count
    does the opposite, count 0 nothing. Transfers follow each other without gaps.
    ``i.ready`` depends combinationally on ``o.ready``.

    Parameters
    ----------
    config : MacroConfig
        Geometry and width of the count.
    scheme : str
        ``push_pull`` or ``plus_only``.

    Members
    -------
    i : ``In(stream.Signature(...))``
        ``row``, ``pair``, ``count`` (signed, magnitude at most ``2**count_width - 1``).
    o : ``Out(stream.Signature(...))``
        Fields of ``config.program_fields()``.
    """

    LATENCY = 1

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: MacroConfig, scheme: str):
        check_choice("scheme", scheme, SCHEMES)
        self.config, self.scheme = config, scheme
        widths = dict(config.program_fields())
        command = {
            "row": widths["row"],
            "pair": max(1, (config.pairs - 1).bit_length()),
            "count": signed(config.count_width + 1),
        }
        super().__init__(
            {
                "i": In(stream.Signature(data.StructLayout(command))),
                "o": Out(stream.Signature(data.StructLayout(widths))),
            }
        )

    def elaborate(self, platform):
        m = Module()
        command = Signal(self.i.payload.shape(), reset_less=True)
        minus = Signal()  # the minus column's turn
        is_final = minus | (self.scheme == "plus_only")
        o, count = self.o.payload, command.count
        m.d.comb += [
            o.row.eq(command.row),
            o.column.eq(Cat(minus, command.pair)),
            o.polarity.eq((count > 0) ^ minus),
            o.count.eq(abs(count)),
            self.i.ready.eq(~self.o.valid | (self.o.ready & is_final)),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += minus.eq(~is_final)
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid & (self.i.p.count != 0))
            m.d.sync += command.eq(self.i.payload)
        return m
