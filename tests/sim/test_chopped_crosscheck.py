"""The whole cross-check of pulsed training on a tiny network, equal and with planted faults."""

import json
import re
import signal

import numpy as np
import pytest

from sim import cli
from sim.checked import CheckedLearner
from sim.chopped_trace import COLUMNS
from sim.kernel import build
from tests.sim.chopped_tiny import written

pytestmark = pytest.mark.cosim

KERNEL = ("--pin-engine", "kernel")


def run(out, *more):
    """Exit code of a cross-check of 4 steps."""
    out.mkdir(exist_ok=True)
    command = ["crosscheck", "chopped", "--config", str(written(out)), "--out", str(out), *more]
    return cli.main(command)


def figures(folder):
    """Summary without what depends on time."""
    summary = json.loads((folder / "summary.json").read_text())
    summary["bits"].pop("seconds")
    return {name: value for name, value in summary.items() if name not in ("seconds", "versions")}


UNITS = ("dac_codes", "scaled", "reciprocal", "multiply", "relu", "masked", "max_pool")
UNITS += ("update_management", "pulse_trains", "sequence", "transfer")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Folder of a run that is equal."""
    folder = tmp_path_factory.mktemp("whole")
    assert run(folder, *KERNEL, "--pin-steps", "2", "--pin-vectors", "3") == 0
    return folder


def test_equal_runs_write_everything(whole):
    summary = figures(whole)
    assert summary["equal"] is True
    assert summary["system"] == "chopped"
    bits, pins = summary["bits"], summary["pins"]
    assert (bits["differences"], pins["differences"]) == (0, 0)
    assert set(bits["by_unit"]) == set(UNITS)
    counters = summary["counters"]
    pulses = counters["device_pulses_fast"] + counters["device_pulses_slow"]
    assert bits["device_pulses_compared"] == pulses > 0
    assert set(pins["by_kind"]) == {"forward", "backward", "update_fast"}
    assert pins["by_kind"]["update_fast"]["coincidences"] > 0
    for name in ("codes", "values", "row_pulses", "column_pulses", "adc_codes", "program"):
        assert pins["by_field"][f"{name}_of_training"]["compared"] > 0, name
    assert len(summary["learning"]["gradients"]) == 2
    report = (whole / "report.html").read_text()
    assert "Equal: no difference" in report
    assert f"{pulses:,} device pulses" in report
    assert report.count("data:image/png;base64,") == 7
    assert (whole / "rtl" / "tile.v").exists()


def test_pulses_are_those_of_the_devices(whole):
    counters = figures(whole)["counters"]
    trace = np.load(whole / "pulses.npz", allow_pickle=False)
    table = np.loadtxt(whole / "pulses.csv", delimiter=",", skiprows=5, dtype=int)
    lines = (whole / "pulses.csv").read_text().splitlines()
    assert [line[0] for line in lines[:4]] == ["#"] * 4
    assert lines[4] == ",".join(COLUMNS)
    for place, name in enumerate(COLUMNS):
        assert np.array_equal(trace[name], table[:, place])
    for array, name in enumerate(("slow", "fast")):
        counted = trace["count"][trace["array"] == array].sum()
        assert counted == counters[f"device_pulses_{name}"]
        assert trace[f"dropped_{name}"] == 0
    assert str(trace["config_hash"]) == figures(whole)["config_hash"]
    assert (trace["vector"][trace["array"] == 1] == -1).all()
    assert (trace["vector"][trace["array"] == 0] >= 0).all()


def test_stopped_run_ends_like_one_that_was_not(whole, tmp_path, capsys, monkeypatch):
    more = (*KERNEL, "--pin-steps", "2", "--pin-vectors", "3")
    original = CheckedLearner.train_step

    def stopped(self, images, labels, rate):
        if self.system.step == 2:
            signal.raise_signal(signal.SIGINT)  # the step is finished first
        return original(self, images, labels, rate)

    monkeypatch.setattr(CheckedLearner, "train_step", stopped)
    assert run(tmp_path, *more) == 130
    monkeypatch.undo()
    checkpoint = ("--resume", str(tmp_path / "checkpoint.npz"))
    assert run(tmp_path, *more, "--pulse-vectors", *checkpoint) == 2
    assert "imctwin: error: " in capsys.readouterr().err
    assert run(tmp_path, *more, *checkpoint) == 0
    assert figures(tmp_path) == figures(whole)
    for name in ("pulses.csv", "config.toml"):
        assert (tmp_path / name).read_bytes() == (whole / name).read_bytes()


FAULTS = {  # pattern in the Verilog of a kernel, what takes its place, unit that is named
    "pulse_trains": (r"< (?=i__payload\[44:32\])", "> ", "pulse_trains"),
    "update_management": (r"> (?=15'h41f8)", "< ", "update_management"),
    "sequencer": (r"(?<=row_choppers \} )\^", "|", "sequence"),
    "transfer": (r">= control", "<= control", "transfer"),
}


@pytest.mark.parametrize("kernel", FAULTS)
def test_planted_fault_is_named(kernel, tmp_path, capsys, monkeypatch):
    pattern, by, unit = FAULTS[kernel]
    original = build.verilog_text

    def planted(component, name):
        text = original(component, name)
        if name != f"{kernel}_top":
            return text
        broken = re.sub(pattern, by, text)
        assert broken != text
        return broken

    monkeypatch.setattr(build, "verilog_text", planted)
    assert run(tmp_path, "--pin-steps", "0") == 1
    first = json.loads((tmp_path / "summary.json").read_text())["bits"]["first_difference"]
    assert first["unit"] == unit
    assert first["golden"] != first["rtl"]
    line = capsys.readouterr().out
    where = rf"first difference: unit {unit}, field [\w.]+, step {first['step']}, call \d+, index"
    assert re.search(where, line)


@pytest.mark.parametrize("override", ["digital.source=philox", "read.adc_bits=8", "scheme.lr=1"])
def test_bad_configuration_is_refused_in_a_line(override, tmp_path, capsys):
    assert cli.main(["crosscheck", "chopped", "--set", override, "--out", str(tmp_path / "o")]) == 2
    error = capsys.readouterr().err
    assert error.startswith("imctwin: error: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "o").exists()
