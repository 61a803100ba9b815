"""Bit-sliced models: 512 beats, or 512 instances, at a time through the netlist of a unit."""

import ctypes
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sim.kernel.bitslice import Netlist
from sim.kernel.build import compiled
from sim.kernel.lockstep import Lockstep
from sim.kernel.slices import UNIT, each, filled, hold, hold_statics
from sim.kernel.streamed import pointers
from sim.kernel.wrapper import EXTRA, STUCK, Field, Port

TEMPLATE = Path(__file__).with_name("sliced.cpp.in")


class Sliced:
    """The netlist that ``make`` builds behind the ports ``i``, ``o`` and ``statics``.

    ``latency`` is that of the unit's pipeline, for messages alone: without state there is no clock.
    """

    broadcasts = True

    def __init__(
        self,
        make: Callable[[], Netlist],
        i: Port | None,
        o: Port,
        statics: list[Port],
        latency: int,
    ):
        self._make, self._ports, self._latency = make, (i, o, statics), latency
        self._lock = threading.Lock()
        self._model: FeedForward | Lockstep | None = None

    def build(self) -> None:
        """Compile unless that is done."""
        with self._lock:
            if self._model is not None:
                return
            netlist, (i, o, statics) = self._make(), self._ports
            if netlist.registers is None and i is not None:
                self._model = FeedForward(netlist, i, o, statics, self._latency)
            else:
                self._model = Lockstep(netlist, i, o, statics)

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
        assert self._model is not None
        return self._model.run(keep_state, patience, words, count, arrays, expected, results)

    def reset(self) -> None:
        """Forget the kept state."""
        if isinstance(self._model, Lockstep):
            self._model.reset()

    def run_rows(
        self,
        patience: int,
        words: np.ndarray,
        lead: tuple[int, ...],
        beats: int,
        arrays: list[np.ndarray],
        results: list[np.ndarray],
    ) -> tuple[int, list[int]] | None:
        """Run packets that are rows of arrays where the model can; see `Lockstep`."""
        if not isinstance(self._model, Lockstep):
            return None
        return self._model.run_rows(patience, words, lead, beats, arrays, results)


class FeedForward:
    """A unit without state: every beat is on its own, and there is no clock."""

    def __init__(self, netlist: Netlist, i: Port, o: Port, statics: list[Port], latency: int):
        self._fields, self._latency = i.fields, latency
        library = ctypes.CDLL(str(compiled({"unit.cpp": source(netlist, i, o, statics)})))
        pointer = ctypes.c_void_p
        library.run.argtypes = [pointer, ctypes.c_int64, pointer, pointer, pointer]
        library.run.restype = None
        self._library = library

    def run(self, _keep_state, _patience, words, count, arrays, expected, results):
        """Return what the pipeline would have counted, and 0 cycles."""
        if expected < count:
            return EXTRA, [min(count, expected + self._latency), expected, 0]
        pairs = zip(arrays, self._fields, strict=True)
        held = np.array([array.shape != field.shape(count) for array, field in pairs], np.uint8)
        given = words.ctypes.data, count, pointers(arrays), held.ctypes.data, pointers(results)
        self._library.run(*given)
        return (STUCK if expected > count else 0), [count, count, 0]


def source(netlist: Netlist, i: Port, o: Port, statics: list[Port]) -> str:
    """Return the C++ of ``run`` around a netlist of the name ``UNIT``."""
    fields = [field for field in (*i.fields, *o.fields) if field.width]
    parts = {
        "WIDEST": [str(max(8 * field.dtype.itemsize for field in fields))],
        "INPUTS": [str(max(netlist.inputs, 1))],
        "OUTPUTS": [str(netlist.outputs)],
        "NAME": [UNIT],
        "STATIC": hold_statics(statics, i.width),
        "HOLD": each(i.fields, hold),
        "TAKE": each(i.fields, _take),
        "GIVE": each(o.fields, _give),
    }
    return filled(netlist, TEMPLATE, parts)


def _take(index: int, field: Field, lane: str, place: str) -> str:
    word, stride = f"uint{8 * field.dtype.itemsize}_t", field.count or 1
    first = f"static_cast<const {word}*>(in[{index}]) + at * {stride} + {lane}"
    return (
        f"if (!held[{index}]) take<{word}, {field.width}>({first}, {stride}, n, inputs + {place});"
    )


def _give(index: int, field: Field, lane: str, place: str) -> str:
    word, stride = f"uint{8 * field.dtype.itemsize}_t", field.count or 1
    first = f"static_cast<{word}*>(out[{index}]) + at * {stride} + {lane}"
    kind = f"{word}, {field.width}, {'true' if field.signed else 'false'}"
    return f"give<{kind}>(outputs + {place}, {stride}, n, {first});"
