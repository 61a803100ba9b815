"""Serve operations of pulsed training on the pins of the tile."""

import cocotb
from cocotb.triggers import FallingEdge

from sim.cosim.benches.driver import Driver, cycle_now, serve
from sim.cosim.chopped_bfm import FIRED, WATCHED, ChoppedBfm
from sim.cosim.chopped_operations import ChoppedTileOp, ChoppedTileResult
from sim.cosim.chopped_results import collect
from sim.cosim.chopped_steps import bare_cycles, steps


class ChoppedDriver(Driver):
    """Streams of the tile, and its macro."""

    def __init__(self, dut, question, seed):
        super().__init__(dut, question, seed)
        self.bfm = ChoppedBfm(self.config.macro)

    async def macro(self):
        """Be the macro on every falling edge: the answer is there before the next rising one."""
        dut, bfm, settled = self.dut, self.bfm, FallingEdge(self.dut.clk)
        pins = {name: getattr(dut, name) for name in WATCHED}
        fired = {name: getattr(dut, name) for name in ("pulse", "pulse_array", *FIRED)}
        valid, ready = dut.o_program__valid, dut.o_program__ready
        while True:
            await settled
            cycle = cycle_now()
            bfm.watch(cycle, {name: int(pin.value) for name, pin in pins.items()})
            mux, trial = int(dut.mux.value), int(dut.trial.value)
            if int(dut.sample.value):
                bfm.sample(cycle, mux, trial)
            dut.comparator.value = bfm.compare(mux, trial)
            programs = bool(int(valid.value) and int(ready.value))
            if programs or int(dut.pulse.value):
                now = {name: int(pin.value) for name, pin in fired.items()}
                bfm.cycle(now, programs=programs)

    def whole(self, op):
        """Cycles of an operation when nothing stalls, or a few more."""
        given = self.config, self.latencies
        return sum(bare_cycles(step, op, *given) for step in steps(op, self.config))

    async def operate(self, op: ChoppedTileOp) -> ChoppedTileResult:
        """Run one operation on an idle tile."""
        self.bfm.begin(op)
        macro, cycles = cocotb.start_soon(self.macro()), 0
        self.background.append(macro)
        for step in steps(op, self.config):
            spent = await self.timed(step, bare_cycles(step, op, self.config, self.latencies))
            cycles += spent if step.timed else 0
        macro.cancel()
        return collect(op, self.config, self.layouts, self.words(), self.bfm, cycles)


@cocotb.test()
async def replay_operations(dut):
    """Every operation of ``ops.npz``; the answers go to ``results.npz``."""
    await serve(dut, ChoppedDriver)
