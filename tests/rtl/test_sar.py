import gc

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from models.digital.sar import sar
from rtl_gen.array.sar import SarAdc
from sim.streams import PERIOD, plain


def lanes(packed, dut):
    return [packed >> dut.adc_bits * n & 2**dut.adc_bits - 1 for n in range(dut.adc_count)]


class Bench:
    """Convert ``groups`` with random stalls; ``held[group, converter]`` is behind the mux."""

    def __init__(self, dut, held, groups, *, seed):
        self.dut, self.held, self.groups = dut, held, groups
        self.rng = np.random.default_rng(seed)
        self.results, self.waits, self.trials = [], [], []
        sim = Simulator(dut)
        sim.add_clock(PERIOD)
        sim.add_process(self.compare)
        sim.add_testbench(self.drive)
        sim.run()

    async def compare(self, ctx):
        dut = self.dut
        async for mux, trial in ctx.changed(dut.mux, dut.trial):
            above = self.held[mux] >= lanes(trial, dut)
            ctx.set(dut.comparator, sum(int(a) << n for n, a in enumerate(above)))

    async def drive(self, ctx):
        dut = self.dut
        for group in self.groups:
            await self.stall(ctx)
            ctx.set(dut.i.payload, {"group": group})
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
            ctx.set(dut.i.valid, 0)
            await self.wait(ctx)
            await self.stall(ctx)
            ctx.set(dut.o.ready, 1)
            _, _, valid, payload = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            ctx.set(dut.o.ready, 0)
            assert valid
            self.results.append((plain(payload)["group"], lanes(plain(payload)["codes"], dut)))

    async def stall(self, ctx):
        while self.rng.random() < 0.3:
            await ctx.tick()

    async def wait(self, ctx):
        """Count the cycles until the codes are valid, the one that took the group included."""
        dut, cycles = self.dut, 1
        while not ctx.get(dut.o.valid):
            assert not ctx.get(dut.i.ready)
            self.trials.append(lanes(ctx.get(dut.trial), dut))
            cycles += 1
            assert cycles < 50
            await ctx.tick()
        self.waits.append(cycles)


@pytest.mark.parametrize(("adc_count", "adc_bits"), [(1, 1), (2, 3), (3, 5), (2, 12)])
def test_codes_match_the_twin(adc_count, adc_bits):
    rng = np.random.default_rng([1, adc_bits])
    held = rng.uniform(-2, 2**adc_bits + 2, (4, adc_count)).astype(np.float32)
    held[1] = np.rint(held[1])
    held[2, 0] = 2.0**adc_bits - 1
    held[3] = [-1e9, 1e9, 0][:adc_count]
    groups = rng.permutation([0, 1, 2, 3] * 4).tolist()
    bench = Bench(SarAdc(adc_count, adc_bits, 4), held, groups, seed=2)
    codes = sar(held, adc_bits)
    assert bench.results == [(group, codes[group].tolist()) for group in groups]
    assert set(bench.waits) == {bench.dut.LATENCY}


def test_every_code_and_the_point_just_below_it():
    whole = np.arange(32, dtype=np.float32)
    held = np.stack([whole, np.nextafter(whole, np.float32(-9))], axis=1)
    bench = Bench(SarAdc(2, 5, 32), held, range(32), seed=3)
    assert bench.results == [(n, [n, max(n - 1, 0)]) for n in range(32)]


def test_trials_halve_the_range():
    bench = Bench(SarAdc(2, 3, 1), np.array([[5.5, 0.5]]), [0], seed=4)
    assert bench.trials == [[4, 4], [6, 2], [5, 1]]


def test_reset_in_mid_conversion_forgets_it():
    dut, reset, seen = SarAdc(2, 3, 2), Signal(), []

    async def bench(ctx):
        ctx.set(dut.comparator, 3)
        for cycles in (1, 2, 3, 4):
            ctx.set(dut.i.valid, 1)
            await ctx.tick()
            ctx.set(dut.i.valid, 0)
            await ctx.tick().repeat(cycles)
            ctx.set(reset, 1)
            await ctx.tick()
            ctx.set(reset, 0)
            seen.append((ctx.get(dut.i.ready), ctx.get(dut.o.valid)))
            await ctx.tick().repeat(6)
            seen.append((ctx.get(dut.i.ready), ctx.get(dut.o.valid)))

    sim = Simulator(ResetInserter(reset)(dut))
    sim.add_clock(PERIOD)
    sim.add_testbench(bench)
    sim.run()
    assert seen == [(1, 0)] * 8


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 8, 1), "^adc_count must be between 1 and 256, not 0$"),
        ((1, 13, 1), "^adc_bits must be between 1 and 12, not 13$"),
        ((1, 8, 0), "^group_count must be between 1 and 1024, not 0$"),
    ],
)
def test_parameters_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SarAdc(*arguments)
    gc.collect()  # the half-made component, while its warning is ignored
