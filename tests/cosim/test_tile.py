import json

import numpy as np
import pytest

from models.config.macro import MacroConfig
from models.config.tile import TileConfig
from models.config.units import AccumulateThresholdConfig
from rtl_gen.train.timing import command_cycles
from sim.cosim.expected import compare, expect, expect_all
from sim.cosim.macro_bfm import IdealMacro
from sim.cosim.random_ops import conversion, mixture, update
from sim.cosim.replay import TileOp, replay
from sim.cosim.steps import steps
from sim.cosim.storage import load

pytestmark = pytest.mark.cosim

TINY = {"adc_bits": 5, "dac_bits": 4, "count_width": 3, "range_count": 3}
CONFIGS = {
    "bit serial, fixed, push-pull": TileConfig(
        macro=MacroConfig(rows=8, columns=8, adc_count=4, settle_cycles=2, **TINY),
        update=AccumulateThresholdConfig(
            code_width=5, acc_width=16, chi_width=20, count_width=3, chunk=3
        ),
        sum_width=24,
        gain_fraction_bits=3,
    ),
    "two-bit slices, bf16, plus only": TileConfig(
        macro=MacroConfig(rows=6, columns=8, adc_count=2, slice_bits=2, **TINY),
        update=AccumulateThresholdConfig(
            variant="bf16", code_width=5, acc_width=16, count_width=3, chunk=4
        ),
        sum_width=24,
        gain_fraction_bits=3,
        scheme="plus_only",
    ),
}


@pytest.fixture(scope="module", params=CONFIGS.values(), ids=CONFIGS)
def bench(request, tmp_path_factory):
    return Bench(request.param, tmp_path_factory.mktemp("tile"))


class Bench:
    def __init__(self, config, directory):
        self.config, self.directory = config, directory
        self.macro = IdealMacro(config.macro, 0.3)
        shape = (config.macro.rows, config.macro.columns)
        self.conductance = np.random.default_rng(9).integers(0, 6, shape).astype(np.float32)

    def replay(self, ops, **options):
        return replay(ops, self.config, self.macro, self.directory, **options)


def check(results, wanted):
    """Every number equal, no protocol error, and more than nothing compared."""
    for result, want in zip(results, wanted, strict=True):
        assert list(result.errors) == []
        counts = compare(result, want)
        assert sum(compared for compared, _ in counts.values()) > 0
        assert {name: wrong for name, (_, wrong) in counts.items() if wrong} == {}


def test_random_operations_under_random_stalls(bench):
    seed = 3
    ops = mixture(np.random.default_rng(seed), bench.config, bench.conductance, 60)
    progress = []
    results = bench.replay(ops, seed=seed, p_stall=0.4, progress=lambda *a: progress.append(a))
    check(results, expect_all(ops, bench.config, bench.macro))
    assert progress[-1] == (60, 60)
    assert sum(len(result.pulses) for result in results if result.pulses is not None) > 50
    assert len({tuple(result.codes) for result in results if result.codes is not None}) > 30


def test_correct_after_a_reset_in_the_middle(bench):
    seed = 4
    ops = mixture(np.random.default_rng(seed), bench.config, bench.conductance, 30)
    results = bench.replay(ops, seed=seed, resets=True)
    check(results, [expect(op, bench.config, bench.macro) for op in ops])


def test_cycles_follow_the_formula(bench):
    config, rng = bench.config, np.random.default_rng(5)
    ops = [
        conversion(rng, config, kind, bench.conductance, signed=True)
        for kind in ("forward", "backward")
        for _ in range(8)
    ]
    ops += [update(rng, config, transfer=False) for _ in range(8)]
    results = bench.replay(ops, seed=5, p_stall=0.0)
    latencies = load(bench.directory / "ops.npz")["latencies"]
    wanted = [
        sum(command_cycles(config, latencies, s.command) for s in steps(op, config) if s.timed)
        for op in ops
    ]
    assert [result.cycles for result in results] == wanted
    check(results, expect_all(ops, config, bench.macro))


def test_pulses_slow_the_sweep_only_beyond_the_products(bench):
    config, rng = bench.config, np.random.default_rng(6)
    ops = [update(rng, config, transfer=True) for _ in range(12)]
    results = bench.replay(ops, seed=6, p_stall=0.0)
    latencies = load(bench.directory / "ops.npz")["latencies"]
    for op, result in zip(ops, results, strict=True):
        sweep = sum(
            command_cycles(config, latencies, s.command) for s in steps(op, config) if s.timed
        )
        assert sweep <= result.cycles <= sweep + len(result.pulses)
    check(results, expect_all(ops, config, bench.macro))


def test_interface_description_names_every_stream(bench):
    bench.replay([], seed=1)
    description = json.loads((bench.directory / "dut.json").read_text())
    assert {"i_command", "i", "o", "o_state", "o_program"} == set(description["streams"])


def test_the_comparison_sees_one_wrong_number(bench):
    rng = np.random.default_rng(7)
    op = conversion(rng, bench.config, "forward", bench.conductance, codes=np.array([3, 15, 1]))
    result = bench.replay([op], seed=7)[0]
    other = TileOp(**{**vars(op), "codes": np.array([3, 15, 2])})
    counts = compare(result, expect(other, bench.config, bench.macro))
    assert counts["adc_codes"][1] > 0
