import argparse
import json
import re

import pytest

from models.config.toml import ConfigError
from models.trainer.data import DataError
from sim.experiment_command import EXPERIMENTS, add_experiment, experiment
from sim.experiments import mnist
from sim.experiments.mnist_run import Run


def call(*words):
    parser = argparse.ArgumentParser()
    add_experiment(parser)
    return experiment(parser.parse_args([str(word) for word in words]))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_help_has_examples(name, capsys):
    with pytest.raises(SystemExit):
        call(name, "--help")
    out = capsys.readouterr().out
    assert f"examples:\n  imctwin experiment {name}" in out
    assert f"build/experiment/{name}" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("chopped-offset", "--seed", -1), "--seed must be at least 0, not -1"),
        (("chopped-offset", "--states", "1"), "--states must be between 2 and 10000, not 1"),
        (("chopped-offset", "--states", "a"), "--states must be numbers with commas, not 'a'"),
        (("chopped-offset", "--jobs", 0), "--jobs must be between 1 and 64, not 0"),
        (("chopped-offset", "--updates", 5), "--updates must be between 400 and 1e+08, not 5"),
        (("chopped-offset", "--bounds", "0"), "--bounds must be between 0.01 and 1000, not 0"),
        (
            ("chopped-mnist", "--algorithms", "x"),
            "--algorithms must be of sgd, ttv1, ttv2, cttv2, agad, not 'x'",
        ),
        (("chopped-mnist", "--networks", "x"), "--networks must be of mlp, lenet, not 'x'"),
        (("chopped-mnist", "--epochs", 0), "--epochs must be between 1 and 1e+09, not 0"),
        (("chopped-traces", "--offset", 0), "--offset must be between 0.001 and 10, not 0.0"),
        (("chopped-runtime", "--size", 1024), "--size must be between 2 and 1023, not 1024"),
    ],
)  # fmt: skip
def test_bad_options_are_one_line(words, message, tmp_path):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        call(*words, "--out", tmp_path / "out")


def test_missing_data_is_named(tmp_path):
    with pytest.raises(DataError):
        call("chopped-mnist", "--data", tmp_path / "no", "--out", tmp_path)


def test_offset_from_the_command_line(tmp_path, capsys):
    words = ("--states", 20, "--size", 4, "--updates", 400, "--constructions", 1, "--jobs", 1)
    words += ("--offsets", "0,0.5", "--bounds", "1,4", "--algorithms", "sgd,agad")
    code = call("chopped-offset", *words, "--out", tmp_path)
    out = capsys.readouterr().out
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert code == (1 if summary["missed"] else 0)
    assert "std(W - target), 20 states, fast_lr 0.5, by sigma_r" in out
    assert summary["agad_states20_bound4_fast_lr0p2_error"] > 0
    before = (tmp_path / "offset.png").read_bytes(), (tmp_path / "summary.json").read_bytes()
    call("chopped-offset", *words, "--out", tmp_path)
    after = (tmp_path / "offset.png").read_bytes(), (tmp_path / "summary.json").read_bytes()
    assert after == before


def test_digits_from_the_command_line(tmp_path, capsys):
    words = ("--samples", 64, "--test-samples", 50, "--epochs", 1, "--networks", "mlp")
    words += ("--offsets", "0.3", "--algorithms", "agad", "--jobs", 1, "--out", tmp_path)
    assert call("chopped-mnist", *words) == 0
    out = capsys.readouterr().out
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert "mlp: test accuracy, by sigma_r" in out
    assert 0 <= summary["mlp_agad_offset0p3_accuracy"] <= 1
    assert summary["mlp_agad_offset0p3_fast_pulses_per_sample"] > 0
    assert not list((tmp_path / "cells").glob("*.npz"))


def rows(**accuracy):
    """FP32 at 0.98 and others at offsets 0 and 0.5."""
    found = [{"network": "mlp", "algorithm": "fp32", "offset": 0.0, "accuracy": 0.98}]
    pulses = {"fast_pulses_per_sample": 1.0, "slow_pulses_per_sample": 1e-3}
    for name, values in accuracy.items():
        for offset, value in zip((0.0, 0.5), values, strict=True):
            row = {"network": "mlp", "algorithm": name, "offset": offset, "accuracy": value}
            found.append(row | pulses)
    return found


def test_accuracy_is_judged_where_ttv2_has_lost():
    good = {"ttv2": (0.975, 0.9), "cttv2": (0.9, 0.972), "agad": (0.98, 0.985)}
    verdicts = mnist.accuracy_verdicts(rows(**good))
    assert [one.met for one in verdicts] == [True, True, True]
    assert verdicts[1].value == pytest.approx(0.008)
    bad = mnist.accuracy_verdicts(rows(**good | {"agad": (0.98, 0.969)}))
    assert [one.name for one in bad if not one.met] == [
        "mlp: agad, largest loss where ttv2 loses more than 0.01"
    ]
    spared = mnist.accuracy_verdicts(rows(**good | {"ttv2": (0.975, 0.975)}))
    assert [one.met for one in spared] == [False]


def test_pulses_beside_the_published_ranges():
    (note,) = mnist.pulse_notes(rows(agad=(0.98, 0.98)))
    assert note.endswith(
        "A 1 to 1, inside the published range; W 0.001 to 0.001, not inside the published range"
    )


def test_a_plan_takes_settings_by_network_and_algorithm(monkeypatch):
    settings = {("mnist", "mlp"): {"rate": 0.3}, ("digits", "mlp"): {"rate": 0.4}}
    monkeypatch.setattr(mnist, "SETTINGS", settings)
    monkeypatch.setattr(mnist, "OVERRIDES", {("mnist", "mlp", "cttv2"): {"chop": 0.01}})
    plan = mnist.Plan(networks=("mlp",), offsets=(0.0, 0.1), data="x", schedule={"epochs": 7})
    runs = plan.runs()
    assert len(runs) == 1 + 3 * 2
    assert {(one.rate, one.epochs) for one in runs} == {(0.3, 7)}
    assert {one.chop for one in runs if one.algorithm == "cttv2"} == {0.01}
    digits = mnist.Plan(networks=("mlp",), offsets=(0.0,)).runs()
    assert {one.rate for one in digits} == {0.4}


def test_the_key_of_a_training_cell_depends_on_its_settings():
    assert Run().cell().key != Run(chop=0.2).cell().key
