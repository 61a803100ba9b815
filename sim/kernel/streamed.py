"""Clocked models: a library that streams beats through a design with state."""

import ctypes
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np


class Streamed:
    """The design in the library that ``make`` builds; see wrapper.cpp.in."""

    broadcasts = False

    def __init__(self, make: Callable[[], Path]):
        self._make = make
        self._lock = threading.Lock()
        self._library: ctypes.CDLL | None = None
        self._model: _Model | None = None

    def build(self) -> None:
        """Compile unless that is done."""
        with self._lock:
            if self._library is None:
                self._library = _declare(ctypes.CDLL(str(self._make())))

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


class _Model:
    """One instance of the design with its state."""

    def __init__(self, library: ctypes.CDLL):
        self.library = library
        self.handle = library.model_new()

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

    def __del__(self):
        self.library.model_delete(self.handle)


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    number, pointer = ctypes.c_int64, ctypes.c_void_p
    library.model_new.argtypes = []
    library.model_new.restype = pointer
    library.model_delete.argtypes = [pointer]
    library.model_delete.restype = None
    arguments = [pointer, number, number, pointer, number, pointer, number, pointer, pointer]
    library.model_run.argtypes = arguments
    library.model_run.restype = number
    return library


def pointers(arrays: list[np.ndarray]) -> ctypes.Array[ctypes.c_void_p]:
    """Addresses of the data of arrays, for C."""
    return (ctypes.c_void_p * len(arrays))(*[array.ctypes.data for array in arrays])
