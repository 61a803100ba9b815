"""Samples of the shape of MNIST, in a small file that every worker reads."""

from pathlib import Path

import numpy as np

from models.config.toml import ConfigError
from models.trainer.data import load

COUNT = 2048
SIDE = 28
SCALE = 3  # of an 8x8 digit: 24x24, with a border of 2 as MNIST has about


def write_samples(folder: Path, data: Path | None) -> Path:
    """Write images [n, 1, 28, 28] and labels of MNIST in ``data``, or of enlarged digits.

    Raises
    ------
    DataError
        If ``data`` holds no data set that can be read.
    ConfigError
        If its images are of another shape.
    """
    found = load(data)
    images, labels = found.train_images[:COUNT], found.train_labels[:COUNT]
    if data is None:
        images = _enlarged(images)
    if images.shape[1:] != (1, SIDE, SIDE):
        raise ConfigError(f"--data must hold images of shape (1, 28, 28), not {images.shape[1:]}")
    path = folder / "samples.npz"
    np.savez(path, images=images, labels=labels)
    return path


def _enlarged(images: np.ndarray) -> np.ndarray:
    border = (SIDE - images.shape[-1] * SCALE) // 2
    large = images.repeat(SCALE, axis=2).repeat(SCALE, axis=3)
    return np.pad(large, ((0, 0), (0, 0), (border, border), (border, border)))
