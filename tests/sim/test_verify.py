import json

import pytest

from models.config.floats import FloatAddConfig, FloatMulConfig
from models.formats import FP8_E5M2
from sim import cli
from sim.kernel import build
from sim.toolchain import ToolchainError
from sim.verify import checks, evidence
from sim.verify.checks import run_part
from sim.verify.parts import PAIRS, Part, fma_rows, parts

pytestmark = pytest.mark.cosim

SMALL = FloatMulConfig(format=FP8_E5M2, result=FP8_E5M2)
PART = Part(name="small", check="all_inputs", config=SMALL, blocks=128, quick=128)


def plant(monkeypatch, old, new):
    real = build.verilog_text

    def faulty(component, name):
        text = real(component, name)
        assert old in text
        return text.replace(old, new, 1)

    monkeypatch.setattr(build, "verilog_text", faulty)


def run(part, folder, blocks=None):
    return run_part(part, blocks or part.blocks, folder, lambda share: None)


def test_names_are_unique_and_sizes_are_whole():
    names = [part.name for part in parts()]
    assert len(set(names)) == len(names)
    assert all(0 <= part.quick <= part.blocks for part in parts())


def test_rows_of_the_fma_are_about_1_3e9_cases():
    rows = fma_rows()
    assert len(set(rows)) == len(rows)
    assert 1.2e9 < 2**22 * len(rows) < 1.6e9
    assert all(0 <= field <= 254 for row in rows for field in row)


def test_a_right_unit_passes(tmp_path):
    verdict = run(PART, tmp_path)
    assert (verdict.cases, verdict.differences) == (65536, 0)


@pytest.mark.parametrize(
    ("part", "blocks"),
    [
        (PART, None),
        (Part(name="pairs", check="pairs", config=FloatMulConfig(), blocks=PAIRS, quick=0), 2**17),
        (Part(name="directed", check="directed", config=SMALL, blocks=240, quick=0), None),
        (Part(name="plain", check="verilated", config=FloatMulConfig(), blocks=400, quick=0), None),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_planted_fault_is_found_and_counted(part, blocks, tmp_path, monkeypatch):
    plant(monkeypatch, " * ", " + ")
    verdict = run(part, tmp_path, blocks)
    assert verdict.differences > 0
    assert sum(verdict.classes.values()) == verdict.differences
    assert verdict.examples
    assert all(got != want for _, got, want in verdict.examples)


def test_a_unit_that_keeps_subnormals_fails_as_a_flushing_one(tmp_path, monkeypatch):
    part = Part(name="pairs", check="pairs", config=FloatAddConfig(), blocks=PAIRS, quick=0)
    real = checks.component
    monkeypatch.setattr(checks, "component", lambda config: real(FloatAddConfig()))
    wrong = Part(**{**vars(part), "config": FloatAddConfig(subnormals="flushed")})
    verdict = run(wrong, tmp_path)
    assert verdict.differences >= 2**20  # a check stops there
    assert set(verdict.classes) <= {"subnormal_in", "subnormal_out"}


def test_finished_parts_are_kept_until_the_design_changes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(evidence, "parts", lambda: [PART])
    calls = []

    def counted(*arguments):
        calls.append(arguments)
        return run_part(*arguments)

    monkeypatch.setattr(evidence, "run_part", counted)
    assert evidence.verify_float(tmp_path, quick=True) == 0
    assert evidence.verify_float(tmp_path, quick=True) == 0
    assert len(calls) == 1
    assert evidence.verify_float(tmp_path, quick=True, fresh=True) == 0
    assert len(calls) == 2
    plant(monkeypatch, " * ", " + ")
    assert evidence.verify_float(tmp_path, quick=True) == 1
    assert "imctwin: small failed: " in capsys.readouterr().err
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["passed"] is False
    assert summary["small_differences"] > 0


def test_an_interrupt_keeps_what_is_done(tmp_path, monkeypatch):
    second = Part(**{**vars(PART), "name": "second"})
    monkeypatch.setattr(evidence, "parts", lambda: [PART, second])

    def interrupted(part, *rest):
        if part is second:
            raise KeyboardInterrupt
        return run_part(part, *rest)

    monkeypatch.setattr(evidence, "run_part", interrupted)
    assert cli.main(["verify", "float", "--out", str(tmp_path)]) == 130
    assert (tmp_path / "parts/small.json").exists()
    assert not (tmp_path / "parts/second.json").exists()


def test_a_part_that_cannot_run_fails_and_the_others_go_on(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(evidence, "parts", lambda: [PART, Part(**{**vars(PART), "name": "after"})])

    def broken(part, *rest):
        if part is PART:
            raise ToolchainError("yosys failed:\nERROR: none")
        return run_part(part, *rest)

    monkeypatch.setattr(evidence, "run_part", broken)
    assert evidence.verify_float(tmp_path, quick=True) == 1
    printed = capsys.readouterr()
    assert "imctwin: small failed: not run: yosys failed: ERROR: none" in printed.err
    assert "after: ok" in printed.out
    assert not (tmp_path / "quick/small.json").exists()


def test_a_wrong_signature_fails(tmp_path, monkeypatch, capsys):
    wrong = Part(**{**vars(PART), "signature": 5})
    monkeypatch.setattr(evidence, "parts", lambda: [wrong])
    assert evidence.verify_float(tmp_path, quick=True) == 1
    assert "0 cases differ from IEEE arithmetic, not the 5" in capsys.readouterr().err


def test_unknown_part(capsys):
    assert cli.main(["verify", "float", "--only", "nothing"]) == 2
    assert "--only must occur in the name of parts" in capsys.readouterr().err
