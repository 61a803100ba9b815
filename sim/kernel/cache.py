"""Built files by the hash of what they are made from, safe against other processes and kills.

Beside a file lies its record: what unit it was made for, and the size and checksum by which a file
that a power cut has damaged is seen. A file is built in a folder ``build-<file>+<random>`` by who
holds the lock of that file, so a folder whose lock nobody holds is left over from a killed process.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import asdict, dataclass
from pathlib import Path

from sim import toolchain
from sim.kernel.locks import held

RECORD = ".record"
UNKNOWN = "?"
_unit: ContextVar[str] = ContextVar("unit", default=UNKNOWN)


@dataclass(frozen=True)
class Record:
    """What is known of a cached file.

    Attributes
    ----------
    unit, kind : str
        What it was first made for, and what it is; ``"?"`` if nobody said.
    size : int
        Bytes.
    sha256 : str
        Checksum of the content.
    """

    unit: str
    kind: str
    size: int
    sha256: str


def content_key(*parts: str) -> str:
    """Hash of the parts and of where one ends."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()[:32]


@contextmanager
def made_for(unit: str) -> Generator[None]:
    """Name the unit for which files are cached meanwhile."""
    token = _unit.set(unit)
    try:
        yield
    finally:
        _unit.reset(token)


def store() -> Path:
    """Folder of the kernel cache."""
    path = toolchain.cache_dir() / "kernels"
    path.mkdir(exist_ok=True)
    return path


def lock_path(name: str) -> Path:
    """Lock file of who builds or deletes the file ``name``."""
    return toolchain.cache_dir() / "locks" / f"kernel-{name}"


def lock(name: str, *, wait: bool = True) -> AbstractContextManager[bool]:
    """Hold the lock of the file ``name``; gives whether that was possible."""
    return held(lock_path(name), wait=wait)


def cached(name: str, make: Callable[[Path], Path], kind: str = UNKNOWN) -> Path:
    """Return the file ``name`` of the kernel cache.

    If it is not there or damaged, ``make(folder)`` is called with an empty folder and returns the
    file made in it, which then appears under its name all at once. Callers in other threads and
    processes wait for it. ``kind`` is what :mod:`sim.kernel.inventory` calls it.
    """
    path = store() / name
    if _is_sound(path):
        return path
    with lock(name):
        if not _is_sound(path):
            if path.exists():
                print(f"imctwin: cached file {name} is damaged: building again", file=sys.stderr)
            _sweep(path)
            _build(path, make, kind)
    return path


def recorded(path: Path) -> Record | None:
    """Return the record of a cached file; None if there is none that can be read."""
    try:
        return Record(**json.loads(record_path(path).read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def record_path(path: Path) -> Path:
    """Where the record of the cached file ``path`` lies."""
    return path.with_name(path.name + RECORD)


def build_folders(folder: Path) -> Iterator[Path]:
    """Folders in which files are being built, or were by a killed process."""
    return folder.glob("build-*+*")


def built_name(folder: Path) -> str:
    """Name of the file that is built in a folder."""
    return folder.name.removeprefix("build-").rpartition("+")[0]


def _is_sound(path: Path) -> bool:
    """Tell whether the file is there and as recorded; if so its age counts from now."""
    try:
        found = path.stat().st_size, _checksum(path)
    except FileNotFoundError:
        return False
    record = recorded(path)
    if record_path(path).exists() and (not record or found != (record.size, record.sha256)):
        return False
    with suppress(OSError):
        os.utime(path)
    return True


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _build(path: Path, make: Callable[[Path], Path], kind: str) -> None:
    prefix = f"build-{path.name}+"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=path.parent) as folder:
        made = make(Path(folder))
        note = Record(_unit.get(), kind, made.stat().st_size, _checksum(made))
        record = record_path(Path(folder) / path.name)
        record.write_text(json.dumps(asdict(note)))
        for file in (made, record):
            _to_disk(file)  # before its name is: else a power cut leaves the name of an empty file
        record.replace(record_path(path))
        made.replace(path)


def _to_disk(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _sweep(path: Path) -> None:
    """Delete what killed builds have left; the caller holds the lock of ``path``."""
    for folder in build_folders(path.parent):
        name = built_name(folder)
        if name == path.name:
            shutil.rmtree(folder, ignore_errors=True)
            continue
        with lock(name, wait=False) as free:
            if free:
                shutil.rmtree(folder, ignore_errors=True)  # a compiler may still write there
