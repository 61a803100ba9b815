"""The whole cross-check on a small macro, equal and with planted faults."""

import json
import re

import numpy as np
import pytest

from sim import cli
from sim.cosim import runner
from sim.kernel import build

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
    assert bits["state_differences"] == []
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


FAULTS = {
    "max_pool": (r"(?<=\) )>(?= \$signed)", ">="),  # the last of equals wins
    "adc_interface": (r"\+(?= \$signed\(offset)", "-"),  # one converter, offset subtracted
    "requantize": (r"\+(?= carry)", "-"),  # rounds down where it should round up
}


@pytest.mark.parametrize("unit", FAULTS)
def test_planted_fault_is_named(unit, tmp_path, capsys, monkeypatch):
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
    assert run(tmp_path, samples=16) == 1
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
