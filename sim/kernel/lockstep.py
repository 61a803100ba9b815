"""Bit-sliced models with state: 512 instances of a clocked unit, each with packets of its own."""

import ctypes
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sim.kernel.bitslice import Netlist
from sim.kernel.build import compiled
from sim.kernel.slices import UNIT, each, filled, hold, hold_statics
from sim.kernel.streamed import Handle, pointers
from sim.kernel.wrapper import Field, Port

APART = 3  # status of the template: instances do not keep step
TEMPLATE = Path(__file__).with_name("lockstep.cpp.in")


class Lockstep:
    """Instances of the unit, one per lane, that all see the same clock.

    A call without ``keep_state`` deals its packets (beats up to one with ``last`` set; single beats
    of a unit without such a field) to the lanes in turn, and every instance starts from reset. With
    ``keep_state``, for a source, and when another number of outputs is asked for than one per
    packet, the first instance does everything.
    """

    def __init__(self, netlist: Netlist, i: Port | None, o: Port, statics: list[Port]):
        self._fields = i.fields if i else ()
        library = ctypes.CDLL(str(compiled({"unit.cpp": source(netlist, i, o, statics)})))
        number, pointer = ctypes.c_int64, ctypes.c_void_p
        library.model_new.argtypes = []
        library.model_new.restype = pointer
        library.model_delete.argtypes = [pointer]
        library.model_delete.restype = None
        arguments = [pointer, number, *[pointer] * 4, number, number, number, pointer, pointer]
        library.model_run.argtypes = arguments
        library.model_run_rows.argtypes = [pointer, number, *[pointer] * 4, number, *[pointer] * 2]
        library.model_run_rows.restype = number
        library.model_run.restype = number
        self._library = library
        self._lock = threading.Lock()
        self._kept: _Model | None = None

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
        pairs = zip(arrays, self._fields, strict=True)
        held = np.array([a.shape != field.shape(count) for a, field in pairs] or [0], np.uint8)
        ends = self._ends(count, arrays)
        dealt = not keep_state and ends is not None and len(ends) == expected
        if dealt and ends is not None and are_alike(ends, count):
            lead, beats = (len(ends),), count // len(ends)
            triples = zip(arrays, self._fields, held, strict=True)
            rows = [a if h else a.reshape(*lead, beats, *f.shape(0)[1:]) for a, f, h in triples]
            done = self._run_rows(patience, words, lead, beats, rows, results)
            if done is not None:
                return done
        if not dealt or ends is None:
            ends = np.array([count], np.int64)[: min(count, 1)]
        elif count and (not len(ends) or ends[-1] < count):
            ends = np.append(ends, count)  # a packet without an end
        arguments = patience, words, arrays, held, ends, dealt, expected, results
        if not keep_state:
            return _Model(self._library).run(*arguments)
        with self._lock:
            self._kept = self._kept or _Model(self._library)
            return self._kept.run(*arguments)

    def run_rows(
        self,
        patience: int,
        words: np.ndarray,
        lead: tuple[int, ...],
        beats: int,
        arrays: list[np.ndarray],
        results: list[np.ndarray],
    ) -> tuple[int, list[int]] | None:
        """Run packets that are the rows of arrays [*lead, beats] or [*lead, beats, lanes].

        Arrays may have any strides but for their lanes, which are dense. None if that cannot be
        done: for other packets than rows, more than two leading axes, or instances that do not
        keep step.
        """
        if len(lead) > 2 or not self._are_rows(lead, beats, arrays):
            return None
        return self._run_rows(patience, words, lead, beats, arrays, results)

    def _run_rows(self, patience, words, lead, beats, arrays, results):
        p0, p1 = (1,) * (2 - len(lead)) + lead
        held, strides = [], [p1, beats]
        for field, array in zip(self._fields, arrays, strict=True):
            held.append(array.ndim < len(lead) + 1 + bool(field.count))
            if held[-1]:
                strides += [0, 0, 0]
                continue
            given = array.strides[: len(lead) + 1]
            strides += [0] * (3 - len(given)) + list(given)
        moved = (ctypes.c_int64 * 3)()
        model = _Model(self._library)
        held, given = np.array(held, np.uint8), np.array(strides, np.int64)
        status = self._library.model_run_rows(
            model.handle,
            patience,
            words.ctypes.data,
            pointers(arrays),
            held.ctypes.data,
            given.ctypes.data,
            p0 * p1,
            pointers(results),
            moved,
        )
        return None if status == APART else (status, list(moved))

    def reset(self) -> None:
        """Forget the kept state."""
        with self._lock:
            self._kept = None

    def _are_rows(self, lead: tuple[int, ...], beats: int, arrays: Sequence[np.ndarray]) -> bool:
        """Tell whether the rows are packets: ``last`` is set in their last beat alone."""
        for field, array in zip(self._fields, arrays, strict=True):
            if field.name == "last":
                rows = array if array.ndim else array.reshape(1)
                row = rows[(0,) * (rows.ndim - 1)]
                is_same = not any(rows.strides[:-1]) and len(row) == beats
                return is_same and bool(row[-1]) and not row[:-1].any()
        return bool(self._fields) and beats == 1

    def _ends(self, count: int, arrays: Sequence[np.ndarray]) -> NDArray[np.int64] | None:
        """Beats after which a packet has ended; None if there are no packets."""
        if not self._fields:
            return None
        for field, array in zip(self._fields, arrays, strict=True):
            if field.name == "last":
                marks = np.broadcast_to(array, count).astype(np.bool_, copy=False)
                return np.flatnonzero(marks) + 1
        return np.arange(1, count + 1)


def are_alike(ends: NDArray[np.int64], count: int) -> bool:
    """Tell whether the packets that end there are of one length and make up all beats."""
    if not len(ends) or count % len(ends) or ends[-1] != count:
        return False
    length = count // len(ends)
    return bool(ends[0] == length and (np.diff(ends) == length).all())


class _Model(Handle):
    """512 instances with their state."""

    def run(self, patience, words, arrays, held, ends, dealt, expected, results):
        moved = (ctypes.c_int64 * 3)()
        status = self.library.model_run(
            self.handle,
            patience,
            words.ctypes.data,
            pointers(arrays),
            held.ctypes.data,
            ends.ctypes.data,
            len(ends),
            dealt,
            expected,
            pointers(results),
            moved,
        )
        return status, list(moved)


def source(netlist: Netlist, i: Port | None, o: Port, statics: list[Port]) -> str:
    """Return the C++ around a clocked netlist of the name ``UNIT``."""
    given = [widened(field) for field in i.fields] if i else []
    found = [widened(field) for field in o.fields]
    sizes = {8 * field.dtype.itemsize for field in (*given, *found) if field.width}
    parts = {
        "INPUTS": [str(max(netlist.inputs, 1))],
        "OUTPUTS": [str(netlist.outputs)],
        "REGISTERS": [str(max(netlist.registers or 0, 1))],
        "PAYLOAD": [str(o.width)],
        "OFFER": [str(netlist.inputs - 1) if i else "0"],
        "HAS_INPUT": ["true" if i else "false"],
        "NAME": [UNIT],
        "STATIC": hold_statics(statics, i.width if i else 0),
        "HOLD": each(given, hold),
        "USES": [str(sum(sizes))],
        "FIELDS": [str(max(len(given), 1))],
        "SIZES": [", ".join(str(8 * field.dtype.itemsize) for field in given) or "8"],
        "TAKE_ROWS": each(given, _take_row),
        "TAKE": each(given, _take),
        "GIVE": each(found, _give),
    }
    return filled(netlist, TEMPLATE, parts)


def widened(field: Field) -> Field:
    """Return the field as fewer, wider lanes where they lie in memory as they do in the port."""
    total = field.count * field.width
    if field.width not in (8, 16, 32, 64) or not field.count:
        return field
    width = next(size for size in (64, 32, 16, 8) if total % size == 0)
    return replace(field, width=width, signed=False, count=total // width)


def _take(index: int, field: Field, lane: str, place: str) -> str:
    size = 8 * field.dtype.itemsize
    first = f"static_cast<const {field.ctype}*>(in[{index}]) + {lane}"
    arguments = f"{first}, {field.count or 1}, at.words{size}, inputs + {place}"
    return f"if (!held[{index}]) take<uint{size}_t, {field.width}>({arguments});"


def _give(index: int, field: Field, lane: str, place: str) -> str:
    size, sign = 8 * field.dtype.itemsize, "true" if field.signed else "false"
    first = f"static_cast<{field.ctype}*>(out[{index}]) + {lane}"
    arguments = f"outputs + {place}, {field.count or 1}, where.words{size}, {first}"
    return f"give<uint{size}_t, {field.width}, {sign}>({arguments});"


def _take_row(index: int, field: Field, lane: str, place: str) -> str:
    size, first = 8 * field.dtype.itemsize, f"static_cast<const char*>(in[{index}])"
    at = f"{first} + rows.beat * rows.fields[{index}].beat + {lane} * sizeof({field.ctype})"
    arguments = f"{at}, rows.fields[{index}].is_same, rows.at[{index}], inputs + {place}"
    return f"if (!held[{index}]) take_row<uint{size}_t, {field.width}, {field.ctype}>({arguments});"
