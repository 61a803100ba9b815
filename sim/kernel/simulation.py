"""One run of a compiled tile: its streams with random gaps, and its macro on the pins."""

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.cosim.packing import pack_fields, word_array
from sim.cosim.results import STREAMS_OUT
from sim.cosim.steps import Step, patience
from sim.kernel.tile_macro import Physics

GEOMETRY = (  # of tile_pins.h
    *("rows", "columns", "adc_count", "adc_bits"),
    *("slice_bits", "range_count", "settle_cycles"),
)
BOARD = len(STREAMS_OUT)  # number of the board's first result
ENDLESS = 2**62
IDLE, CUT, STUCK, EARLY, FAILED = range(5)  # enum Status of tile.cpp.in
FAULTS = {STUCK: "is stuck", EARLY: "is idle before it took all words"}


class Simulation:
    """A tile from its power-up.

    Parameters
    ----------
    library : CDLL
        As :func:`declared` gives it.
    layouts : mapping
        ``describe(tile)["streams"]``.
    geometry : sequence of int
        Values of `GEOMETRY`.
    seed : int
        Of the gaps on every stream.
    p_stall : float
        Probability of a gap in a cycle, for each side of each stream.

    Attributes
    ----------
    levels, held : ndarray
        What the physics shares with the C++ code: int64 [lines]; float32, for every converter
        and setting of the mux.
    """

    def __init__(
        self,
        library: ctypes.CDLL,
        layouts: Mapping[str, Any],
        geometry: Sequence[int],
        *,
        seed: int,
        p_stall: float,
    ):
        self.library, self.layouts, self.p_stall = library, layouts, p_stall
        rows, columns, adc_count, *_ = geometry
        lines = max(rows, columns)
        self.levels = np.zeros(lines, np.int64)
        self.held = np.zeros(-(-lines // adc_count) * adc_count, np.float32)
        numbers = (ctypes.c_int64 * len(GEOMETRY))(*geometry)
        shared = self.levels.ctypes.data, self.held.ctypes.data
        threshold = int(p_stall * 2**64)
        self.handle = library.tile_new(numbers, seed % 2**64, threshold, *shared)

    def __del__(self):
        if hasattr(self, "handle"):
            self.library.tile_delete(self.handle)

    def reset(self) -> None:
        """Reset the tile."""
        self.library.tile_reset(self.handle)

    def begin(self, mode: int, samples: int, physics: Physics | None) -> None:
        """Start an operation: forget what left the tile; what its board expects."""
        function = ctypes.cast(physics.function, ctypes.c_void_p) if physics else None
        argument = physics.argument if physics else None
        self.library.tile_begin(self.handle, mode, samples, function, argument)

    def step(
        self, step: Step, name: str, bare: int, budget: int, physics: Physics | None
    ) -> tuple[int, int, int]:
        """Status, cycles, and cycles since the command was taken.

        ``name`` and ``bare`` are those of the step: its name in messages, its cycles without
        stalls. With ``budget`` cycles the step is cut off.
        """
        layouts, count = self.layouts, len(step.words)
        command = word_array(
            [pack_fields(layouts["i_command"], step.command)], layouts["i_command"]["width"]
        )
        words = word_array(step.words, layouts["i"]["width"])
        limit, moved = patience(bare, self.p_stall), (ctypes.c_int64 * 3)()
        status = self.library.tile_step(
            self.handle, command.ctypes.data, words.ctypes.data, count, limit, budget, moved
        )
        left, spent, busy = moved
        if status == FAILED:
            assert physics is not None
            physics.fail()
        if status in FAULTS:
            raise RuntimeError(
                f"the tile {FAULTS[status]} in {name}: "
                f"{count - left} of {count} words went in within {spent} cycles"
            )
        return status, spent, busy

    def taken(self) -> dict[str, NDArray[np.uint32]]:
        """Words of each stream out, as :func:`sim.cosim.packing.word_array` gives them."""
        return {
            name: self.result(which, np.uint32).reshape(-1, _words(self.layouts[name]))
            for which, name in enumerate(STREAMS_OUT)
        }

    def result(self, which: int, kind: type[np.integer]) -> NDArray[Any]:
        """Give result ``which`` of tile_result."""
        count = ctypes.c_int64()
        address = self.library.tile_result(self.handle, which, count)
        size = count.value * np.dtype(kind).itemsize
        return np.frombuffer(ctypes.string_at(address, size) if size else b"", kind)


def check_stalls(p_stall: float) -> None:
    """Raise ValueError unless ``p_stall`` is a probability below 1."""
    if not 0 <= p_stall < 1:
        raise ValueError(f"p_stall must be at least 0 and below 1, not {p_stall!r}")


def declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """Return the library of a tile with the types of its functions."""
    number, natural, pointer = ctypes.c_int64, ctypes.c_uint64, ctypes.c_void_p
    signatures = {
        "tile_new": (pointer, [pointer, natural, natural, pointer, pointer]),
        "tile_delete": (None, [pointer]),
        "tile_reset": (None, [pointer]),
        "tile_begin": (None, [pointer, number, number, pointer, pointer]),
        "tile_step": (number, [pointer] * 3 + [number] * 3 + [pointer]),
        "tile_result": (pointer, [pointer, number, ctypes.POINTER(number)]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _words(layout: Mapping[str, Any]) -> int:
    return word_array([0], layout["width"]).shape[1]
