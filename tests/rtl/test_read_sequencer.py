import random

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from models.config.chopped_units import SequencerConfig
from models.digital.sequencer import initial_state, sequence
from rtl_gen.units.read_sequencer import ReadSequencer
from sim.streams import PERIOD, plain

CONFIG = SequencerConfig(rows=6, columns=2, period=3, waits=True)
FIELDS = ("row", "vectors", "passes", "settled")
START = {"row": 2, "vectors": 1, "passes": 1, "settled": 0}


class Bench:
    """Updates, receivers and reads that take their time; what was seen in every cycle."""

    def __init__(self, rows, transfer_every, *, seed, hurry=False):
        self.dut, self.reset = ReadSequencer(CONFIG), Signal()
        self.static = {"rows": rows, "transfer_every": transfer_every}
        self.random, self.hurry = random.Random(seed), hurry
        self.vectors, self.reads, self.cycles, self.flying = 0, [], 0, None

    def run(self, script):
        sim = Simulator(ResetInserter(self.reset)(self.dut))
        sim.add_clock(PERIOD)
        sim.add_testbench(script)
        sim.run()

    def setup(self, ctx):
        for name, value in self.static.items():
            ctx.set(getattr(self.dut, name), value)

    async def load(self, ctx, state):
        ctx.set(self.dut.load, 1)
        ctx.set(self.dut.load_state, state)
        await ctx.tick()
        ctx.set(self.dut.load, 0)

    async def updates(self, ctx, count):
        """Go on until so many updates are counted and no read is left."""
        dut, target = self.dut, self.vectors + count
        while self.vectors < target or not ctx.get(dut.ready):
            wants = self.vectors < target and self.wants()
            done = self.wants()
            ctx.set(dut.update, wants)
            ctx.set(dut.o.ready, self.wants())
            ctx.set(dut.done, done)
            self.check_select(ctx)
            sampled = ctx.tick().sample(dut.ready, dut.o.valid & dut.o.ready, dut.o.payload)
            _, _, ready, taken, payload = await sampled
            self.vectors += ready and wants
            self.cycles += 1
            if self.flying is not None and done:
                self.flying = None
            if taken:
                assert self.flying is None
                self.flying = plain(payload)
                self.reads.append((self.vectors - 1, self.flying))
        ctx.set(dut.update, 0)

    def wants(self):
        return self.hurry or self.random.random() < 0.5

    def check_select(self, ctx):
        busy, select = not ctx.get(self.dut.ready), ctx.get(self.dut.select)
        assert select == (1 << ctx.get(self.dut.o.p.row) if busy else 0)

    def state(self, ctx):
        return plain(ctx.get(self.dut.state))


def expected(state, vectors, rows, every):
    """Reads in the form of `Bench`, and the state after them."""
    start = initial_state(CONFIG, 1)._replace(**state)
    found, after = sequence(start, vectors, rows, 1, every, CONFIG)
    passes = start.passes + (start.row + np.arange(len(found.row))) // rows
    reads = [
        {"row": row, "last_row": row == rows - 1, "last_pass": p % 3 == 2, "enable": enable}
        for row, p, enable in zip(
            found.row.tolist(), passes.tolist(), found.enable.tolist(), strict=True
        )
    ]
    after = {name: getattr(after, name) for name in FIELDS}
    return list(zip(found.vector.tolist(), reads, strict=True)), after


@pytest.mark.parametrize(("rows", "every"), [(1, 1), (5, 1), (6, 1), (3, 4)])
def test_reads_match_the_twin_from_a_loaded_state(rows, every):
    bench = Bench(rows, every, seed=rows)
    state = START | {"row": 2 % rows, "vectors": 1 % every}
    want, after = expected(state, 60, rows, every)

    async def script(ctx):
        bench.setup(ctx)
        await bench.updates(ctx, 7)  # whatever was before a load is forgotten
        bench.reads, bench.vectors = [], 0
        await bench.load(ctx, state)
        assert bench.state(ctx) == state
        await bench.updates(ctx, 60)
        assert bench.reads == want
        assert bench.state(ctx) == after

    bench.run(script)


def test_latency_and_rate():
    bench = Bench(5, 1, seed=0, hurry=True)

    async def script(ctx):
        bench.setup(ctx)
        await bench.updates(ctx, 20)
        assert len(bench.reads) == 20
        assert bench.cycles == 20 * (bench.dut.LATENCY + 2)  # update, transfer, done

    bench.run(script)


def test_loads_wait_for_the_read_and_a_reset_forgets_it():
    bench = Bench(5, 1, seed=0)
    dut = bench.dut

    async def script(ctx):
        bench.setup(ctx)
        ctx.set(dut.update, 1)
        await ctx.tick()
        assert (ctx.get(dut.o.valid), ctx.get(dut.ready)) == (1, 0)
        await bench.load(ctx, START)  # ignored: a read is owed; so are the updates
        ctx.set(dut.o.ready, 1)
        await ctx.tick()
        await bench.load(ctx, START)  # ignored: it is in flight
        assert bench.state(ctx) == dict.fromkeys(FIELDS, 0)
        ctx.set(dut.update, 0)
        ctx.set(bench.reset, 1)
        await ctx.tick()
        ctx.set(bench.reset, 0)
        assert (ctx.get(dut.o.valid), ctx.get(dut.ready), ctx.get(dut.select)) == (0, 1, 0)
        bench.vectors = 0
        await bench.updates(ctx, 12)
        assert bench.reads == expected(dict.fromkeys(FIELDS, 0), 12, 5, 1)[0]
        ctx.set(dut.update, 1)  # a load goes before an update
        await bench.load(ctx, START)
        ctx.set(dut.update, 0)
        assert bench.state(ctx) == START

    bench.run(script)
