"""Clocked models: a library that streams beats through a design with state."""

import ctypes
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.kernel.memories import Memory, parsed


class Streamed:
    """The design in the library that ``make`` builds; see wrapper.cpp.in."""

    broadcasts = False

    def __init__(self, make: Callable[[], Path]):
        self._make = make
        self._lock = threading.Lock()
        self._library: ctypes.CDLL | None = None
        self._model: _Model | None = None
        self.memories: dict[str, Memory] = {}

    def build(self) -> None:
        """Compile unless that is done."""
        with self._lock:
            if self._library is None:
                library = _declare(ctypes.CDLL(str(self._make())))
                self.memories = parsed(library.model_memories().decode())
                self._library = library

    def run(
        self,
        keep_state: bool,
        patience: int,
        words: np.ndarray,
        count: int,
        arrays: list[np.ndarray],
        expected: int,
        results: list[np.ndarray],
    ) -> tuple[int, list[int]]:
        """Return the status and how many inputs went in, outputs came out and cycles passed."""
        assert self._library is not None
        arguments = patience, words, count, arrays, expected, results
        if not keep_state:
            return _Model(self._library).run(True, *arguments)
        with self._lock:
            is_new = self._model is None
            self._model = self._model or _Model(self._library)
            return self._model.run(is_new, *arguments)

    def move_memory(self, name: str, rows: NDArray, *, is_load: bool) -> None:
        """Copy a memory of the kept state to ``rows`` [depth] or [depth, bytes], or from them."""
        assert self._library is not None
        with self._lock:
            if self._model is None:
                self._model = _Model(self._library)
                self._library.model_reset(self._model.handle)
            index, size = list(self.memories).index(name), rows.nbytes // len(rows)
            address = rows.ctypes.data
            self._library.model_memory(self._model.handle, index, is_load, address, size)

    def reset(self) -> None:
        """Forget the kept state."""
        with self._lock:
            self._model = None


class Handle:
    """What ``model_new`` of a library made, and ``model_delete`` is given in the end."""

    def __init__(self, library: ctypes.CDLL):
        self.library = library
        self.handle = library.model_new()

    def __del__(self):
        self.library.model_delete(self.handle)


class _Model(Handle):
    """One instance of the design with its state."""

    def run(self, do_reset, patience, words, count, arrays, expected, results):
        moved = (ctypes.c_int64 * 3)()
        status = self.library.model_run(
            self.handle,
            do_reset,
            patience,
            words.ctypes.data,
            count,
            pointers(arrays),
            expected,
            pointers(results),
            moved,
        )
        return status, list(moved)


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    number, pointer = ctypes.c_int64, ctypes.c_void_p
    library.model_new.argtypes = []
    library.model_new.restype = pointer
    for function in (library.model_delete, library.model_reset):
        function.argtypes = [pointer]
        function.restype = None
    arguments = [pointer, number, number, pointer, number, pointer, number, pointer, pointer]
    library.model_run.argtypes = arguments
    library.model_run.restype = number
    library.model_memories.argtypes = []
    library.model_memories.restype = ctypes.c_char_p
    library.model_memory.argtypes = [pointer, number, number, pointer, number]
    library.model_memory.restype = None
    return library


def pointers(arrays: list[np.ndarray]) -> ctypes.Array[ctypes.c_void_p]:
    """Addresses of the data of arrays, for C."""
    return (ctypes.c_void_p * len(arrays))(*[array.ctypes.data for array in arrays])
