"""Send payloads into ``i`` and take what leaves ``o``, for :func:`sim.cosim.unit.run_unit`."""

import os
import random
from pathlib import Path
from typing import Any

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from sim.cosim.storage import load, save

INTERRUPTIONS = 3  # resets in mid-stream before the whole stream


class Stream:
    """The unit and both sides of its stream."""

    def __init__(self, dut, question: dict[str, Any], seed: int):
        self.dut, self.words, self.count = dut, question["words"], question["count"]
        self.p_stall, self.is_source = question["p_stall"], question["is_source"]
        self.patience, self.linger = question["patience"], question["linger"]
        self.sender, self.receiver = (random.Random(f"{seed}/{side}") for side in "io")
        self.clock = RisingEdge(dut.clk)
        self.i_ready: Any = None if self.is_source else dut.i__ready
        self.o_valid, self.o_payload = dut.o__valid, dut.o__payload
        self.sent, self.taken = 0, []

    async def reset(self, cycles: int) -> None:
        """Reset with both sides as they are, then hold them back."""
        self.dut.rst.value = 1
        for _ in range(cycles):
            await self.clock
        self.dut.rst.value = 0
        if not self.is_source:
            self.dut.i__valid.value = 0
        self.dut.o__ready.value = 0
        self.sent, self.taken = 0, []

    async def run(self, cycles: int | None = None) -> None:
        """Transfer everything from the start, or as much as ``cycles`` allow."""
        offered, taking, quiet, spent = False, False, 0, 0
        while quiet < (self.linger if self.is_done() else self.patience):
            await self.clock  # reads give what was there before the edge
            quiet, spent = quiet + 1, spent + 1
            if offered and self.i_ready.value:
                self.sent, offered, quiet = self.sent + 1, False, 0
            if taking and self.o_valid.value:
                self.take(int(self.o_payload.value))
                quiet = 0
            if spent == cycles or (self.is_source and self.is_done()):
                return
            offered = offered or self.offer()
            taking = self.is_done() or self.receiver.random() >= self.p_stall
            self.dut.o__ready.value = int(taking)
        assert self.is_done(), (
            f"{self.sent} of {len(self.words)} inputs went in and "
            f"{len(self.taken)} of {self.count} outputs came out"
        )

    def is_done(self) -> bool:
        """Tell whether nothing is missing on either side."""
        return self.sent == len(self.words) and len(self.taken) == self.count

    def offer(self) -> bool:
        """Offer the next input or leave a gap."""
        if self.is_source:
            return False
        ready = self.sent < len(self.words) and self.sender.random() >= self.p_stall
        if ready:
            self.dut.i__payload.value = self.words[self.sent]
        self.dut.i__valid.value = int(ready)
        return ready

    def take(self, word: int) -> None:
        """Keep one output."""
        assert len(self.taken) < self.count, f"an output came after the {self.count} expected"
        self.taken.append(word)


@cocotb.test()
async def words_go_through(dut):
    """All words of ``question.npz``; the words that come out go to ``answer.npz``."""
    directory = Path(os.environ["IMCTWIN_UNIT"])
    question, seed = load(directory / "question.npz"), cocotb.RANDOM_SEED
    for name, word in question["static"].items():
        getattr(dut, name).value = word
    stream, rng = Stream(dut, question, seed), random.Random(f"{seed}/resets")
    Clock(dut.clk, 10, unit="ns").start()
    await stream.reset(2)
    for _ in range(INTERRUPTIONS if question["resets"] else 0):
        await stream.run(cycles=rng.randint(1, 2 * max(len(stream.words), stream.count)))
        await stream.reset(1)
    await stream.run()
    save(directory / "answer.npz", stream.taken)
