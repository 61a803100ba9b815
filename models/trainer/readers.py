"""Readers of the MNIST family (IDX) and CIFAR-10 (binary) files that check every byte count.

Formats: http://yann.lecun.com/exdb/mnist and https://www.cs.toronto.edu/~kriz/cifar.html. Each
reader raises `DataError`, one line that names the file and the rule it breaks.
"""

import gzip
import math
import struct
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from io import BufferedIOBase
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CLASS_COUNT = 10
CIFAR_RECORDS = 10_000  # images in each CIFAR-10 file
CIFAR_SHAPE = (3, 32, 32)

_KINDS = {0x0803: "images", 0x0801: "labels"}
_PIECE = 1 << 20

Bytes = NDArray[np.uint8]


class DataError(ValueError):
    """A data file or folder that breaks a rule; the message is one line naming it."""


def find(folder: Path, *names: str) -> Path | None:
    """First of ``names``, plain or with ``.gz`` added, that exists in ``folder``."""
    for name in names:
        for candidate in (folder / name, folder / f"{name}.gz"):
            if candidate.exists():
                return candidate
    return None


def read_images(path: Path) -> Bytes:
    """Images of an IDX file, shape [n, rows, columns]."""
    return _read_idx(path, 0x0803)


def read_labels(path: Path) -> Bytes:
    """Labels of an IDX file, each below `CLASS_COUNT`."""
    labels = _read_idx(path, 0x0801)
    _check_labels(path, labels)
    return labels


def read_cifar(path: Path) -> tuple[Bytes, Bytes]:
    """Images [n, 3, 32, 32] and labels of one CIFAR-10 binary file."""
    record = 1 + math.prod(CIFAR_SHAPE)
    with _reading(path) as file:
        content = _read_exactly(path, file, CIFAR_RECORDS * record, "bytes")
    records = np.frombuffer(content, np.uint8).reshape(CIFAR_RECORDS, record)
    _check_labels(path, records[:, 0])
    return records[:, 1:].reshape(-1, *CIFAR_SHAPE), records[:, 0]


def _read_idx(path: Path, magic: int) -> Bytes:
    dimensions = magic & 0xFF
    with _reading(path) as file:
        header = file.read(4 + 4 * dimensions)
        shape = _idx_shape(path, header, magic)
        content = _read_exactly(path, file, math.prod(shape), "bytes after the header")
    return np.frombuffer(content, np.uint8).reshape(shape)


def _idx_shape(path: Path, header: bytes, magic: int) -> tuple[int, ...]:
    if len(header) >= 4:
        found = int.from_bytes(header[:4], "big")
        if found != magic:
            kind = f" ({_KINDS[found]})" if found in _KINDS else ""
            raise DataError(
                f"{path}: magic must be {magic:#010x} ({_KINDS[magic]}), not {found:#010x}{kind}"
            )
    size = 4 + 4 * (magic & 0xFF)
    if len(header) < size:
        raise DataError(f"{path}: must hold a header of {size} bytes, not {len(header)}")
    shape = struct.unpack(f">{magic & 0xFF}I", header[4:])
    for value, high in zip(shape, (10**7, 4096, 4096), strict=False):
        if not 1 <= value <= high:
            raise DataError(f"{path}: dimension must be between 1 and {high}, not {value}")
    return shape


@contextmanager
def _reading(path: Path) -> Generator[BufferedIOBase, None, None]:
    """Open ``path``, through gzip if named so; whatever fails in reading becomes a DataError."""
    packed = path.suffix == ".gz"
    try:
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            yield file
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path}: must be a sound gzip file ({error})") from error
    except OSError as error:
        raise DataError(f"{path}: must be readable ({error.strerror or error})") from error


def _read_exactly(path: Path, file: BufferedIOBase, size: int, what: str) -> bytearray:
    """Read to the end of the file, which gzip needs to check its CRC; never far beyond ``size``."""
    content = bytearray()
    while len(content) <= size and (piece := file.read(min(_PIECE, size + 1 - len(content)))):
        content += piece
    if len(content) != size:
        found = "more" if len(content) > size else str(len(content))
        raise DataError(f"{path}: must hold exactly {size} {what}, not {found}")
    return content


def _check_labels(path: Path, labels: Bytes) -> None:
    wrong = np.flatnonzero(labels >= CLASS_COUNT)
    if wrong.size:
        raise DataError(
            f"{path}: labels must be between 0 and {CLASS_COUNT - 1}, "
            f"not {labels[wrong[0]]} (sample {wrong[0]})"
        )
