"""The streams of a tile in cocotb, with random gaps on all of them."""

import os
import random
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.task import Task
from cocotb.triggers import FallingEdge, RisingEdge, with_timeout
from cocotb.utils import get_sim_time

from sim.cosim.packing import pack_fields, word_array
from sim.cosim.results import STREAMS_OUT
from sim.cosim.steps import Step, patience
from sim.cosim.storage import load, save

PERIOD_NS = 10
STREAM = ("payload", "valid", "ready")


class Driver:
    """Streams of a tile with random gaps.

    Parameters
    ----------
    dut : object
        The design.
    question : dict
        ``layouts`` of its streams, ``latencies``, ``config``, ``p_stall``.
    seed : int
        Of the gaps.
    """

    def __init__(self, dut, question, seed):
        self.dut, self.layouts = dut, question["layouts"]
        self.latencies = question["latencies"]
        self.config, self.p_stall = question["config"], question["p_stall"]
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

    async def operate(self, op: Any) -> Any:
        """Run one operation on an idle tile from which nothing has come."""
        raise NotImplementedError

    def whole(self, op: Any) -> int:
        """About as many cycles as an operation takes when nothing stalls."""
        raise NotImplementedError

    async def served(self, op: Any) -> Any:
        """Run one operation after another."""
        for taken in self.taken.values():
            taken.clear()
        return await self.operate(op)

    async def spoil(self, op: Any, rng: random.Random) -> None:
        """Start an operation and reset the tile somewhere in it."""
        task = cocotb.start_soon(self.served(op))
        for _ in range(rng.randrange(1, self.whole(op))):
            await self.clock
        task.cancel()
        await self.reset()

    async def timed(self, step: Step, bare: int) -> int:
        """Cycles of a step that takes ``bare`` of them without stalls; an error when far more."""
        limit = patience(bare, self.p_stall)
        task = cocotb.start_soon(self.step(step))  # a reset ends it wherever it is
        self.background.append(task)
        return await with_timeout(task, limit * PERIOD_NS, "ns")

    def words(self) -> dict[str, Any]:
        """Payloads that left the tile, as :func:`sim.cosim.packing.word_array` gives them."""
        return {
            name: word_array(words, self.layouts[name]["width"])
            for name, words in self.taken.items()
        }


def cycle_now() -> int:
    """Clock cycles since the simulation began."""
    return int(get_sim_time("ns")) // PERIOD_NS


async def serve(dut: Any, kind: type[Driver]) -> None:
    """Every operation of ``ops.npz``; the answers go to ``results.npz``."""
    directory = Path(os.environ["IMCTWIN_TILE"])
    question = load(directory / "ops.npz")
    driver = kind(dut, question, cocotb.RANDOM_SEED)
    rng = random.Random(f"{cocotb.RANDOM_SEED}/resets")
    Clock(dut.clk, PERIOD_NS, unit="ns").start()
    await driver.reset()
    results = []
    for op in question["ops"]:
        if question["resets"]:
            await driver.spoil(op, rng)
        results.append(await driver.served(op))
        with (directory / "progress").open("ab") as file:
            file.write(b".")
    save(directory / "results.npz", results)
