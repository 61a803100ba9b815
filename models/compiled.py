"""Compilation of loops that no array operation can express: each turn depends on the last.

Floating-point operations stay as written (no reordering, no contraction), so results are the same
on every machine; ``exp``, ``log`` and ``pow`` of the machine's library must not be used in them.
Compiled code is kept in the cache folder, apart for each state of the sources: numba itself would
not notice that a function changed which another file has inlined.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])


def _sources() -> str:
    """Hash of every file of this room that has compiled functions."""
    room, found = Path(__file__).parent, hashlib.sha256()
    for path in sorted(room.rglob("*.py")):
        text = path.read_bytes()
        if b"models.compiled" in text:
            found.update(text)
    return found.hexdigest()[:16]


_base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "imctwin"
_folder = Path(os.environ.get("IMCTWIN_CACHE") or _base) / "numba" / _sources()
os.environ.setdefault("NUMBA_CACHE_DIR", str(_folder))

import numba  # noqa: E402 - it reads the folder when it is imported


def compiled(function: F) -> F:
    """Compile a function of numbers and numpy arrays when it is first called; kept on disk.

    It lets go of Python's lock while it runs. Integers wrap, indices are not checked.
    """
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def inlined(function: F) -> F:
    """Compile a function that compiled ones call for every element."""
    options = {"cache": True, "nogil": True, "error_model": "numpy", "inline": "always"}
    return cast(F, numba.njit(**options)(function))
