"""Run a stream component in the Amaranth simulator."""

import random
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Any

from amaranth.hdl import Const
from amaranth.lib import data
from amaranth.sim import Simulator

PERIOD = 1e-8
PATIENCE = 2000  # cycles without any transfer after which a run is given up
LINGER = 40  # cycles after the last transfer in which no other output may come


def plain(value: Any) -> Any:
    """Ints, dicts of fields and lists in place of Amaranth constants."""
    if isinstance(value, data.Const):
        shape = value.shape()
        if isinstance(shape, data.ArrayLayout):
            return [plain(value[index]) for index in range(shape.length)]
        return {name: plain(value[name]) for name, _ in shape}
    return int(value.value if isinstance(value, Enum) else value)


def settable(value: Any) -> Any:
    """Python ints in place of numpy integers and booleans."""
    if isinstance(value, Mapping):
        return {name: settable(field) for name, field in value.items()}
    if isinstance(value, (list, tuple)):
        return [settable(field) for field in value]
    return int(value)


def run_stream(
    dut: Any,
    payloads: Sequence[Any],
    *,
    seed: int,
    p_stall: float = 0.3,
    count: int | None = None,
    static: Mapping[str, Any] | None = None,
) -> list[Any]:
    """Send ``payloads`` into ``dut.i``, stall both sides at random, return what left ``dut.o``.

    Parameters
    ----------
    dut : Component
        With a stream ``o`` and, unless it is a source, a stream ``i``.
    payloads : sequence of int or dict
        Inputs; a dict gives fields of a struct payload by name, missing ones are 0.
    seed : int
        Of the stalls.
    p_stall : float
        Probability of a stall in a cycle, for each side, 0 to below 1.
    count : int, optional
        Outputs to expect; default one per input.
    static : mapping, optional
        Values of other inputs, set before the first cycle.

    Returns
    -------
    list of int or dict
        Payloads in order.

    Raises
    ------
    TimeoutError
        If nothing moved for 2000 cycles and inputs or outputs are missing.
    AssertionError
        If a component with an input gives more than ``count`` outputs.
    """
    bench = _Bench(dut, payloads, len(payloads) if count is None else count, seed, p_stall)

    async def run(ctx):
        for name, value in (static or {}).items():
            ctx.set(getattr(dut, name), settable(value))
        await bench.run(ctx)

    sim = Simulator(dut)
    sim.add_clock(PERIOD)
    sim.add_testbench(run)
    sim.run()
    return bench.results


class _Bench:
    """State of one run: what is still to be sent and what came out."""

    def __init__(self, dut, payloads, count, seed, p_stall):
        self.dut, self.payloads, self.count, self.p_stall = dut, payloads, count, p_stall
        self.sender, self.receiver = (random.Random(f"{seed}/{side}") for side in "io")
        self.is_source = not hasattr(dut, "i")
        self.sent = 0
        self.results: list[Any] = []

    async def run(self, ctx):
        o, offered, taking, quiet = self.dut.o, False, False, 0
        i_ready = Const(0) if self.is_source else self.dut.i.ready
        while quiet < (LINGER if self.is_done() else PATIENCE):
            _, _, ready, valid, payload = await ctx.tick().sample(i_ready, o.valid, o.payload)
            quiet += 1
            if offered and ready:
                self.sent, offered, quiet = self.sent + 1, False, 0
            if taking and valid:
                self.take(payload)
                quiet = 0
            if self.is_source and self.is_done():
                return
            if not self.is_source and not offered:
                offered = self.offer(ctx)
            taking = self.is_done() or self.receiver.random() >= self.p_stall
            ctx.set(o.ready, taking)
        if not self.is_done():
            raise TimeoutError(
                f"{self.sent} of {len(self.payloads)} inputs went in and "
                f"{len(self.results)} of {self.count} outputs came out"
            )

    def is_done(self):
        return self.sent == len(self.payloads) and len(self.results) == self.count

    def offer(self, ctx):
        ready = self.sent < len(self.payloads) and self.sender.random() >= self.p_stall
        if ready:
            ctx.set(self.dut.i.payload, settable(self.payloads[self.sent]))
        ctx.set(self.dut.i.valid, ready)
        return ready

    def take(self, payload):
        assert len(self.results) < self.count, f"an output came after the {self.count} expected"
        self.results.append(plain(payload))
