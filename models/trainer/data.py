"""Data sets in memory, and the order in which training visits them."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.randomness import generator
from models.trainer.readers import (
    CLASS_COUNT,
    DataError,
    find,
    read_cifar,
    read_images,
    read_labels,
)

__all__ = ["Batches", "DataError", "DataSet", "load"]

_IDX_NAMES = tuple(
    (f"{part}-{kind}-idx{n}-ubyte", f"{part}-{kind}.idx{n}-ubyte")
    for part in ("train", "t10k")
    for kind, n in (("images", 3), ("labels", 1))
)
_CIFAR_TRAIN = tuple(f"data_batch_{n}.bin" for n in range(1, 6))
_CIFAR_TEST = "test_batch.bin"
_DIGITS_TRAIN = 1437

Labelled = tuple[NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True, kw_only=True, eq=False)
class DataSet:
    """Labelled images, split for training and test.

    Parameters
    ----------
    name : str
        Name for reports: ``digits`` or the name of the folder.
    train_images, test_images : float32 array
        Shape [samples, channels, height, width], 0 to 1.
    train_labels, test_labels : int64 array
        Class of each sample, below ``class_count``.
    class_count : int
        Number of classes.
    """

    name: str
    train_images: NDArray[np.float32] = field(repr=False)
    train_labels: NDArray[np.int64] = field(repr=False)
    test_images: NDArray[np.float32] = field(repr=False)
    test_labels: NDArray[np.int64] = field(repr=False)
    class_count: int = CLASS_COUNT

    def limited(self, train_samples: int, test_samples: int) -> "DataSet":
        """Keep at most the first ``train_samples`` and ``test_samples``; 0 keeps all."""
        return replace(
            self,
            train_images=self.train_images[: train_samples or None],
            train_labels=self.train_labels[: train_samples or None],
            test_images=self.test_images[: test_samples or None],
            test_labels=self.test_labels[: test_samples or None],
        )


class Batches:
    """Order of the training samples, recomputed from the seed at any step.

    Epoch ``e`` visits the samples in the permutation drawn from ``generator(seed, "data", e)``;
    its last batch holds what is left and may be smaller.

    Parameters
    ----------
    sample_count, batch_size : int
        Samples in an epoch and in a step, at least 1.
    seed : int
        Seed of the run.
    """

    def __init__(self, sample_count: int, batch_size: int, seed: int):
        self.sample_count = sample_count
        self.batch_size = batch_size
        self.steps_per_epoch = -(-sample_count // batch_size)
        self._seed = seed
        self._epoch = -1
        self._order = np.empty(0, np.int64)

    def order(self, epoch: int) -> NDArray[np.int64]:
        """Sample numbers of a whole epoch."""
        if epoch != self._epoch:
            random = generator(self._seed, "data", epoch)
            self._epoch, self._order = epoch, random.permutation(self.sample_count)
        return self._order

    def sizes(self, epoch: int) -> NDArray[np.int64]:
        """Count the samples in each step of epoch ``epoch``."""
        first = epoch * self.steps_per_epoch
        steps = range(first, first + self.steps_per_epoch)
        return np.array([len(self.indices(step)) for step in steps])

    def indices(self, step: int) -> NDArray[np.int64]:
        """Sample numbers of step ``step``, counted from the start of the run."""
        epoch, batch = divmod(step, self.steps_per_epoch)
        return self.order(epoch)[batch * self.batch_size : (batch + 1) * self.batch_size]


def load(path: Path | None) -> DataSet:
    """Read a data set, every file checked before use.

    Parameters
    ----------
    path : Path or None
        Folder with the four IDX files of MNIST or Fashion-MNIST, or with ``test_batch.bin`` and
        any of ``data_batch_1.bin`` to ``data_batch_5.bin`` of CIFAR-10, each plain or ``.gz``.
        None takes the 8x8 digits of scikit-learn, 1437 for training and 360 for test.

    Raises
    ------
    DataError
        If the folder or a file breaks a rule: one line with its name and the rule.
    """
    if path is None:
        return _digits()
    if not path.is_dir():
        raise DataError(f"{path}: must be a folder{'' if path.exists() else ' that exists'}")
    if any(find(path, *names) for names in _IDX_NAMES):
        return _idx(path)
    if any(find(path, name) for name in (*_CIFAR_TRAIN, _CIFAR_TEST)):
        return _cifar(path)
    raise DataError(f"{path}: must hold IDX files ({_IDX_NAMES[0][0]}, ...) or CIFAR-10 .bin files")


def _digits() -> DataSet:
    from sklearn.datasets import load_digits  # 1 s to import, wanted only here

    images, labels = load_digits(return_X_y=True)
    order = generator(0, "digits", "split").permutation(len(labels))
    images = (images[order] / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    labels = labels[order].astype(np.int64)
    return DataSet(
        name="digits",
        train_images=images[:_DIGITS_TRAIN],
        train_labels=labels[:_DIGITS_TRAIN],
        test_images=images[_DIGITS_TRAIN:],
        test_labels=labels[_DIGITS_TRAIN:],
    )


def _idx(folder: Path) -> DataSet:
    files = [_needed(folder, *names) for names in _IDX_NAMES]
    train, test = _idx_pair(*files[:2]), _idx_pair(*files[2:])
    if train[0].shape[1:] != test[0].shape[1:]:
        raise DataError(
            f"{files[2]}: images must be of shape {train[0].shape[1:]} as in "
            f"{files[0].name}, not {test[0].shape[1:]}"
        )
    return _data_set(folder, train, test)


def _idx_pair(images_path: Path, labels_path: Path) -> Labelled:
    images, labels = read_images(images_path), read_labels(labels_path)
    if len(images) != len(labels):
        raise DataError(
            f"{labels_path}: must hold {len(images)} labels, one for each image of "
            f"{images_path.name}, not {len(labels)}"
        )
    return images[:, None], labels


def _cifar(folder: Path) -> DataSet:
    files = [file for name in _CIFAR_TRAIN if (file := find(folder, name))]
    test = read_cifar(_needed(folder, _CIFAR_TEST))
    pairs = [read_cifar(file) for file in files or [_needed(folder, _CIFAR_TRAIN[0])]]
    images, labels = zip(*pairs, strict=True)
    return _data_set(folder, (np.concatenate(images), np.concatenate(labels)), test)


def _needed(folder: Path, *names: str) -> Path:
    file = find(folder, *names)
    if file is None:
        raise DataError(f"{folder / names[0]}: must be in the folder, plain or .gz")
    return file


def _data_set(folder: Path, train: Labelled, test: Labelled) -> DataSet:
    return DataSet(
        name=folder.resolve().name,
        train_images=np.divide(train[0], 255, dtype=np.float32),
        train_labels=train[1].astype(np.int64),
        test_images=np.divide(test[0], 255, dtype=np.float32),
        test_labels=test[1].astype(np.int64),
    )
