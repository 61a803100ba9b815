"""Commands as a user types them: results, bad input, interruption."""

import gzip
import json
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest

from models.trainer import checkpoint
from sim import cli

SHORT = ("--set", "training.train_samples=160", "--set", "training.test_samples=60")


def train(out, *more):
    """Exit code of a short golden training."""
    return cli.main(["train", "memristor", *SHORT, "--out", str(out), *more])


def test_train_writes_summary_curves_and_checkpoint(tmp_path, capsys):
    assert train(tmp_path) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["epochs"] == 2
    assert summary["samples"] == 320
    assert summary["counters"]["program_pulses"] > 0
    assert len(summary["loss"]) == len(summary["reference_loss"]) == 20
    assert (tmp_path / "curves.png").read_bytes().startswith(b"\x89PNG")
    values = tomllib.loads((tmp_path / "config.toml").read_text())
    assert values["training"]["train_samples"] == 160
    out = capsys.readouterr().out
    assert "test accuracy" in out
    assert out.rstrip().endswith(str(tmp_path / "checkpoint.npz"))


def test_written_config_gives_the_same_run(tmp_path):
    assert train(tmp_path / "a", "--set", "device.states=200") == 0
    config = tmp_path / "a" / "config.toml"
    again = ["train", "memristor", "--config", str(config), "--out", str(tmp_path / "b")]
    assert cli.main(again) == 0
    first, second = (
        json.loads((tmp_path / run / "summary.json").read_text())["loss"] for run in "ab"
    )
    assert first == second


def test_generate_and_systems(tmp_path, capsys):
    assert cli.main(["generate", "memristor", "--macro", "small", "-o", str(tmp_path)]) == 0
    assert {"tile.v", "tile.json", "manifest.json"} <= {path.name for path in tmp_path.iterdir()}
    assert cli.main(["systems"]) == 0
    out = capsys.readouterr().out
    assert "memristor" in out
    assert "michigan_65nm" in out
    assert "--scheme (chopped)" in out
    assert out.count("lenet_aihwkit: ") == 1  # presets of both systems are listed once


IDX = {
    "train-images-idx3-ubyte": (2051, (20, 8, 8)),
    "train-labels-idx1-ubyte": (2049, (20,)),
    "t10k-images-idx3-ubyte": (2051, (10, 8, 8)),
    "t10k-labels-idx1-ubyte": (2049, (10,)),
}


@pytest.fixture
def idx(tmp_path):
    """Folder with a small data set in IDX files."""
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(1)
    for name, (magic, shape) in IDX.items():
        top = 256 if len(shape) == 3 else 10
        header = np.array([magic, *shape], ">i4").tobytes()
        (folder / name).write_bytes(header + rng.integers(0, top, shape, np.uint8).tobytes())
    return folder


def test_own_idx_files_train(idx, tmp_path):
    assert train(tmp_path / "out", "--data", str(idx), "--set", "training.batch_size=8") == 0


def truncate(folder):
    path = folder / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-5])


def mislabel(folder):
    shutil.copy(folder / "train-images-idx3-ubyte", folder / "train-labels-idx1-ubyte")


def bad_label(folder):
    path = folder / "t10k-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1] + b"\x0b")


def cut_gzip(folder):
    path = folder / "train-images-idx3-ubyte"
    packed = gzip.compress(path.read_bytes())
    path.unlink()
    (folder / "train-images-idx3-ubyte.gz").write_bytes(packed[:-20])


def empty(folder):
    for path in folder.iterdir():
        path.unlink()


def refused(capsys, arguments, out: Path):
    """Check the rules of bad input; give the message."""
    before = sorted(out.rglob("*")) if out.exists() else None
    try:
        code = cli.main([*arguments, "--out", str(out)])
    except SystemExit as stop:  # the option parser stops by itself
        code = stop.code
    error = capsys.readouterr().err
    assert code == 2
    assert error.startswith("imctwin: error: ")
    assert error.count("\n") == 1
    assert (sorted(out.rglob("*")) if out.exists() else None) == before
    return error


@pytest.mark.parametrize("spoil", [truncate, mislabel, bad_label, cut_gzip, empty, shutil.rmtree])
@pytest.mark.parametrize("command", ["train", "crosscheck"])
def test_bad_data_is_refused(spoil, command, idx, tmp_path, capsys):
    spoil(idx)
    error = refused(capsys, [command, "memristor", "--data", str(idx)], tmp_path / "out")
    assert str(idx) in error


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("macro.adc_bit=6", "unknown name macro.adc_bit: did you mean macro.adc_bits?"),
        ("macro.adc_bits=40", "macro.adc_bits must be between 2 and 12, not 40"),
        ("macro.adc_bits=six", "macro.adc_bits must be an int, not 'six'"),
        ("macro.rows=100", "macro.rows must be a multiple of 32, not 100"),
        ("update.variant=fp32", "update.variant must be one of fixed, bf16, not 'fp32'"),
        ("training.milestones=[0.9, 0.1]", "training.milestones must be rising, not (0.9, 0.1)"),
        ("training.epochs", "--set must be NAME=VALUE, not 'training.epochs'"),
        ("network.input_shape=[1, 9, 9]", "network.input_shape must be [1, 8, 8] for digits, "
         "not [1, 9, 9]"),
    ],
)  # fmt: skip
def test_bad_override_is_refused_by_name(override, message, tmp_path, capsys):
    error = refused(capsys, ["train", "memristor", "--set", override], tmp_path / "out")
    assert error == f"imctwin: error: {message}\n"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("[macro]\nadc_bitz = 6\n", "unknown name macro.adc_bitz"),
        ("[device]\nread_noise = -1\n", "device.read_noise must be between 0 and 2, not -1"),
        ("[macro\n", "must be TOML"),
        ("macro = 3\n", "macro must be a table, not 3"),
        ('[[network.layers]]\nkind = "relux"\n', "network.layers[0].kind must be one of"),
        ('[[network.layers]]\nkind = "relu"\n', "layers must be non-empty with a linear layer"),
    ],
)
@pytest.mark.parametrize("command", ["train", "generate", "crosscheck", "cosim"])
def test_bad_toml_is_refused(text, part, command, tmp_path, capsys):
    path = tmp_path / "config.toml"
    path.write_text(text)
    error = refused(capsys, [command, "memristor", "--config", str(path)], tmp_path / "out")
    assert part in error


@pytest.mark.parametrize(
    "more",
    [
        ("--seed", "-1"),
        ("--seed", "x"),
        ("--device", "quantum"),
        ("--checkpoint-every", "-3"),
        ("--config", "no/such/file.toml"),
        ("--data", "no/such/folder"),
        ("--resume", "no/such/checkpoint.npz"),
        ("--colour", "red"),
    ],
)
def test_bad_option_is_refused(more, tmp_path, capsys):
    refused(capsys, ["train", "memristor", *more], tmp_path / "out" / "deep")


@pytest.mark.parametrize("command", ["train", "crosscheck", "generate", "cosim"])
def test_output_that_cannot_be_written_is_refused(command, tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("precious")
    error = refused(capsys, [command, "memristor"], file / "out")
    assert "cannot be written" in error
    assert file.read_text() == "precious"


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def halve(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def replace(path):
    np.savez(path, x=np.zeros(3))


@pytest.mark.parametrize("spoil", [flip, halve, replace])
def test_corrupt_checkpoint_is_refused(spoil, tmp_path, capsys):
    assert train(tmp_path / "first", "--set", "training.epochs=1") == 0
    path = tmp_path / "first" / "checkpoint.npz"
    spoil(path)
    spoiled = path.read_bytes()
    capsys.readouterr()
    arguments = ["train", "memristor", *SHORT, "--resume", str(path)]
    assert str(path) in refused(capsys, arguments, tmp_path / "first")
    assert path.read_bytes() == spoiled


def test_checkpoint_of_another_configuration_is_refused(tmp_path, capsys):
    assert train(tmp_path / "first", "--set", "training.epochs=1") == 0
    path = tmp_path / "first" / "checkpoint.npz"
    capsys.readouterr()
    arguments = ["train", "memristor", *SHORT, "--resume", str(path)]
    assert "config_hash" in refused(capsys, arguments, tmp_path / "first")


def test_interrupted_run_resumes_bit_identically(tmp_path):
    size = ["--set", "training.train_samples=800", "--set", "training.test_samples=60"]
    arguments = ["train", "memristor", *size, "--set", "training.epochs=2"]
    assert cli.main([*arguments, "--out", str(tmp_path / "whole")]) == 0

    command = [sys.executable, "-m", "sim.cli", *arguments, "--out", str(tmp_path / "cut")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if "20 %" in line:
                run.send_signal(signal.SIGINT)
                break
        message = run.stderr.read()
    assert run.returncode == 130
    assert "checkpoint.npz" in message
    cut = tmp_path / "cut" / "checkpoint.npz"
    _, meta = checkpoint.load(cut)
    assert meta["config_hash"]
    started = time.time()
    assert cli.main([*arguments, "--out", str(tmp_path / "cut"), "--resume", str(cut)]) == 0
    assert time.time() - started < 600
    whole, resumed = (
        checkpoint.load(tmp_path / name / "checkpoint.npz")[0] for name in ("whole", "cut")
    )
    assert whole.keys() == resumed.keys()
    for name in whole:
        if name != "history/seconds":
            assert np.array_equal(whole[name], resumed[name]), name
