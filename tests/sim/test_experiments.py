import json
import os
import re
import select
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.config.toml import ConfigError
from models.trainer.progress import Progress
from sim.experiments import offset, runtime, traces
from sim.experiments.arguments import names, numbers
from sim.experiments.grid import Cell, kept, run_grid
from sim.experiments.offset_run import Task, config, programmed
from sim.experiments.outputs import Table, Verdict, mean_spread, summary_bytes, told
from sim.experiments.pool import _stop
from sim.experiments.runtime import update_time
from sim.experiments.runtime_run import Events
from sim.toolchain import ToolchainError

ROOT = Path(__file__).parents[2]
SMALL = Task(algorithm="cttv2", size=4, updates=400)


@pytest.fixture
def work(monkeypatch):
    """Cells that double a number, and a list of those computed."""
    done = []

    def double(cell, _store):
        done.append(cell.name)
        return {"twice": 2 * cell.parameters["value"]}

    monkeypatch.setattr("sim.experiments.worker.work", double)
    return done


def cells(count=3):
    return [Cell(kind="test", name=f"cell {n}", parameters={"value": n}) for n in range(count)]


def run(folder, wanted, **options):
    quiet = Progress("test", open(os.devnull, "w"))  # noqa: PTH123, SIM115
    with quiet.stream:
        return run_grid(wanted, folder, jobs=1, label="test", progress=quiet, **options)


def test_finished_cells_are_kept(work, tmp_path):
    assert [r["twice"] for r in run(tmp_path, cells())] == [0, 2, 4]
    assert [r["twice"] for r in run(tmp_path, cells(4))] == [0, 2, 4, 6]
    assert work == ["cell 0", "cell 1", "cell 2", "cell 3"]
    run(tmp_path, cells(2), fresh=True)
    assert work[4:] == ["cell 0", "cell 1"]


def test_equal_cells_are_computed_once(work, tmp_path):
    assert [r["twice"] for r in run(tmp_path, [*cells(2), *cells(2)])] == [0, 2, 0, 2]
    assert len(work) == 2


@pytest.mark.parametrize("content", [b"", b"{}", b'{"parameters": {"value": 9}, "result": {}}'])
def test_a_damaged_or_foreign_result_is_computed_again(work, tmp_path, content):
    cell = cells(2)[1]
    run(tmp_path, [cell])
    path = tmp_path / "cells" / f"{cell.key}.json"
    assert kept(cell, tmp_path / "cells") == {"twice": 2}
    path.write_bytes(content)
    assert run(tmp_path, [cell]) == [{"twice": 2}]
    assert work == ["cell 1", "cell 1"]


def test_the_key_depends_on_every_parameter():
    one = SMALL.cell("a")
    assert one.key == SMALL.cell("a").key
    others = [replace(SMALL, rate=0.2), replace(SMALL, seed=2), replace(SMALL, construction=2)]
    assert len({one.key, *(task.cell("a").key for task in others)}) == 4
    assert Cell.from_json(one.to_json()) == one


def test_what_was_done_before_an_interruption_stays(work, monkeypatch, tmp_path):
    def stopped(cell, _store):
        if cell.parameters["value"] == 2:
            raise KeyboardInterrupt
        return {"twice": 2 * cell.parameters["value"]}

    with monkeypatch.context() as patch:
        patch.setattr("sim.experiments.worker.work", stopped)
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path, cells())
    assert [r["twice"] for r in run(tmp_path, cells())] == [0, 2, 4]
    assert work == ["cell 2"]


def test_processes_give_the_results_of_one(tmp_path):
    wanted = [replace(SMALL, construction=seed).cell(f"s{seed}") for seed in (1, 2)]
    quiet = Progress("test", open(os.devnull, "w"))  # noqa: PTH123, SIM115
    with quiet.stream:
        found = run_grid(wanted, tmp_path, jobs=2, label="test", progress=quiet)
    own = json.loads(json.dumps([programmed(Task(**cell.parameters)) for cell in wanted]))
    assert found == own


def test_a_worker_that_dies_is_an_error_and_not_a_hang(tmp_path):
    wanted = [Cell(kind="nothing", name=f"bad {n}", parameters={}) for n in range(2)]
    quiet = Progress("test", open(os.devnull, "w"))  # noqa: PTH123, SIM115
    with quiet.stream, pytest.raises(ToolchainError, match="its process ended early"):
        run_grid(wanted, tmp_path, jobs=2, label="test", progress=quiet)


def test_ctrl_c_ends_the_workers(tmp_path):
    code = (
        "import sys; from pathlib import Path; from sim.experiments.grid import run_grid;"
        "from sim.experiments.offset_run import Task;"
        "c=[Task(algorithm='agad',updates=10**7,seed=s).cell('x') for s in (1,2)];"
        "run_grid(c, Path(sys.argv[1]), jobs=2, label='test')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    children = workers_of(process.pid)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in output
    for child in children:
        assert has_ended(int(child))


def test_a_worker_is_asked_to_stop_and_not_killed():
    waiting = [sys.executable, "-c", "print('ready', flush=True); input()"]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(waiting, text=True, **pipes) as worker:
        assert worker.stdout.readline() == "ready\n"
        _stop([worker])
        assert "KeyboardInterrupt" in worker.stderr.read()


def has_ended(pid):
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 60)[0])
    finally:
        os.close(handle)


def workers_of(pid):
    """Processes of the two workers, once both are there."""
    while True:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if len(text) == 2:
            return text


def test_the_offset_task_is_deterministic_and_learns():
    one, two = programmed(SMALL), programmed(SMALL)
    assert one == two
    other = programmed(replace(SMALL, seed=2))
    assert one["fast_pulses_per_update"] != other["fast_pulses_per_update"]
    learnt = programmed(replace(SMALL, updates=2000, granularity=50.0))
    assert learnt["error"] < 0.6 * learnt["course"][0][1]
    assert len(learnt["course"]) <= 40


def test_the_offset_task_sets_the_devices():
    made = config(replace(SMALL, states=50, offset=0.3, bound=4.0))
    assert (made.fast.dw_min, made.slow.dw_min) == (0.04, 0.04)
    assert (made.fast.reference_std, made.slow.reference_std) == (0.3, 0.0)
    assert (made.fast.w_max, made.fast.w_min, made.slow.w_max) == (4.0, -4.0, 1.0)
    assert (made.fast.w_max_dtod, made.slow.w_max_dtod) == (0.3, 0.0)


def error_rows(**errors):
    """Means at 20 states: ``ttv2=(at 0, at 0.1, at 0.5)`` and so on."""
    return [
        {"algorithm": name, "states": 20, "fast_lr": 0.5, "offset": place, "error": error}
        for name, values in errors.items()
        for place, error in zip((0.0, 0.1, 0.5), values, strict=False)
    ]


GOOD = {
    "sgd": (0.26,),
    "ttv2": (0.05, 0.07, 0.6),
    "cttv2": (0.05, 0.05, 0.06),
    "agad": (0.06, 0.061, 0.062),
}


def test_verdicts_of_the_offset_experiment():
    verdicts = offset.offset_verdicts(error_rows(**GOOD))
    assert len(verdicts) == 5
    assert all(one.met for one in verdicts)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"ttv2": (0.05, 0.055, 0.6)}, "ttv2, error at 0.1"),
        ({"ttv2": (0.05, 0.07, 0.2)}, "ttv2, error at 0.5"),
        ({"cttv2": (0.05, 0.05, 0.08)}, "cttv2"),
        ({"agad": (0.06, 0.067, 0.06)}, "agad"),
        ({"sgd": (0.24,)}, "sgd"),
    ],
)
def test_a_missed_verdict_is_named(changes, name):
    verdicts = offset.offset_verdicts(error_rows(**GOOD | changes))
    assert [one.name.startswith(name) for one in verdicts if not one.met] == [True]


def test_grids_have_one_cell_of_sgd_per_construction():
    plan = offset.Plan(states=(20,), constructions=2)
    tasks = plan.tasks()
    assert len(tasks) == 2 + 3 * 4 * 2
    assert len(plan.asymmetry()) == 2 * 4 * 3 * 2
    assert all(task.offset == 0 for task in tasks if task.algorithm == "sgd")


@pytest.mark.parametrize("errors", [(0.05, 0.054), (0.05, 0.056)])
def test_asymmetry_is_judged_by_its_extremes(errors):
    rows = [{"algorithm": "agad", "fast_lr": 0.2, "error": error} for error in errors]
    ((line, (name, ratio)),) = offset.asymmetry_findings(rows)
    assert ("does not depend" in line) == (errors[1] < 0.055)
    assert name == "agad_fast_lr0p2_asymmetry_ratio"
    assert ratio == errors[1] / errors[0]


def test_update_times_of_the_table():
    """papers.md E3.5: 3024.46, 56.28, and 81.7, 43.6, 37.2 ns for n_s of 1, 4 and 8."""
    assert update_time("mp", 512, 0, 0) == pytest.approx(3024.46, abs=0.01)
    times = [round(update_time("ttv2", 512, 5, 1 / n), 1) for n in (1, 2, 4, 8)]
    assert times == [81.7, 56.3, 43.6, 37.2]
    assert update_time("agad", 512, 5, 0.5) - update_time("ttv2", 512, 5, 0.5) == pytest.approx(
        2 * 512 / 0.175e3
    )


def test_counted_events(tmp_path):
    events = Events(algorithm="agad", size=16, updates=100, batch=50, transfer_every=4)
    cell = events.cell()
    from sim.experiments.runtime_run import work

    result = work(cell, tmp_path)
    assert result["reads_per_update"] == 0.25
    assert 3 < result["slots_per_update"] <= 5
    assert result["rtl_cycles_per_update"] > result["rtl_cycles_without_slots"] > 2 * 16


def test_runtime_writes_its_tables(tmp_path, capsys):
    plan = runtime.Plan(size=8, updates=50)
    code, paths = runtime.run(plan, tmp_path, jobs=1, fresh=False)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert code == 0
    assert all(path.exists() for path in paths)
    assert summary["ttv2_reads_per_update"] == 0.5
    assert "target unknown" in capsys.readouterr().out


def test_traces_show_what_the_offset_does(tmp_path, capsys):
    plan = traces.Plan(updates=1000)
    code, _ = traces.run(plan, tmp_path)
    out = capsys.readouterr().out
    assert code == 0, out
    rows = (tmp_path / "traces.csv").read_text().splitlines()
    assert rows[0] == "algorithm,offset,update,a,w,h,mean,past,chopper"
    assert len(rows) == 1 + 8 * 1000


def test_traces_flip_the_chopper_once_a_period():
    values = traces.trace(traces.Plan(updates=1000), "cttv2", 0.0)
    flips = np.flatnonzero(np.diff(values["chopper"])) + 1
    assert np.diff(flips).tolist() == [250] * (len(flips) - 1)  # 10 passes of 25 updates
    assert np.all(np.diff(np.flatnonzero(np.diff(values["h"]))) % 25 == 0)


@pytest.mark.parametrize("bad", ["1,x", "", "0.5,,1", "nan", "-1", "11"])
def test_lists_of_numbers(bad):
    assert numbers("--offsets", "0.5, 0,0.5", float, 0, 10) == (0.0, 0.5)
    with pytest.raises(ConfigError, match=r"^--offsets must be"):
        numbers("--offsets", bad, float, 0, 10)


def test_lists_of_names():
    assert names("--networks", "lenet, mlp,lenet", ("mlp", "lenet")) == ("lenet", "mlp")
    message = "--networks must be of mlp, lenet, not 'x'"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        names("--networks", "mlp,x", ("mlp", "lenet"))


def test_a_missed_verdict_gives_exit_code_1(capsys):
    table = Table("title", [("a", "b"), ("1", "22")])
    good, bad = Verdict("x", 1.0, "at least 1", True), Verdict("y", 2.0, "at most 1", False)
    assert told([table], [good], []) == 0
    assert told([table], [good, bad], ["note"]) == 1
    assert "MISSED y: 2 (at most 1)" in capsys.readouterr().out
    assert json.loads(summary_bytes({}, [good, bad]))["missed"] == ["y"]


def test_mean_and_spread():
    assert mean_spread([2.0]) == (2.0, 0.0)
    assert mean_spread([1.0, 3.0]) == (2.0, 2**0.5)
