"""Serve the operations of :func:`sim.cosim.replay.replay` on the pins of the tile."""

import os
import random
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.task import Task
from cocotb.triggers import FallingEdge, RisingEdge, with_timeout
from cocotb.utils import get_sim_time

from rtl_gen.train.timing import command_cycles
from sim.cosim.macro_bfm import MacroBfm
from sim.cosim.operations import TileOp, TileResult
from sim.cosim.packing import pack_fields, word_array
from sim.cosim.results import STREAMS_OUT, collect
from sim.cosim.steps import Step, patience, steps
from sim.cosim.storage import load, save

PERIOD_NS = 10
STREAM = ("payload", "valid", "ready")


class Driver:
    """Streams of the tile with random gaps, and its macro."""

    def __init__(self, dut, question, seed):
        self.dut, self.layouts = dut, question["layouts"]
        self.latencies = question["latencies"]
        self.config, self.p_stall = question["config"], question["p_stall"]
        self.bfm = MacroBfm(question["macro"])
        self.random = {
            name: random.Random(f"{seed}/{name}") for name in ("i_command", "i", *STREAMS_OUT)
        }
        self.taken: dict[str, list[int]] = {name: [] for name in STREAMS_OUT}
        self.clock = RisingEdge(dut.clk)
        self.background: list[Task[Any]] = []

    async def reset(self):
        """Drop all drivers, reset, start the receivers again."""
        for task in self.background:
            task.cancel()
        dut = self.dut
        for name in ("i_command", "i"):
            getattr(dut, f"{name}__valid").value = 0
        for name in STREAMS_OUT:
            getattr(dut, f"{name}__ready").value = 0
            self.taken[name].clear()
        dut.comparator.value = 0
        dut.rst.value = 1
        for _ in range(2):
            await self.clock
        dut.rst.value = 0
        await self.clock
        self.background = [cocotb.start_soon(self.receive(name)) for name in STREAMS_OUT]

    def port(self, name):
        """Return the handles of one stream."""
        return {part: getattr(self.dut, f"{name}__{part}") for part in STREAM}

    async def send(self, name, payloads):
        """Offer each payload until it is taken, with random gaps."""
        port = self.port(name)
        rng, p_stall = self.random[name].random, self.p_stall
        mask = (1 << len(port["payload"])) - 1
        for payload in payloads:
            while rng() < p_stall:
                port["valid"].value = 0
                await self.clock
            port["payload"].value = payload & mask
            port["valid"].value = 1
            await self.clock
            while not int(port["ready"].value):
                await self.clock
        port["valid"].value = 0

    async def receive(self, name):
        """Take payloads for ever, with random back-pressure."""
        port = self.port(name)
        rng, p_stall, taken = self.random[name].random, self.p_stall, self.taken[name]
        arrival = RisingEdge(port["valid"])
        ready = rng() >= p_stall
        port["ready"].value = int(ready)
        while True:
            if not int(port["valid"].value):  # read before this edge's changes
                await arrival
            await self.clock
            if ready and int(port["valid"].value):
                taken.append(int(port["payload"].value))
            ready = rng() >= p_stall
            port["ready"].value = int(ready)

    async def macro(self):
        """Be the macro on every falling edge: the answer is there before the next rising one."""
        dut, bfm, settled = self.dut, self.bfm, FallingEdge(self.dut.clk)
        pins = {name: getattr(dut, name) for name in ("drive", "transpose", "phase", "adc_range")}
        while True:
            await settled
            cycle = int(get_sim_time("ns")) // PERIOD_NS
            bfm.watch(cycle, {name: int(pin.value) for name, pin in pins.items()})
            mux, trial = int(dut.mux.value), int(dut.trial.value)
            if int(dut.sample.value):
                bfm.sample(cycle, mux, trial)
            dut.comparator.value = bfm.compare(mux, trial)

    def bare_cycles(self, step: Step) -> int:
        """Cycles of a step when nothing stalls."""
        return command_cycles(self.config, self.latencies, step.command)

    async def step(self, step: Step) -> int:
        """Send one command with its words; returns its cycles when the tile is idle again."""
        command = pack_fields(self.layouts["i_command"], step.command)
        words = cocotb.start_soon(self.send("i", step.words))
        self.background = [task for task in self.background if not task.done()] + [words]
        await self.send("i_command", [command])
        begin = get_sim_time("ns")
        await FallingEdge(self.dut.busy)
        cycles = round((get_sim_time("ns") - begin) / PERIOD_NS)
        assert words.done(), "the tile is idle before it took all words"
        return cycles


async def operate(driver: Driver, op: TileOp) -> TileResult:
    """Run one operation on an idle tile."""
    config, bfm, cycles = driver.config, driver.bfm, 0
    for taken in driver.taken.values():
        taken.clear()
    bfm.begin(op.conductance, op.noise, op.converters)
    macro = cocotb.start_soon(driver.macro()) if op.kind != "update" else None
    if macro:
        driver.background.append(macro)
    for step in steps(op, config):
        limit = patience(driver.bare_cycles(step), driver.p_stall)
        spent = await with_timeout(driver.step(step), limit * PERIOD_NS, "ns")
        cycles += spent if step.timed else 0
    if macro:
        macro.cancel()
    layouts = driver.layouts
    taken = {
        name: word_array(words, layouts[name]["width"]) for name, words in driver.taken.items()
    }
    return collect(op, config, layouts, taken, bfm, cycles)


async def spoil(driver: Driver, op: TileOp, rng: random.Random) -> None:
    """Start an operation and reset the tile somewhere in it."""
    whole = sum(driver.bare_cycles(step) for step in steps(op, driver.config))
    task = cocotb.start_soon(operate(driver, op))
    for _ in range(rng.randrange(1, whole)):
        await driver.clock
    task.cancel()
    await driver.reset()


@cocotb.test()
async def replay_operations(dut):
    """Every operation of ``ops.npz``; the answers go to ``results.npz``."""
    directory = Path(os.environ["IMCTWIN_TILE"])
    question = load(directory / "ops.npz")
    driver = Driver(dut, question, cocotb.RANDOM_SEED)
    rng = random.Random(f"{cocotb.RANDOM_SEED}/resets")
    Clock(dut.clk, PERIOD_NS, unit="ns").start()
    await driver.reset()
    results = []
    for op in question["ops"]:
        if question["resets"]:
            await spoil(driver, op, rng)
        results.append(await operate(driver, op))
        with (directory / "progress").open("ab") as file:
            file.write(b".")
    save(directory / "results.npz", results)
