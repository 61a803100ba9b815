import subprocess

import numpy as np
import pytest

from models.config.macro import MacroConfig
from models.config.tile import TileConfig
from models.config.units import AccumulateThresholdConfig
from rtl_gen.array.line_drive import LineDrive
from rtl_gen.top import Top
from rtl_gen.train.command import Op
from rtl_gen.verilog import to_verilog
from sim import toolchain
from sim.cosim.expected import compare, expect_all, line_levels
from sim.cosim.macro_bfm import IdealMacro, MacroBfm
from sim.cosim.packing import unpack_lanes
from sim.cosim.random_ops import conversion, update
from sim.cosim.runner import WAIVERS
from sim.cosim.steps import Step
from tests.rtl.tile_bench import TileBench, simulate

TINY = {"adc_bits": 4, "dac_bits": 3, "count_width": 3, "range_count": 3}
CONFIG = TileConfig(
    macro=MacroConfig(rows=4, columns=8, adc_count=4, settle_cycles=2, **TINY),
    update=AccumulateThresholdConfig(
        code_width=4, acc_width=16, chi_width=20, count_width=3, chunk=2
    ),
    sum_width=24,
    gain_fraction_bits=3,
)
MACRO = IdealMacro(CONFIG.macro, 0.3)
CONDUCTANCE = np.random.default_rng(9).integers(0, 6, (4, 8)).astype(np.float32)


def differences(result, wanted):
    """Fields that differ."""
    return [name for name, (_, wrong) in compare(result, wanted).items() if wrong]


def bench_ops(seed):
    rng = np.random.default_rng(seed)
    full = {"codes": np.array([7, -7, 3, -1]), "outputs": 4, "slices": 3}
    three = {"codes": np.array([-7, 2, 5]), "outputs": 3, "slices": 2}
    chain = np.array([5, -5, 2**23 - 1])
    exact, rough = {"stochastic": False}, {"stochastic": True, "exponent": 3, "activation": 0}
    return [
        conversion(rng, CONFIG, "forward", CONDUCTANCE, **full, **exact, chain=None, signed=True),
        conversion(rng, CONFIG, "backward", CONDUCTANCE, **three, **exact, chain=None),
        conversion(rng, CONFIG, "forward", CONDUCTANCE, **three, **rough, chain=chain),
        conversion(rng, CONFIG, "backward", CONDUCTANCE, **full, **rough),
        update(rng, CONFIG, transfer=True),
        update(rng, CONFIG),
    ]


@pytest.mark.parametrize("seed", [1, 2])
def test_operations_match_the_twins(seed):
    bench = TileBench(CONFIG, MACRO, seed=seed)

    async def testbench(ctx):
        ops = bench_ops(seed)
        for op, wanted in zip(ops, expect_all(ops, CONFIG, MACRO), strict=True):
            result = await bench.operate(ctx, op)
            assert result.errors == []
            assert differences(result, wanted) == []

    bench.run(testbench)


@pytest.mark.parametrize("op", [op for op in Op if op != Op.CALIBRATE])
def test_a_command_without_size_does_nothing(op):
    bench = TileBench(CONFIG, MACRO, seed=1)

    async def testbench(ctx):
        assert await bench.step(ctx, Step(command={"op": op.value})) == 2
        assert not any(bench.taken.values())

    bench.run(testbench)


def test_busy_until_the_results_are_taken():
    bench = TileBench(CONFIG, MACRO, seed=1, p_stall=0.0)
    size = {"inputs": 2, "outputs": 2}

    async def testbench(ctx):
        await bench.step(
            ctx, Step(command={"op": Op.STATE_WRITE.value, **size}, words=[1, -2, 3, -4])
        )
        assert await bench.step(ctx, Step(command={"op": Op.STATE_READ.value, **size})) == 7
        assert bench.taken["o_state"] == [1, 2**20 - 2, 3, 2**20 - 4]

    bench.run(testbench)


def test_busy_until_the_last_pulse_is_taken():
    bench = TileBench(CONFIG, MACRO, seed=1, p_stall=0.0)
    size = {"inputs": 1, "outputs": 1}
    fields = {"op": Op.UPDATE.value, **size, "vectors": 1, "transfer": 1, "threshold": 5}

    async def testbench(ctx):
        await bench.step(ctx, Step(command={"op": Op.STATE_WRITE.value, **size}, words=[3]))
        bench.p_stall = 1.0  # from the second cycle on nothing is taken
        await bench.send(ctx, bench.dut.i_command, fields)
        for word in (7, -3):
            await bench.send(ctx, bench.dut.i, word)
        await ctx.tick().repeat(100)
        assert ctx.get(bench.dut.busy)
        bench.p_stall = 0.0
        await ctx.tick().until(~bench.dut.busy)
        counts = [(pulse["column"], pulse["count"]) for pulse in bench.taken["o_program"]]
        assert counts == [(0, 4), (1, 4)]

    bench.run(testbench)


@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("slice_bits", [1, 2, 3])
def test_lines_show_slices_of_the_codes_with_the_sign_of_the_phase(slice_bits, pair):
    macro = MacroConfig(rows=4, columns=8, adc_count=2, slice_bits=slice_bits, **TINY)
    config = TileConfig(macro=macro, update=CONFIG.update)
    dut, codes = LineDrive(macro), np.array([7, -7, -4] if pair else [5, -6, 0])
    op = conversion(
        np.random.default_rng(1),
        config,
        "backward" if pair else "forward",
        CONDUCTANCE,
        codes=codes,
        slices=macro.slice_count,
        signed=True,
    )
    wanted = line_levels(op, config)[::-1]  # least significant slice first

    async def testbench(ctx):
        ctx.set(dut.pair, pair)
        for code in [1, 1, *codes.tolist()]:  # two that are cleared away
            ctx.set(dut.clear, code == 1)
            ctx.set(dut.load, 1)
            ctx.set(dut.code, code)
            await ctx.tick()
        ctx.set(dut.load, 0)
        assert ctx.get(dut.drive) == 0
        ctx.set(dut.enable, 1)
        for index, phases in enumerate(wanted):
            for phase, levels in enumerate(phases):
                ctx.set(dut.slice, index)
                ctx.set(dut.phase, phase)
                lanes = unpack_lanes(ctx.get(dut.drive), macro.lines, slice_bits)
                assert lanes[: len(levels)].tolist() == levels.tolist()
                assert not lanes[len(levels) :].any()

    simulate(dut, testbench)


def test_macro_model_names_violations():
    bfm = MacroBfm(MACRO)
    rest = {"drive": 0, "transpose": 0, "phase": 0, "adc_range": 0}
    bfm.begin(CONDUCTANCE, np.zeros((1, 1, 8), np.float32))
    bfm.watch(0, rest)
    bfm.watch(9, {**rest, "drive": 0b10001, "adc_range": 3})  # row 4 does not exist
    bfm.sample(10, 0, 0)
    bfm.compare(0, 0b1000)
    bfm.watch(11, rest)
    bfm.compare(0, 0b1100)
    bfm.sample(20, 0, 0)
    bfm.compare(4, 0)
    bfm.program({"row": 3, "column": 8, "polarity": 1, "count": 1}, converting=True)
    bfm.compare(1, 0)
    bfm.codes(1, 1, 2)
    assert bfm.errors == [
        "drive changed less than settle_cycles before sample",
        "a line that the macro does not have is driven",
        "adc_range 3 does not exist",
        "drive changed between sample and the last comparison",
        "sample 1 has no noise: it was not expected",
        "mux 4 does not exist",
        "program transfer during a conversion",
        "program transfer {'row': 3, 'column': 8, 'polarity': 1, 'count': 1} does nothing",
    ]


@pytest.mark.parametrize("config", [CONFIG, TileConfig()], ids=["tiny", "default"])
def test_verilog_is_lint_clean_and_the_same_each_time(tmp_path, config):
    text = to_verilog(Top(config), "tile_top")
    assert to_verilog(Top(config), "tile_top") == text
    (tmp_path / "tile_top.v").write_text(text)
    command = ["verilator", "--lint-only", "-Wall", str(WAIVERS), "tile_top.v"]
    toolchain.setup()
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
