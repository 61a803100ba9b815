import json

import numpy as np
import pytest

from sim.cosim.chopped_engines import run_chopped_tile
from sim.cosim.chopped_expected import expect_all
from sim.cosim.chopped_operations import COMPARED
from sim.cosim.chopped_random import mixture
from sim.kernel.chopped_tile import ChoppedTileKernel
from tests.cosim.chopped_cases import TINY, check

pytestmark = pytest.mark.cosim


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return tmp_path_factory.mktemp("chopped")


def test_random_operations_under_stalls_and_resets(directory):
    ops, progress = mixture(np.random.default_rng(1), TINY, 40), []
    results = run_chopped_tile(
        ops,
        TINY,
        directory,
        seed=1,
        resets=True,
        progress=lambda *done: progress.append(done),
    )
    check(results, expect_all(ops, TINY))
    assert progress[-1] == (40, 40)
    assert sum(len(r.program) for r in results if r.program is not None) > 5
    pulses = [r.row_pulses for r in results if r.row_pulses is not None]
    assert sum(int(np.abs(fired).sum()) for fired in pulses) > 50


def test_kernel_gives_results_and_bare_cycles_of_cocotb(directory):
    ops = mixture(np.random.default_rng(2), TINY, 30)
    wanted = run_chopped_tile(ops, TINY, directory, seed=2, p_stall=0.0)
    check(wanted, expect_all(ops, TINY))
    results = ChoppedTileKernel(TINY).run(ops, seed=3, p_stall=0.0)
    for one, other in zip(results, wanted, strict=True):
        assert one.cycles == other.cycles
        for name in COMPARED:
            got, want = getattr(one, name), getattr(other, name)
            assert (got is None) == (want is None)
            assert got is None or (got.dtype == want.dtype and np.array_equal(got, want)), name
    streams = json.loads((directory / "dut.json").read_text())["streams"]
    assert set(streams) == {"i_command", "i", "o", "o_state", "o_program"}
