"""Bit-sliced models: 512 beats at a time through the netlist of a feed-forward unit."""

import ctypes
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from sim.kernel.bitslice import Netlist
from sim.kernel.build import compiled
from sim.kernel.streamed import pointers
from sim.kernel.wrapper import EXTRA, STUCK, Field, Port

TEMPLATE = Path(__file__).with_name("sliced.cpp.in")
UNIT = "unit"  # name of the netlist


class Sliced:
    """The netlist that ``make`` builds behind the ports ``i``, ``o`` and ``statics``.

    ``latency`` is that of the unit's pipeline, for messages alone: there is no clock.
    """

    broadcasts = True

    def __init__(
        self, make: Callable[[], Netlist], i: Port, o: Port, statics: list[Port], latency: int
    ):
        self._make, self._ports, self._latency = make, (i, o, statics), latency
        self._lock = threading.Lock()
        self._library: ctypes.CDLL | None = None

    def build(self) -> None:
        """Compile unless that is done."""
        with self._lock:
            if self._library is None:
                text = source(self._make(), *self._ports)
                library = ctypes.CDLL(str(compiled({"unit.cpp": text})))
                pointer = ctypes.c_void_p
                library.run.argtypes = [pointer, ctypes.c_int64, pointer, pointer, pointer]
                library.run.restype = None
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
        """Return the status and how many inputs went in and outputs came out, and 0 cycles.

        They are what the pipeline would have counted. ``keep_state`` and ``patience`` do not
        matter, as there is neither state nor a clock.
        """
        assert self._library is not None
        if expected < count:
            return EXTRA, [min(count, expected + self._latency), expected, 0]
        fields = self._ports[0].fields
        pairs = zip(arrays, fields, strict=True)
        held = np.array([array.shape != field.shape(count) for array, field in pairs], np.uint8)
        given = words.ctypes.data, count, pointers(arrays), held.ctypes.data, pointers(results)
        self._library.run(*given)
        return (STUCK if expected > count else 0), [count, count, 0]


def source(netlist: Netlist, i: Port, o: Port, statics: list[Port]) -> str:
    """Return the C++ of ``run`` around a netlist of the name ``UNIT``."""
    fields = [field for field in (*i.fields, *o.fields) if field.width]
    static, word, bit = [], 0, i.width
    for port in statics:
        static.append(f"hold(statics + {word}, {port.width}u, inputs + {bit});")
        word, bit = word + port.words, bit + port.width
    parts = {
        "WIDEST": [str(max(8 * field.dtype.itemsize for field in fields))],
        "INPUTS": [str(max(netlist.inputs, 1))],
        "OUTPUTS": [str(netlist.outputs)],
        "NAME": [UNIT],
        "STATIC": static,
        "HOLD": _each(i, _hold),
        "TAKE": _each(i, _take),
        "GIVE": _each(o, _give),
    }
    text = TEMPLATE.read_text()
    for name, lines in parts.items():
        text = text.replace(f"@{name}@", "\n    ".join(lines))
    return netlist.text + text


def _each(port: Port, code: Callable[[int, Field, str, str], str]) -> list[str]:
    """Code for every lane of every field: index, field, lane and place of its lowest bit."""
    lines = []
    for index, field in enumerate(port.fields):
        if field.count:
            at = f"{field.offset} + k * {field.width}"
            lines.append(f"for (unsigned k = 0; k < {field.count}; ++k)")
            lines.append(f"    {code(index, field, 'k', at)}")
        elif field.width:
            lines.append(code(index, field, "0", str(field.offset)))
    return lines


def _hold(index: int, field: Field, lane: str, place: str) -> str:
    value = f"uint64_t(static_cast<const {field.ctype}*>(in[{index}])[{lane}])"
    return f"if (held[{index}]) hold({value}, {field.width}, inputs + {place});"


def _take(index: int, field: Field, lane: str, place: str) -> str:
    stride = field.count or 1
    first = f"static_cast<const {field.ctype}*>(in[{index}]) + at * {stride} + {lane}"
    return f"if (!held[{index}]) take<{field.width}>({first}, {stride}, n, inputs + {place});"


def _give(index: int, field: Field, lane: str, place: str) -> str:
    stride = field.count or 1
    first = f"static_cast<{field.ctype}*>(out[{index}]) + at * {stride} + {lane}"
    sign = "true" if field.signed else "false"
    return f"give<{field.width}, {sign}>(outputs + {place}, {stride}, n, {first});"
