import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest
from amaranth.hdl import signed
from amaranth.lib import data

from rtl_gen.verilog import layout, to_verilog, write_verilog
from tests.sim.designs import Add, AddConfig, Counter, Lanes, Total

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def description(tmp_path_factory):
    path = write_verilog(Add(), "add_top", tmp_path_factory.mktemp("verilog"))
    return path, json.loads(path.with_suffix(".json").read_text())


def test_description_names_every_port(description):
    path, written = description
    ports = {port["name"]: port for port in written["ports"]}
    header = path.read_text().split("module add_top(")[1].split(")")[0].split(", ")
    assert sorted(ports) == sorted(header)
    assert ports["o__payload"] == {
        "name": "o__payload",
        "width": 35,
        "direction": "output",
        "signed": False,
    }
    assert ports["o__ready"]["direction"] == "input"


def test_description_lays_out_payloads(description):
    streams = description[1]["streams"]
    assert streams["i"] == {
        "direction": "input",
        "width": 32,
        "fields": [
            {"name": "a", "offset": 0, "width": 16, "signed": False},
            {"name": "b", "offset": 16, "width": 16, "signed": True},
        ],
    }
    assert streams["o"]["fields"][1] == {"name": "sum", "offset": 16, "width": 19, "signed": True}
    control = description[1]["static"]["control"]
    assert [field["name"] for field in control["fields"]] == ["mode", "bias"]


def test_description_carries_config_latency_and_hash(description):
    path, written = description
    assert written["config"] == {"width": 16, "taps": [1, 2]}
    assert written["latency"] == 2
    assert written["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


class Pair(data.Struct):
    low: 3
    high: signed(4)


@pytest.mark.parametrize(
    ("shape", "names"),
    [(signed(20), ["payload"]), (Pair, ["low", "high"]), (data.ArrayLayout(4, 2), ["payload"])],
)
def test_layout_of_other_shapes(shape, names):
    assert [field["name"] for field in layout(shape)["fields"]] == names


SCRIPT = """
import hashlib
from rtl_gen.verilog import to_verilog
from tests.sim.designs import Add, Lanes, Total
text = "".join(to_verilog(c, "x_top") for c in (Add(), Total(), Lanes(4, 8)))
print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_same_config_same_bytes_in_another_process():
    text = "".join(to_verilog(c, "x_top") for c in (Add(), Total(), Lanes(4, 8)))
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == hashlib.sha256(text.encode()).hexdigest()


def test_other_config_other_bytes():
    assert to_verilog(Add(), "x_top") != to_verilog(Add(AddConfig(width=15)), "x_top")


def test_verilog_holds_no_paths():
    for component in (Add(), Counter()):
        text = to_verilog(component, "x_top")
        assert "/work" not in text
        assert ".py" not in text
