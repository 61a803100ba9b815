import gc

import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from models.config.units import LfsrConfig
from models.digital.lfsr import lfsr_words
from rtl_gen.units.lfsr import Lfsr
from sim.streams import PERIOD, run_stream


@pytest.mark.parametrize("word_bits", [1, 7, 8, 16])
@pytest.mark.parametrize("width", [16, 24, 32])
def test_words_match_the_twin(width, word_bits):
    config = LfsrConfig(width=width, word_bits=word_bits)
    seed = 2**width - 0xACE
    words, _ = lfsr_words(seed, 400, config)
    assert run_stream(Lfsr(config, seed), [], seed=1, count=400) == words.tolist()


def test_the_first_word_comes_latency_cycles_after_reset_and_a_reset_starts_again():
    dut, reset, words = Lfsr(LfsrConfig(), 0x12345), Signal(), []

    async def bench(ctx):
        ctx.set(dut.o.ready, 1)
        await ctx.tick().repeat(dut.LATENCY) if dut.LATENCY else None
        for cycle in range(12):
            ctx.set(reset, cycle == 5)
            _, _, valid, word = await ctx.tick().sample(dut.o.valid, dut.o.payload)
            assert valid
            words.append(word)

    sim = Simulator(ResetInserter(reset)(dut))
    sim.add_clock(PERIOD)
    sim.add_testbench(bench)
    sim.run()
    expected = lfsr_words(0x12345, 6, LfsrConfig())[0].tolist()
    assert words == expected + expected


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize("seed", [0, 2**16])
def test_bad_seed_is_refused(seed):
    with pytest.raises(ValueError, match=rf"^seed must be between 1 and 65535, not {seed}$"):
        Lfsr(LfsrConfig(width=16), seed)
    gc.collect()  # the half-made component, while its warning is ignored
