"""Built files by the hash of what they are made from, safe against other processes and kills."""

import hashlib
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from sim import toolchain

STALE = 24 * 3600.0  # seconds after which a build folder must be left over from a killed process


def content_key(*parts: str) -> str:
    """Hash of the parts and of where one ends."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode())
    return digest.hexdigest()[:32]


def cached(name: str, make: Callable[[Path], Path]) -> Path:
    """Return the file ``name`` of the kernel cache.

    If it is not there, ``make(folder)`` is called with an empty folder and returns the file made
    in it, which then appears under its name all at once. Callers in other threads and processes
    wait for it.
    """
    store = toolchain.cache_dir() / "kernels"
    store.mkdir(exist_ok=True)
    path = store / name
    if path.exists():
        return path
    with toolchain.locked(f"kernel-{name}"):
        if not path.exists():
            _sweep(store)
            with tempfile.TemporaryDirectory(prefix="build-", dir=store) as folder:
                make(Path(folder)).replace(path)
    return path


def _sweep(store: Path) -> None:
    for folder in store.glob("build-*"):
        with suppress(FileNotFoundError):  # its owner may be done with it just now
            if time.time() - folder.stat().st_mtime > STALE:
                shutil.rmtree(folder, ignore_errors=True)
