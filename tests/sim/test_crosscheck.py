"""The whole cross-check on a small macro, equal and with planted faults."""

import importlib.util
import json
import re
import signal

import numpy as np
import pytest

from models.config.presets import NETWORKS
from sim import cli
from sim.checked import CheckedLearner
from sim.cosim import runner
from sim.crosscheck import Plan
from sim.kernel import build
from sim.kernel.units import RtlUnits
from sim.work import products

pytestmark = pytest.mark.cosim

SMALL = ("--macro", "small", "--set", "training.test_samples=50", "--set", "training.epochs=1")


def run(out, *more, samples=48):
    """Exit code of a cross-check of a few steps."""
    size = ("--set", f"training.train_samples={samples}", "--out", str(out))
    return cli.main(["crosscheck", "memristor", *SMALL, *size, *more])


def test_equal_runs_write_everything(tmp_path, capsys):
    assert run(tmp_path, "--pin-steps", "2", "--pin-vectors", "2") == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["equal"] is True
    bits, pins = summary["bits"], summary["pins"]
    assert bits["differences"] == 0
    assert bits["compared"] > 10**6
    assert bits["backend"] == "verilator"
    units = {"sar", "adc_interface", "post_process", "requantize", "accumulate_threshold"}
    assert units | {"max_pool", "random_words", "int_to_bf16", "bf16_mul"} == set(bits["by_unit"])
    assert bits["corners"]["pulses_requested"] > 0
    assert pins["differences"] == 0
    assert set(pins["by_kind"]) == {"forward", "backward", "update"}
    assert pins["by_field"]["sums_of_training"]["compared"] > 0
    assert pins["by_field"]["chi_of_training"]["compared"] > 0
    assert 0 <= summary["learning"]["accuracy"] <= 1
    assert all(one["cosine"] > 0.5 for one in summary["learning"]["gradients"])
    report = (tmp_path / "report.html").read_text()
    assert "Equal: no difference" in report
    assert report.count("data:image/png;base64,") == 6
    trace = np.load(tmp_path / "pulses.npz", allow_pickle=False)
    assert np.abs(trace["count"]).sum() == bits["corners"]["pulses_requested"]
    assert (tmp_path / "pulses.csv").read_text().startswith("step,layer,input,output,count\n")
    assert (tmp_path / "rtl" / "tile.v").exists()
    assert "0 differences" in capsys.readouterr().out


TIMES = {"seconds", "versions"}


def figures(folder):
    """Summary without what depends on time."""
    summary = json.loads((folder / "summary.json").read_text())
    summary["bits"].pop("seconds")
    return {name: value for name, value in summary.items() if name not in TIMES}


@pytest.mark.formal
def test_stopped_run_ends_like_one_that_was_not(tmp_path, capsys, monkeypatch):
    """Bit-sliced, with a batch size that leaves a smaller last batch."""
    more = ("--set", "training.batch_size=10", "--pin-steps", "3", "--pin-vectors", "1")
    more += ("--backend", "bitsliced")
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert run(whole, *more, samples=56) == 0
    original = CheckedLearner.train_step

    def stopped(self, images, labels, rate):
        if self.system.step == 4:
            signal.raise_signal(signal.SIGINT)  # the step is finished first
        return original(self, images, labels, rate)

    monkeypatch.setattr(CheckedLearner, "train_step", stopped)
    assert run(parts, *more, samples=56) == 130
    assert "checkpoint.npz" in capsys.readouterr().err
    assert not (parts / "summary.json").exists()
    monkeypatch.undo()
    checkpoint = ("--resume", str(parts / "checkpoint.npz"))
    assert run(parts, *more, "--set", "macro.adc_bits=7", *checkpoint, samples=56) == 2
    assert run(parts, *more[:-4], "--pin-vectors", "2", *checkpoint, samples=56) == 2
    assert run(parts, *more, *checkpoint, samples=56) == 0
    ended, wanted = figures(parts), figures(whole)
    replayed = [one["bits"].pop("replayed_on_verilator") for one in (ended, wanted)]
    assert min(replayed) > 0  # which ones, depends on threads
    assert ended == wanted
    assert wanted["bits"]["backend"] == "bitsliced"
    for name in ("pulses.csv", "config.toml"):
        assert (parts / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("backend", ["verilator", "bitsliced"])
def test_kernel_that_fails_is_a_failure(backend, tmp_path, capsys, monkeypatch):
    def stuck(self, codes):
        raise RuntimeError("kernel max_pool is stuck: 1 of 2 inputs went in")

    monkeypatch.setattr(RtlUnits, "max_pool", stuck)
    monkeypatch.setattr(RtlUnits, "build", lambda self: None)
    assert run(tmp_path, "--backend", backend, samples=16) == 1
    failure = json.loads((tmp_path / "summary.json").read_text())["bits"]["failure"]
    assert re.fullmatch(r"step 0, call \d+: kernel max_pool is stuck: .*", failure)
    assert f"failure: {failure}" in capsys.readouterr().out


FAULTS = {
    "max_pool": (r"(?<=\) )>(?= \$signed)", ">="),  # the last of equals wins
    "adc_interface": (r"\+(?= \$signed\(offset)", "-"),  # one converter, offset subtracted
    "requantize": (r"\+(?= carry)", "-"),  # rounds down where it should round up
}


@pytest.mark.parametrize(
    ("unit", "backend"), [*((unit, "verilator") for unit in FAULTS), ("adc_interface", "bitsliced")]
)
def test_planted_fault_is_named(unit, backend, tmp_path, capsys, monkeypatch):
    pattern, by = FAULTS[unit]
    original = build.verilog_text

    def planted(component, name):
        text = original(component, name)
        if name != f"{unit}_top":
            return text
        broken = re.sub(pattern, by, text, count=0 if unit == "max_pool" else 1)
        assert broken != text
        return broken

    monkeypatch.setattr(build, "verilog_text", planted)
    assert run(tmp_path, "--backend", backend, samples=16) == 1
    first = json.loads((tmp_path / "summary.json").read_text())["bits"]["first_difference"]
    assert first["unit"] == unit
    assert first["step"] == 0
    assert first["golden"] != first["rtl"]
    line = capsys.readouterr().out
    where = rf"first difference: unit {unit}, field \w+, step 0, call \d+, index {first['index']}: "
    assert re.search(where + rf"golden {first['golden']}, RTL {first['rtl']}\b", line)
    assert "Different." in (tmp_path / "report.html").read_text()


def test_fault_in_the_tile_is_found_at_the_pins(tmp_path, capsys, monkeypatch):
    original = runner.write_verilog

    def planted(component, name, folder):
        path = original(component, name, folder)
        text = path.read_text()
        broken = re.sub(r"\+(?= \$signed\(offset)", "-", text, count=1)
        assert broken != text
        path.write_text(broken)
        return path

    monkeypatch.setattr(runner, "write_verilog", planted)
    assert run(tmp_path, "--pin-steps", "1", "--pin-vectors", "1", samples=32) == 1
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["bits"]["differences"] == 0
    assert summary["pins"]["first_difference"]["unit"] in ("tile.forward", "tile.backward")
    assert "first difference at the pins: unit tile." in capsys.readouterr().out


def test_backend_goes_by_the_length_of_the_run(monkeypatch):
    lenet, digits = NETWORKS["lenet5"], NETWORKS["digits_cnn"]
    assert products(lenet) == 784 * 150 + 100 * 2400 + 400 * 120 + 120 * 84 + 840
    assert Plan().backend_for(1000 * products(lenet)) == "bitsliced"
    assert Plan().backend_for(2874 * products(digits)) == "verilator"
    assert Plan(backend="verilator").backend_for(10**12) == "verilator"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert Plan().backend_for(10**12) == "verilator"
