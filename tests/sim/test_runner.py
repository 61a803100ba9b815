import time

import pytest

from sim.cosim.runner import run_bench
from tests.sim.designs import Add, AddConfig

pytestmark = pytest.mark.cosim

BENCH = "tests.sim.cocotb_add"


def test_bench_runs_and_the_build_is_used_again(tmp_path):
    run_bench(Add(), BENCH, tmp_path, seed=1, bias=3, expected=3)
    built = (tmp_path / "dut").stat().st_mtime_ns
    start = time.perf_counter()
    run_bench(Add(), BENCH, tmp_path, seed=1, bias=-4, expected=-4)
    assert time.perf_counter() - start < 10
    assert (tmp_path / "dut").stat().st_mtime_ns == built
    with pytest.raises(AssertionError, match=r"^1 of 1 tests of tests\.sim\.cocotb_add failed"):
        run_bench(Add(), BENCH, tmp_path, seed=1, bias=1, expected=2)
    with pytest.raises(AssertionError, match="failed"):  # another design, the same folder
        run_bench(Add(AddConfig(width=12)), BENCH, tmp_path, seed=1, bias=3, expected=3)


def test_waves_are_written(tmp_path):
    run_bench(Add(), BENCH, tmp_path, seed=1, waves=True, bias=0, expected=0)
    assert "$enddefinitions" in (tmp_path / "dump.vcd").read_text()


def test_missing_bench_is_an_error(tmp_path):
    with pytest.raises(AssertionError, match=r"^tests\.sim\.cocotb_nothing did not finish"):
        run_bench(Add(), "tests.sim.cocotb_nothing", tmp_path, seed=1)
