"""Serve the operations of :func:`sim.cosim.replay.replay` on the pins of the tile."""

import cocotb
from cocotb.triggers import FallingEdge

from rtl_gen.train.timing import command_cycles
from sim.cosim.benches.driver import Driver, cycle_now, serve
from sim.cosim.macro_bfm import MacroBfm
from sim.cosim.operations import TileOp, TileResult
from sim.cosim.results import collect
from sim.cosim.steps import Step, steps


class TileDriver(Driver):
    """Streams of the tile, and its macro."""

    def __init__(self, dut, question, seed):
        super().__init__(dut, question, seed)
        self.bfm = MacroBfm(question["macro"])

    async def macro(self):
        """Be the macro on every falling edge: the answer is there before the next rising one."""
        dut, bfm, settled = self.dut, self.bfm, FallingEdge(self.dut.clk)
        pins = {name: getattr(dut, name) for name in ("drive", "transpose", "phase", "adc_range")}
        while True:
            await settled
            cycle = cycle_now()
            bfm.watch(cycle, {name: int(pin.value) for name, pin in pins.items()})
            mux, trial = int(dut.mux.value), int(dut.trial.value)
            if int(dut.sample.value):
                bfm.sample(cycle, mux, trial)
            dut.comparator.value = bfm.compare(mux, trial)

    def whole(self, op):
        """Cycles of an operation when nothing stalls."""
        return sum(self.bare_cycles(step) for step in steps(op, self.config))

    def bare_cycles(self, step: Step) -> int:
        """Cycles of a step when nothing stalls."""
        return command_cycles(self.config, self.latencies, step.command)

    async def operate(self, op: TileOp) -> TileResult:
        """Run one operation on an idle tile."""
        config, bfm, cycles = self.config, self.bfm, 0
        bfm.begin(op.conductance, op.noise, op.converters)
        macro = cocotb.start_soon(self.macro()) if op.kind != "update" else None
        if macro:
            self.background.append(macro)
        for step in steps(op, config):
            spent = await self.timed(step, self.bare_cycles(step))
            cycles += spent if step.timed else 0
        if macro:
            macro.cancel()
        return collect(op, config, self.layouts, self.words(), bfm, cycles)


@cocotb.test()
async def replay_operations(dut):
    """Every operation of ``ops.npz``; the answers go to ``results.npz``."""
    await serve(dut, TileDriver)
