"""The tile and its macro in the Amaranth simulator: the second simulator beside Verilator."""

import random

import numpy as np
from amaranth.hdl import Value
from amaranth.sim import Simulator

from rtl_gen.train.tile import Tile
from sim.cosim.expected import needed_groups
from sim.cosim.macro_bfm import MacroBfm
from sim.cosim.operations import TileOp, TileResult
from sim.cosim.steps import Step, steps
from sim.streams import plain

PERIOD = 1e-8
PINS = ("drive", "transpose", "phase", "adc_range")
STREAMS_OUT = ("o", "o_state", "o_program")


def simulate(dut, testbench, *background) -> None:
    """Run ``testbench`` to its end, with others beside it."""
    sim = Simulator(dut)
    sim.add_clock(PERIOD)
    sim.add_testbench(testbench)
    for other in background:
        sim.add_testbench(other, background=True)
    sim.run()


class TileBench:
    """Sends steps, collects beats, plays the macro; one random gap after another."""

    def __init__(self, config, macro, *, seed: int, p_stall: float = 0.3):
        self.dut, self.p_stall = Tile(config), p_stall
        self.bfm = MacroBfm(macro)
        self.random = random.Random(seed)
        self.taken: dict[str, list] = {name: [] for name in STREAMS_OUT}

    def run(self, testbench) -> None:
        """Simulate with receivers and macro in the background."""
        receivers = [self._receiver(name) for name in STREAMS_OUT]
        simulate(self.dut, testbench, self._macro, *receivers)

    async def step(self, ctx, step: Step, limit: int = 5000) -> int:
        """Send a command and its words; returns the cycles in which the tile was busy."""
        await self.send(ctx, self.dut.i_command, step.command)
        words, busy = list(step.words), 0
        offered = False
        while ctx.get(self.dut.busy):
            busy += 1
            assert busy < limit, f"{step.command} does not end, {len(words)} words left"
            if words and not offered and self.random.random() >= self.p_stall:
                ctx.set(self.dut.i.payload, words[0])
                offered = True
            ctx.set(self.dut.i.valid, offered)
            _, _, taken = await ctx.tick().sample(self.dut.i.ready & self.dut.i.valid)
            if taken:
                words.pop(0)
                offered = False
        ctx.set(self.dut.i.valid, 0)
        assert not words, f"{len(words)} words of {step.command} were not taken"
        return busy

    async def operate(self, ctx, op: TileOp) -> TileResult:
        """Run one operation; cycles are not counted."""
        for taken in self.taken.values():
            taken.clear()
        self.bfm.begin(op.conductance, op.noise, op.converters)
        for step in steps(op, self.dut.config):
            await self.step(ctx, step)
        for fields in self.taken["o_program"]:
            self.bfm.program(fields, converting=op.kind != "update")
        return self._result(op)

    def _result(self, op: TileOp) -> TileResult:
        if op.kind == "update":
            unused = 64 - len(self.dut.o_state.payload)
            chi = np.array(self.taken["o_state"], np.int64)
            if op.chi.dtype != np.uint16:
                chi = chi << unused >> unused
            pulses = np.array(self.bfm.pulses, np.int64).reshape(-1, 4)
            chi = chi.astype(op.chi.dtype).reshape(op.chi.shape)
            return TileResult(chi=chi, pulses=pulses, errors=self.bfm.errors)
        beats = self.taken["o"]
        return TileResult(
            sums=np.array([beat["sum"] for beat in beats]),
            values=np.array([beat["value"] for beat in beats]),
            masks=np.array([beat["mask"] for beat in beats], np.bool_),
            codes=np.array([beat["code"] for beat in beats]),
            adc_codes=self.bfm.codes(op.slices, op.phases, needed_groups(op, self.dut.config)),
            errors=self.bfm.errors,
        )

    async def send(self, ctx, port, payload):
        """Offer one payload until it is taken."""
        ctx.set(port.payload, payload)
        ctx.set(port.valid, 1)
        await ctx.tick().until(port.ready)
        ctx.set(port.valid, 0)

    def _receiver(self, name):
        port = getattr(self.dut, name)

        async def receive(ctx):
            ready = False
            async for _, _, valid, payload in ctx.tick().sample(port.valid, port.payload):
                if ready and valid:
                    self.taken[name].append(plain(payload))
                ready = self.random.random() >= self.p_stall
                ctx.set(port.ready, ready)

        return receive

    async def _macro(self, ctx):
        dut, cycle = self.dut, 0
        pins = [Value.cast(getattr(dut, name)) for name in PINS]
        async for _ in ctx.tick():
            cycle += 1
            self.bfm.watch(cycle, dict(zip(PINS, map(ctx.get, pins), strict=True)))
            mux, trial = ctx.get(dut.mux), ctx.get(dut.trial)
            if ctx.get(dut.sample):
                self.bfm.sample(cycle, mux, trial)
            ctx.set(dut.comparator, self.bfm.compare(mux, trial))
