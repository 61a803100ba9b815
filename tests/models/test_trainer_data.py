"""Readers against sound, damaged and mislabelled files."""

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pytest

from models.randomness import generator
from models.trainer import readers
from models.trainer.data import DataError, load

REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data"
NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = NAMES


def idx(array):
    return struct.pack(f">{array.ndim + 1}I", 0x0800 | array.ndim, *array.shape) + array.tobytes()


def arrays(train=7, test=3, side=(4, 5)):
    random = generator(1, "files")
    return {
        name: random.integers(0, 10 if "labels" in name else 256, shape, dtype=np.uint8)
        for name, shape in zip(
            NAMES, ((train, *side), (train,), (test, *side), (test,)), strict=True
        )
    }


def write(folder, packed=False, rename=str):
    for name, array in arrays().items():
        content = idx(array)
        path = folder / (rename(name) + (".gz" if packed else ""))
        path.write_bytes(gzip.compress(content) if packed else content)
    return folder


def refused(folder, name, rule):
    """Loading ``folder`` fails with one line: the file and the rule."""
    with pytest.raises(DataError) as caught:
        load(folder)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{folder / name if name else folder}: ")
    assert re.search(rule, message), message


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "rename", [str, lambda name: name.replace("-idx", ".idx")], ids=["dash", "dot"]
)
def test_idx_folder(tmp_path, packed, rename):
    data, content = load(write(tmp_path, packed, rename)), arrays()
    assert data.name == tmp_path.name
    assert data.train_images.shape == (7, 1, 4, 5)
    assert data.train_images.dtype == data.test_images.dtype == np.float32
    assert data.train_labels.dtype == data.test_labels.dtype == np.int64
    expected = (content[TRAIN_IMAGES][:, None] / 255).astype(np.float32)
    np.testing.assert_allclose(data.train_images, expected, rtol=1e-7)
    np.testing.assert_array_equal(data.test_labels, content[TEST_LABELS])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda raw: raw[:-1], r"must hold exactly \d+ bytes after the header, not \d+$"),
        (lambda raw: raw + b"\0", r"must hold exactly \d+ bytes after the header, not more$"),
        (lambda raw: raw[:6], r"must hold a header of \d+ bytes, not 6$"),
        (lambda _: b"", r"must hold a header of \d+ bytes, not 0$"),
        (lambda raw: b"\1" + raw[1:], r"magic must be 0x0000080\d \(\w+\), not 0x0100080\d$"),
        (lambda raw: raw[:4] + bytes(4) + raw[8:], r"dimension must be between 1 and \d+, not 0$"),
        (lambda raw: raw[:4] + b"\xff" * 4 + raw[8:], r"dimension must be .*, not 4294967295$"),
    ],
    ids=["truncated", "too long", "header", "empty", "magic", "no samples", "huge"],
)
def test_damaged_idx_file(tmp_path, name, change, rule):
    write(tmp_path)
    path = tmp_path / name
    path.write_bytes(change(path.read_bytes()))
    refused(tmp_path, name, rule)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda raw: raw[:-20], "must be a sound gzip file"),
        (lambda raw: raw[:5], "must be a sound gzip file"),
        (lambda raw: raw[:-8] + bytes([raw[-8] ^ 1]) + raw[-7:], r"sound gzip file \(CRC"),
        (lambda raw: raw[:70] + bytes(40) + raw[110:], "must be a sound gzip file"),
        (lambda raw: gzip.decompress(raw), "must be a sound gzip file"),
        (lambda raw: raw + b"junk", "must be a sound gzip file"),
    ],
    ids=["truncated", "header only", "CRC", "damaged", "not packed", "junk after"],
)
def test_damaged_gzip(tmp_path, change, rule):
    path = write(tmp_path, packed=True) / f"{TRAIN_IMAGES}.gz"
    path.write_bytes(change(path.read_bytes()))
    refused(tmp_path, path.name, rule)


def test_gzip_damaged_where_no_block_can_start(tmp_path):
    path = write(tmp_path, packed=True) / f"{TRAIN_IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:10] + b"\xff" * 20)  # block type 3 does not exist
    refused(tmp_path, path.name, r"sound gzip file \(Error -3 while decompressing")


def test_images_given_as_labels_and_labels_as_images(tmp_path):
    write(tmp_path)
    images, labels = (tmp_path / name for name in (TRAIN_IMAGES, TRAIN_LABELS))
    sound = labels.read_bytes()
    labels.write_bytes(images.read_bytes())
    rule = r"magic must be 0x00000801 \(labels\), not 0x00000803 \(images\)$"
    refused(tmp_path, TRAIN_LABELS, rule)
    images.write_bytes(sound)
    rule = r"magic must be 0x00000803 \(images\), not 0x00000801 \(labels\)$"
    refused(tmp_path, TRAIN_IMAGES, rule)


def test_counts_labels_and_sizes_must_agree(tmp_path):
    write(tmp_path)
    labels = arrays()[TRAIN_LABELS]
    (tmp_path / TRAIN_LABELS).write_bytes(idx(labels[:-1]))
    refused(tmp_path, TRAIN_LABELS, r"must hold 7 labels, one for each image of .*, not 6$")
    labels[4] = 10
    (tmp_path / TRAIN_LABELS).write_bytes(idx(labels))
    refused(tmp_path, TRAIN_LABELS, r"labels must be between 0 and 9, not 10 \(sample 4\)$")
    write(tmp_path)
    (tmp_path / TEST_IMAGES).write_bytes(idx(arrays(side=(5, 5))[TEST_IMAGES]))
    refused(
        tmp_path, TEST_IMAGES, r"images must be of shape \(1, 4, 5\) as in .*, not \(1, 5, 5\)$"
    )


def test_folder_must_exist_and_hold_the_files(tmp_path):
    refused(tmp_path / "none", "", "must be a folder that exists$")
    refused(tmp_path, "", "must hold IDX files")
    file = tmp_path / "file"
    file.write_bytes(b"")
    refused(file, "", "must be a folder$")
    write(tmp_path)
    (tmp_path / TEST_LABELS).unlink()
    refused(tmp_path, TEST_LABELS, r"must be in the folder, plain or \.gz$")
    (tmp_path / TEST_LABELS).mkdir()
    refused(tmp_path, TEST_LABELS, "must be readable")


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "CIFAR_RECORDS", 4)
    random = generator(2, "cifar")
    for number, name in enumerate(("data_batch_1.bin", "data_batch_3.bin.gz", "test_batch.bin")):
        records = random.integers(0, 256, (4, 3073), dtype=np.uint8)
        records[:, 0] = number
        raw = records.tobytes()
        (tmp_path / name).write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    return tmp_path


def test_cifar_folder_takes_every_batch_found(cifar):
    data = load(cifar)
    assert data.train_images.shape == (8, 3, 32, 32)
    assert data.train_labels.tolist() == [0] * 4 + [1] * 4
    assert data.test_labels.tolist() == [2] * 4
    raw = np.frombuffer((cifar / "test_batch.bin").read_bytes(), np.uint8)
    assert data.test_images[1, 2, 3, 4] == np.float32(raw[3073 + 1 + 2048 + 3 * 32 + 4] / 255)


def test_damaged_cifar_file(cifar):
    path = cifar / "test_batch.bin"
    raw = path.read_bytes()
    path.write_bytes(raw[:-3073])
    refused(cifar, path.name, "must hold exactly 12292 bytes, not 9219$")
    path.write_bytes(raw + raw)
    refused(cifar, path.name, "must hold exactly 12292 bytes, not more$")
    path.write_bytes(raw[:3073] + b"\x0a" + raw[3074:])
    refused(cifar, path.name, r"labels must be between 0 and 9, not 10 \(sample 1\)$")
    path.unlink()
    refused(cifar, path.name, "must be in the folder")


def test_digits():
    data = load(None)
    assert (data.name, data.class_count) == ("digits", 10)
    assert data.train_images.shape == (1437, 1, 8, 8)
    assert data.test_images.shape == (360, 1, 8, 8)
    assert data.train_images.dtype == np.float32
    assert (data.train_images.min(), data.train_images.max()) == (0, 1)
    assert set(data.test_labels.tolist()) == set(range(10))
    # the split is part of every result and must never move
    assert data.train_labels[:8].tolist() == [5, 7, 2, 9, 9, 3, 2, 0]


def test_limited_takes_the_first_and_zero_takes_all():
    data = load(None)
    part = data.limited(5, 0)
    assert (len(part.train_images), len(part.train_labels)) == (5, 5)
    assert (len(part.test_images), len(part.test_labels)) == (360, 360)
    np.testing.assert_array_equal(part.train_images, data.train_images[:5])


@pytest.mark.parametrize(
    ("folder", "train", "shape"),
    [
        ("mnist", 60000, (1, 28, 28)),
        ("fashion_mnist", 60000, (1, 28, 28)),
        ("cifar10", 10000, (3, 32, 32)),
    ],
)
def test_real_files(folder, train, shape):
    if not (REAL / folder).is_dir():
        pytest.skip(f"no {REAL / folder}")
    data = load(REAL / folder)
    assert data.train_images.shape == (train, *shape)
    assert data.test_images.shape == (10000, *shape)
    assert np.bincount(data.test_labels).min() >= 892  # MNIST has 892 fives, the others 1000 each
    assert (data.train_images.min(), data.train_images.max()) == (0, 1)
