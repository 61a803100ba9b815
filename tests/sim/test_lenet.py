"""The short form of the MNIST run: LeNet-5 on 28x28 images through the command a user types."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.trainer.data import load
from sim import cli

MNIST = Path(__file__).parents[3] / "shared" / "data" / "mnist"


def write_idx(folder, name, magic, array):
    header = np.array([magic, *array.shape], ">i4").tobytes()
    (folder / name).write_bytes(header + array.astype(np.uint8).tobytes())


@pytest.fixture(scope="session")
def images(tmp_path_factory):
    """MNIST where it is, else the embedded digits enlarged to its format."""
    if MNIST.exists():
        return MNIST
    folder, digits = tmp_path_factory.mktemp("digits28"), load(None)
    for part, pixels, labels in (
        ("train", digits.train_images, digits.train_labels),
        ("t10k", digits.test_images, digits.test_labels),
    ):
        large = np.pad(np.kron(pixels[:, 0], np.ones((3, 3))), ((0, 0), (2, 2), (2, 2)))
        write_idx(folder, f"{part}-images-idx3-ubyte", 2051, np.rint(large * 255))
        write_idx(folder, f"{part}-labels-idx1-ubyte", 2049, labels)
    return folder


def test_lenet_learns(images, tmp_path):
    """1,280 samples of batch 16 for one epoch; measured 0.78 on MNIST, 0.90 on large digits."""
    values = {"train_samples": 1280, "test_samples": 300, "epochs": 1, "batch_size": 16}
    sets = [part for k, v in values.items() for part in ("--set", f"training.{k}={v}")]
    command = ["train", "memristor", "--data", str(images), "--out", str(tmp_path)]
    assert cli.main([*command, *sets]) == 0
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["accuracy"] > 0.7
    assert summary["accuracy"] > summary["reference_accuracy"] - 0.15
    assert "lenet5" in (tmp_path / "config.toml").read_text()


@pytest.mark.cosim
@pytest.mark.formal
def test_thousand_images_through_rtl(images, tmp_path, capsys):
    """The short form of the cross-check over a whole epoch: every digital operation is compared."""
    sets = ["--set", "training.train_samples=1000", "--set", "training.test_samples=100"]
    command = ["crosscheck", "memristor", "--data", str(images), "--out", str(tmp_path)]
    short = ["--set", "training.epochs=1", "--pin-steps", "1", "--pin-vectors", "1"]
    assert cli.main([*command, *sets, *short]) == 0
    bits = json.loads((tmp_path / "summary.json").read_text())["bits"]
    assert bits["backend"] == "bitsliced"
    assert bits["compared"] > 5e8
    assert bits["differences"] == 0
    assert bits["replayed_on_verilator"] > 1e5
    assert "0 differences (bitsliced" in capsys.readouterr().out
