"""What lies in the kernel cache, and its deletion beside running builds."""

import re
import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sim import toolchain
from sim.kernel.cache import (
    RECORD,
    UNKNOWN,
    build_folders,
    built_name,
    lock_path,
    record_path,
    recorded,
    store,
)
from sim.kernel.locks import held, is_held

NAMES = re.compile(r"[0-9a-f]{32}(-[\w.-]+)?(\.\w+)?")  # what cached() is asked for
LOOPS_OF = re.compile(r"[0-9a-f]{16}")  # what models.compiled asks for
OBJECTS = re.compile(r"[0-9a-f]{64}\.o")  # what sim.objcache writes
FOLDER, LOCK, OBJECT, LOOPS = "build folder", "lock", "object", "loops"
SOURCES = ("netlist", "runtime")  # kinds that running builds read


@dataclass(frozen=True)
class Entry:
    """A file or folder of the cache.

    Attributes
    ----------
    path : Path
        Where it is.
    unit, kind : str
        What it was made for and what it is; ``"?"`` where that is not recorded.
    size : int
        Bytes, with its record.
    age_s : float
        Seconds since it was last used.
    """

    path: Path
    unit: str
    kind: str
    size: int
    age_s: float


def entries() -> list[Entry]:
    """Everything in the cache that this module may delete, used last first."""
    cache, now = toolchain.cache_dir(), time.time()
    files = [path for path in store().iterdir() if NAMES.fullmatch(path.name)]
    found = [_file(path, now) for path in files if path.suffix != RECORD]
    found += [
        _entry(path, UNKNOWN, OBJECT, [path], now)
        for path in (cache / "objects").glob("*.o")
        if OBJECTS.fullmatch(path.name)
    ]
    found += [
        _entry(path, UNKNOWN, FOLDER, path.rglob("*"), now) for path in build_folders(store())
    ]
    compiled = (path for path in (cache / "numba").glob("*") if LOOPS_OF.fullmatch(path.name))
    loops = (_entry(path, "models", LOOPS, path.rglob("*"), now) for path in compiled)
    found += [entry for entry in loops if entry and entry.size]
    locks = (cache / "locks").glob("kernel-*")
    found += [_entry(path, UNKNOWN, LOCK, [path], now) for path in locks]
    return sorted((entry for entry in found if entry), key=lambda entry: entry.age_s)


def clear(chosen: Iterable[Entry], *, dry_run: bool = False) -> tuple[list[Entry], list[Entry]]:
    """Delete the entries that no running build holds.

    Netlists and objects of the run-time library stay while any build runs: it may be reading them.

    Parameters
    ----------
    chosen : iterable of Entry
        Of those that :func:`entries` gives.
    dry_run : bool
        Delete nothing.

    Returns
    -------
    tuple of list of Entry
        What went, or would go, and what stayed.
    """
    gone, kept = [], []
    is_busy = any(is_held(path) for path in (toolchain.cache_dir() / "locks").glob("kernel-*"))
    for entry in chosen:
        stays = (entry.kind in SOURCES and is_busy) or not _delete(entry, dry_run)
        (kept if stays else gone).append(entry)
    return gone, kept


def _file(path: Path, now: float) -> Entry | None:
    record = recorded(path)
    unit, kind = (record.unit, record.kind) if record else (UNKNOWN, UNKNOWN)
    return _entry(path, unit, kind, [path, record_path(path)], now)


def _entry(path: Path, unit: str, kind: str, parts: Iterable[Path], now: float) -> Entry | None:
    """Describe ``path``, made of ``parts``; None if it has gone meanwhile."""
    try:
        age = now - path.stat().st_mtime
        size = sum(part.stat().st_size for part in parts if part.is_file())
    except FileNotFoundError:
        return None
    return Entry(path, unit, kind, size, max(age, 0.0))


def _delete(entry: Entry, dry_run: bool) -> bool:
    """Delete an entry; False if a running build holds it."""
    path = entry.path
    if entry.kind == OBJECT:  # who uses one copies it
        if not dry_run:
            path.unlink(missing_ok=True)
        return True
    if entry.kind == LOOPS:  # folders stay: a process may be about to write in them
        for part in path.rglob("*") if not dry_run else ():
            if part.is_file():
                part.unlink(missing_ok=True)
        return True
    if dry_run:
        return not is_held(_lock_of(entry))
    with held(_lock_of(entry), wait=False) as free:  # deletes a lock file itself
        if free and entry.kind == FOLDER:
            shutil.rmtree(path, ignore_errors=True)
        elif free and entry.kind != LOCK:
            path.unlink(missing_ok=True)
            record_path(path).unlink(missing_ok=True)
        return free


def _lock_of(entry: Entry) -> Path:
    if entry.kind == LOCK:
        return entry.path
    return lock_path(built_name(entry.path) if entry.kind == FOLDER else entry.path.name)
