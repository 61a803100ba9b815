import dataclasses
import re

import numpy as np
import pytest

from models.digital.update_management import update_management
from rtl_gen.train.chopped_command import Op
from rtl_gen.train.chopped_timing import command_cycles, update_cycles
from sim.cosim.chopped_engines import run_chopped_tile
from sim.cosim.chopped_expected import compare, expect_all
from sim.cosim.chopped_random import mixture, product, update, weights
from sim.cosim.chopped_steps import runs, steps
from sim.kernel import build, chopped_tile
from sim.kernel.chopped_tile import ChoppedTileKernel
from sim.kernel.simulation import ENDLESS
from tests.cosim.chopped_cases import CONFIGS, TINY, check

pytestmark = pytest.mark.cosim


@pytest.fixture(scope="module", params=CONFIGS.values(), ids=CONFIGS)
def kernel(request):
    return ChoppedTileKernel(request.param)


@pytest.fixture(scope="module")
def tiny():
    return ChoppedTileKernel(TINY)


def ops_of(kernel, seed, count):
    return mixture(np.random.default_rng(seed), kernel.config, count)


@pytest.mark.parametrize("p_stall", [0.3, 0.9])
def test_random_operations_under_random_stalls(kernel, p_stall):
    ops, progress = ops_of(kernel, 3, 80), []
    wanted = expect_all(ops, kernel.config)
    results = kernel.run(ops, seed=1, p_stall=p_stall, progress=lambda *done: progress.append(done))
    check(results, wanted)
    assert progress == [(n + 1, 80) for n in range(80)]


def test_the_operations_reach_their_corners(kernel):
    ops = ops_of(kernel, 3, 80)
    wanted = [w for w in expect_all(ops, kernel.config) if w.program is not None]
    polarity = np.concatenate([w.program[:, 2] for w in wanted])
    assert min(np.bincount(polarity, minlength=2)) > 5
    codes = np.concatenate([w.adc_codes.ravel() for w in wanted])
    assert -codes.min() == codes.max() == 2 ** (kernel.config.macro.adc_bits - 1) - 1
    flipped = [w.flipped.any() for w in wanted]
    assert 0 < sum(flipped) < len(flipped)
    managed = [
        update_management(*_largest(op), op.rate, kernel.config.update).slots
        for op in ops
        if op.kind == "update"
    ]
    slots = np.concatenate(managed)
    assert {0, kernel.config.update.desired_bl} <= set(slots.tolist())


def _largest(op):
    return [(part & 0x7FFF).max(axis=1) for part in (op.x, op.delta)]


def test_correct_after_a_reset_in_the_middle(kernel):
    ops = ops_of(kernel, 5, 60)
    check(kernel.run(ops, seed=1, resets=True), expect_all(ops, kernel.config))


def test_cycles_follow_the_formula(kernel):
    """Commands on state too, which an operation does not count."""
    config, latencies = kernel.config, kernel.latencies
    tile = chopped_tile._Tile(kernel, kernel._library, seed=1, p_stall=0.0)
    seen = set()
    for op in ops_of(kernel, 7, 60):
        tile.bfm.begin(op)
        physics = chopped_tile._Sensed(tile.bfm, tile.simulation)
        tile.simulation.begin(op.array, op.samples, physics)
        for step in steps(op, config):
            kind = Op(step.command["op"])
            if kind == Op.UPDATE:
                slots = update_management(*_largest(op), op.rate, config.update).slots
                reads = len(op.lines)
                passes = (op.sequencer.row + reads) // op.rows
                given = slots.tolist(), reads, passes
                wanted = update_cycles(config, latencies, step.command, *given)
            else:
                wanted = command_cycles(config, latencies, step.command)
            busy = tile.simulation.step(step, kind.name, wanted, ENDLESS, physics)[2]
            assert busy == wanted, (kind, step.command)
            seen.add(kind)
    assert seen == set(Op)


def test_gaps_follow_the_seed(tiny):
    ops = ops_of(tiny, 4, 20)
    cycles = [[result.cycles for result in tiny.run(ops, seed=seed)] for seed in (1, 1, 2)]
    assert cycles[0] == cycles[1] != cycles[2]


def test_rows_far_apart_are_loaded_and_others_stay(tiny):
    rng = np.random.default_rng(1)
    op = update(rng, TINY, rows=5, columns=3, transfers=True, transfer_every=9)
    quiet = dataclasses.replace(
        op,
        x=op.x[:1],
        delta=op.delta[:1],
        sequencer=op.sequencer._replace(vectors=0),
        lines=np.empty((0, 3)),
        noise=np.empty((0, 3), np.float32),
    )
    keep = np.array([0, 3])
    part = {name: getattr(op, name)[keep] + 1 for name in ("h", "mean", "past")}
    only = dataclasses.replace(quiet, places=keep, **part)
    assert runs(keep) == [(0, 1), (3, 1)]
    assert runs(np.array([1, 2, 4])) == [(1, 2), (4, 1)]
    results = tiny.run([quiet, only], seed=1)
    check(results, expect_all([quiet, only], TINY))


def test_engines_by_name(tiny, tmp_path):
    ops = ops_of(tiny, 8, 4)
    check(run_chopped_tile(ops, TINY, tmp_path, engine="kernel", seed=1), expect_all(ops, TINY))
    with pytest.raises(ValueError, match=r"^engine must be one of cocotb, kernel, not 'icarus'$"):
        run_chopped_tile(ops, TINY, tmp_path, engine="icarus", seed=1)
    with pytest.raises(ValueError, match=r"^engine must be cocotb for waves, not 'kernel'$"):
        run_chopped_tile(ops, TINY, tmp_path, engine="kernel", seed=1, waves=True)
    with pytest.raises(ValueError, match=r"^p_stall must be at least 0 and below 1, not 1$"):
        tiny.run([], seed=1, p_stall=1)


def planted(monkeypatch, pattern, by):
    """Put a fault into the Verilog that kernels run."""
    original = build.verilog_text

    def text(component, name):
        whole = original(component, name)
        broken = re.sub(pattern, by, whole, count=1)
        assert broken != whole
        return broken

    monkeypatch.setattr(build, "verilog_text", text)


def test_fault_in_the_verilog_is_seen(monkeypatch):
    """Half the range is not taken off the codes."""
    planted(monkeypatch, r"= ~ (?=lowest\[3\];)", "= ")
    broken = ChoppedTileKernel(TINY)
    ops = ops_of(broken, 8, 12)
    wrong = set()
    for result, want in zip(broken.run(ops, seed=1), expect_all(ops, TINY), strict=True):
        wrong |= {name for name, (_, differ) in compare(result, want).items() if differ}
    assert {"codes", "values", "h", "mean"} <= wrong
    assert "adc_codes" not in wrong


def test_a_wrong_number_is_seen(tiny):
    rng = np.random.default_rng(9)
    ops = [product(rng, TINY, "forward", rows=5, columns=3), update(rng, TINY, transfers=True)]
    results = tiny.run(ops, seed=1)
    first = dataclasses.replace(ops[0], codes=-ops[0].codes)
    second = dataclasses.replace(ops[1], lines=weights(rng, ops[1].lines.shape))
    counts = [
        compare(result, want)
        for result, want in zip(results, expect_all([first, second], TINY), strict=True)
    ]
    assert counts[0]["adc_codes"][1] > 0
    assert counts[1]["adc_codes"][1] > 0
    assert counts[1]["h"][1] > 0
