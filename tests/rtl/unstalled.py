"""Run a stream component without stalls, to time it and to reset it on the way."""

from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from sim.streams import PERIOD, plain, settable


def run_unstalled(dut, payloads, *, static=None, reset_after=None, linger=60):
    """Send a payload per cycle (while ``dut.i`` is ready), take every output at once.

    After ``reset_after`` transfers into the component, reset it for a cycle. Returns the cycles
    of transfers in, and (cycle, payload) of transfers out, ``linger`` cycles past the last input.
    """
    reset, taken, given = Signal(), [], []

    async def bench(ctx):
        for name, value in (static or {}).items():
            ctx.set(getattr(dut, name), settable(value))
        ctx.set(dut.o.ready, 1)
        cycle, stop = 0, None
        while stop is None or cycle < stop:
            if len(taken) == reset_after:
                ctx.set(reset, 1)
                await ctx.tick()
                ctx.set(reset, 0)
            ctx.set(dut.i.valid, len(taken) < len(payloads))
            if len(taken) < len(payloads):
                ctx.set(dut.i.payload, settable(payloads[len(taken)]))
            elif stop is None:
                stop = cycle + linger
            sampled = ctx.tick().sample(dut.i.valid & dut.i.ready, dut.o.valid, dut.o.payload)
            _, _, moved, valid, payload = await sampled
            if moved:
                taken.append(cycle)
            if valid:
                given.append((cycle, plain(payload)))
            cycle += 1

    sim = Simulator(ResetInserter(reset)(dut))
    sim.add_clock(PERIOD)
    sim.add_testbench(bench)
    sim.run()
    return taken, given
