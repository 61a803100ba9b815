"""Lock files that go away with their lock."""

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def held(path: Path, *, wait: bool = True) -> Generator[bool]:
    """Hold the lock file ``path`` against other threads and processes; it is deleted at the end.

    Gives whether it is held: always, unless ``wait`` is False and another holds it. A killed
    holder gives the lock free and leaves the file behind, which does no harm.
    """
    file = _acquired(path, wait)
    try:
        yield file is not None
    finally:
        if file is not None:
            path.unlink(missing_ok=True)
            file.close()


def is_held(path: Path) -> bool:
    """Tell whether someone holds the lock file ``path`` just now."""
    with suppress(FileNotFoundError), path.open() as file:
        return not _locked(file, wait=False)
    return False


def _acquired(path: Path, wait: bool) -> IO[str] | None:
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file = path.open("w")
        if not _locked(file, wait):
            file.close()
            return None
        if _is_same(file, path):
            return file
        file.close()  # the holder that we waited for has deleted it


def _locked(file: IO[str], wait: bool) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _is_same(file: IO[str], path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
