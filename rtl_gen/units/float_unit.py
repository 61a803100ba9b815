"""What the floating-point units have in common: ports, depth, rigid pipeline."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.steps import Step, grouped
from rtl_gen.streams import rigid_pipeline


class FloatUnit(wiring.Component):
    """A datapath of steps between two streams, with ``config.depth`` registers inside.

    One payload per cycle, `LATENCY` cycles; nothing moves while the output waits. ``i.ready``
    depends combinationally on ``o.ready``; with depth 0 everything is combinational.

    Members
    -------
    i : ``In(stream.Signature(StructLayout))``
        Operands, and ``random`` (``config.random_bits``) for stochastic rounding.
    o : ``Out(stream.Signature(...))``
        Result.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self, config, operands: dict, result):
        self.config = config
        if getattr(config, "rounding", None) == "stochastic":
            operands = operands | {"random": config.random_bits}
        super().__init__(
            {
                "i": In(stream.Signature(data.StructLayout(operands))),
                "o": Out(stream.Signature(result)),
            }
        )

    @property
    def LATENCY(self) -> int:
        """Cycles from an operand to its result."""
        return self.config.depth

    def steps(self) -> list[Step]:
        """Return the datapath from the fields of ``i`` to those of ``o``."""
        raise NotImplementedError

    def elaborate(self, platform):
        m = Module()
        rigid_pipeline(m, self.i, self.o, grouped(self.steps(), self.config.depth + 1))
        return m
