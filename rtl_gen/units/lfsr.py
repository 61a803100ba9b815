"""Source of pseudo-random words."""

from amaranth import *
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import Out

from models.config.checks import check_int
from models.config.units import LfsrConfig


class Lfsr(wiring.Component):
    """Galois shift register that moves ``config.word_bits`` steps per word.

    A step shifts to the right; when a one falls out, ``config.feedback`` is added. One word per
    cycle, the first in the cycle after reset. No input reaches an output within a cycle.

    Parameters
    ----------
    config : LfsrConfig
        Register and word length.
    seed : int
        State after reset, 1 to ``2**config.width - 1``; TypeError or ValueError otherwise.

    Members
    -------
    o : ``Out(stream.Signature(config.word_bits))``
        The low bits of the state; always valid.
    """

    LATENCY = 0

    o: stream.Interface

    def __init__(self, config: LfsrConfig, seed: int):
        check_int("seed", seed, 1, 2**config.width - 1)
        self.config = config
        self.seed = seed
        super().__init__({"o": Out(stream.Signature(config.word_bits))})

    def elaborate(self, platform):
        m = Module()
        state = Signal(self.config.width, init=self.seed)
        following = state
        for index in range(self.config.word_bits):
            after = Signal(self.config.width, name=f"after_{index}")
            m.d.comb += after.eq(following[1:] ^ Mux(following[0], self.config.feedback, 0))
            following = after
        m.d.comb += [self.o.valid.eq(1), self.o.payload.eq(state)]
        with m.If(self.o.ready):
            m.d.sync += state.eq(following)
        return m
