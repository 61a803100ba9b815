"""Checkpoints: exact round trip, every changed byte refused, nothing half-written."""

import numpy as np
import pytest

from models.trainer import checkpoint
from models.trainer.checkpoint import CheckpointError

ARRAYS = {
    "file": np.arange(6, dtype=np.float32).reshape(2, 3),  # a name that numpy.savez also takes
    "a/b.c": np.array([-1, 2**62]),
    "scalar": np.array(0.1),
    "none": np.empty((0, 3), np.uint16),
}
META = {"step": 7, "name": "µ", "nested": {"list": [1, 2.5, None]}}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "run.npz"
    checkpoint.save(path, ARRAYS, META)
    return path


def refused(path, rule):
    with pytest.raises(CheckpointError) as caught:
        checkpoint.load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert rule in str(caught.value)
    assert "\n" not in str(caught.value)


def test_round_trip_is_exact_and_the_file_reproducible(path):
    arrays, meta = checkpoint.load(path)
    assert meta == META
    assert set(arrays) == set(ARRAYS)
    for name, value in ARRAYS.items():
        assert arrays[name].dtype == value.dtype
        np.testing.assert_array_equal(arrays[name], value, strict=True)
    first = path.read_bytes()
    checkpoint.save(path, dict(reversed(ARRAYS.items())), dict(reversed(META.items())))
    assert path.read_bytes() == first
    with np.load(path) as plain:  # stays an ordinary .npz
        assert plain["array/scalar"] == 0.1


def test_any_changed_byte_is_refused(path):
    sound = path.read_bytes()
    for place in range(len(sound)):
        changed = bytearray(sound)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        refused(path, "must be a whole, unchanged checkpoint of imctwin")
    path.write_bytes(sound)
    checkpoint.load(path)


@pytest.mark.parametrize("keep", [0, 1, 70, -1, -74, 300])
def test_truncated(path, keep):
    path.write_bytes(path.read_bytes()[:keep])
    refused(path, "must be a whole, unchanged checkpoint")


def test_too_long(path):
    path.write_bytes(path.read_bytes() + b"\0")
    refused(path, "must be a whole, unchanged checkpoint")


def test_foreign_files(tmp_path):
    foreign = tmp_path / "foreign.npz"
    np.savez(foreign, a=np.arange(3))
    refused(foreign, "must be a whole, unchanged checkpoint")
    foreign.write_text("hello\n" * 100)
    refused(foreign, "must be a whole, unchanged checkpoint")
    refused(tmp_path / "missing.npz", "checkpoint cannot be read (No such file")
    refused(tmp_path, "checkpoint cannot be read (Is a directory)")


@pytest.mark.parametrize("folder", ["missing", "file"])
def test_unwritable_folder(tmp_path, folder):
    (tmp_path / "file").write_text("")
    path = tmp_path / folder / "run.npz"
    for action in (lambda: checkpoint.save(path, {}, {}), lambda: checkpoint.check_folder(path)):
        with pytest.raises(CheckpointError) as caught:
            action()
        assert str(caught.value).startswith(f"{path}: checkpoint ")


def test_failed_write_leaves_the_old_file_and_no_other(path, monkeypatch):
    def fail(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", fail)
    old = path.read_bytes()
    with pytest.raises(CheckpointError, match=r"cannot be written \(No space left on device\)$"):
        checkpoint.save(path, {}, {})
    assert path.read_bytes() == old
    assert list(path.parent.iterdir()) == [path]


def test_objects_are_refused(tmp_path):
    with pytest.raises(ValueError, match="allow_pickle=False"):
        checkpoint.save(tmp_path / "run.npz", {"a": np.array([None])}, {})
