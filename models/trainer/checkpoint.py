"""Checkpoints: arrays and JSON in one .npz file that knows when a byte of it has changed.

The file is a plain .npz without pickle: each array under ``array/<name>``, the meta data as JSON
bytes under ``meta``. Its zip comment is ``imctwin-1:`` and the SHA-256 of everything before that,
so `load` refuses any other file and any changed byte, even in parts that zip readers skip.
"""

import hashlib
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from models.trainer.layers import Array

_MARK = b"imctwin-1:"
_COMMENT_SIZE = len(_MARK) + 64


class CheckpointError(ValueError):
    """A checkpoint that cannot be written, read or used; the message is one line naming it."""


def save(path: Path, arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> None:
    """Write a checkpoint so that ``path`` holds the old file or the new one, never a part.

    Same arrays and meta data, same bytes.

    Parameters
    ----------
    path : Path
        File to write, in a folder that exists; a temporary file beside it is renamed onto it.
    arrays : dict of str to array
        No object arrays.
    meta : dict
        What `json` can write.

    Raises
    ------
    CheckpointError
        If the file cannot be written.
    """
    content = _packed(arrays, meta)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise CheckpointError(
            f"{path}: checkpoint cannot be written ({error.strerror or error})"
        ) from error
    finally:
        _remove(temporary)


def load(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """Read what `save` wrote.

    Raises
    ------
    CheckpointError
        If the file cannot be read, is no checkpoint, or has changed since it was written.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"{path}: checkpoint cannot be read ({error.strerror or error})"
        ) from error
    body, comment = content[:-_COMMENT_SIZE], content[-_COMMENT_SIZE:]
    if not comment.startswith(_MARK) or comment != _comment(body):
        raise CheckpointError(f"{path}: must be a whole, unchanged checkpoint of imctwin")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            meta = json.loads(file["meta"].tobytes())
            names = [name for name in file.files if name.startswith("array/")]
            return {name.removeprefix("array/"): file[name] for name in names}, meta
    except (BadZipFile, KeyError, ValueError) as error:
        raise CheckpointError(f"{path}: must be a checkpoint of imctwin ({error})") from error


def check_folder(path: Path) -> None:
    """Raise CheckpointError now if `save` could not write ``path`` later."""
    if not path.parent.is_dir():
        raise CheckpointError(f"{path}: checkpoint must go into a folder that exists")
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise CheckpointError(f"{path}: checkpoint must be a file in a folder one may write")


def _packed(arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> bytes:
    text = json.dumps(meta, sort_keys=True).encode()
    members = {f"array/{name}": np.asarray(value) for name, value in sorted(arrays.items())}
    members["meta"] = np.frombuffer(text, np.uint8)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **members)
    # A zip file ends with the two-byte length of its comment, 0 so far, and the comment.
    body = buffer.getvalue()[:-2] + _COMMENT_SIZE.to_bytes(2, "little")
    return body + _comment(body)


def _comment(body: bytes) -> bytes:
    return _MARK + hashlib.sha256(body).hexdigest().encode()


def _sync_folder(folder: Path) -> None:
    """Make the rename itself outlive a power cut, where the system can open folders."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(temporary: Path) -> None:
    try:
        temporary.unlink(missing_ok=True)
    except OSError:  # a folder that is no folder has nothing to remove
        return
