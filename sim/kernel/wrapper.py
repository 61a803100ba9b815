"""C++ around a compiled design: one function streams whole arrays through it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.kernel.dialects import Dialect

TEMPLATE = Path(__file__).with_name("wrapper.cpp.in")
STUCK, EXTRA, DIFFERENT = 1, 2, 3  # statuses, as in the template
Lanes = dict[str, tuple[int, bool]]


@dataclass(frozen=True)
class Field:
    """A field of a port as an array: ``count`` lanes of ``width`` bits, 0 lanes for a scalar."""

    name: str
    offset: int
    width: int
    signed: bool
    count: int = 0

    def shape(self, beats: int) -> tuple[int, ...]:
        """Shape of the array of so many beats."""
        return (beats, self.count) if self.count else (beats,)

    @property
    def dtype(self) -> np.dtype:
        """The smallest type that holds one lane."""
        size = next(size for size in (1, 2, 4, 8) if self.width <= 8 * size)
        return np.dtype(f"{'i' if self.signed else 'u'}{size}")

    @property
    def ctype(self) -> str:
        """The same type in C."""
        return f"{'int' if self.signed else 'uint'}{8 * self.dtype.itemsize}_t"


@dataclass(frozen=True)
class Port:
    """A port of the Verilog with its fields."""

    name: str
    width: int
    fields: tuple[Field, ...]

    @property
    def words(self) -> int:
        """Words of 32 bits that hold a value."""
        return -(-self.width // 32)


def port(name: str, key: str, description: Mapping[str, Any], lanes: Lanes) -> Port:
    """Describe the port ``name``; its entries ``<key>.<field>`` of ``lanes`` split fields.

    The entries used are taken out of ``lanes``. A field of more than 64 bits without an entry is
    split into bytes.
    """
    fields = []
    for field in description["fields"]:
        full = f"{key}.{field['name']}"
        width, signed = lanes.pop(full, None) or (
            lanes.pop(key, (0, False)) if field["name"] == "payload" else (0, False)
        )
        if not width and field["width"] > 64:
            width = 8
        if width:
            count = _lane_count(full, field["width"], width)
            fields.append(Field(field["name"], field["offset"], width, signed, count))
        else:
            fields.append(Field(**field))
    return Port(name, description["width"], tuple(fields))


def _lane_count(name: str, total: int, width: int) -> int:
    if not 1 <= width <= 64 or total % width:
        raise ValueError(f"lanes of {name} must be 1 to 64 bits and divide {total}, not {width}")
    return total // width


def wrapper(
    i: Port | None,
    o: Port,
    statics: list[Port],
    dialect: Dialect,
    has_clock: bool = True,
    copies: int = 1,
    at_once: bool = True,
) -> str:
    """Return the C++ source; it is compiled in one unit with the design when that is small.

    With ``copies`` the design is that of :func:`sim.kernel.copies.side_by_side`, and ``i`` and
    ``o`` are the ports of one copy. Unless the design answers ``at_once``, within a cycle, what it
    says after one clock edge holds until the next.
    """
    static, at = [], 0
    for pin in statics:
        static += [f"std::memcpy(words, given + {at}, sizeof(uint32_t) * {pin.words});"]
        static += dialect.assign(pin.name, pin.width)
        at += pin.words
    clk, rst, offer = dialect.bit("clk"), dialect.bit("rst"), dialect.bit("i__valid")
    ready = dialect.bit("i__ready")
    one = dialect.rise if has_clock and not at_once else []
    widths = [copies * i.width if i else 0, copies * o.width, *(pin.width for pin in statics)]
    parts = {
        "PRELUDE": [dialect.prelude],
        "COPIES": [str(copies)],
        "LOAD": _load(i, copies) if i else ["(void)n;"],
        "PUT": dialect.assign(i.name, copies * i.width) if i else [],
        "GET": dialect.fetch(o.name, copies * o.width),
        "STORE": _store(o, copies),
        "DIFFERENT": [dialect.bit("differ") if copies > 1 else "false"],
        "STATIC": static,
        "WORDS": [str(3 + -(-max(widths) // 32))],  # put and get may touch 2 words more
        "EDGE": (one or [f"{clk} = 1;", "settle(m);", f"{clk} = 0;"]) if has_clock else [],
        "BEGIN": ["settle_all(m);"] if one else [],
        "SETTLE": [] if one else ["settle(m);"],
        "RESET": [f"{rst} = 1;", "settle_all(m);", "edge(m);", f"{rst} = 0;"] if has_clock else [],
        "OFFER": [f"{offer} = offered;"] if i else [],
        "TAKEN": [f"offered && {ready}" if i else "false"],
        "RETRACT": [f"{offer} = 0;"] if i else [],
        "IS_SOURCE": ["false" if i else "true"],
        "o__valid": [dialect.bit("o__valid")],
        "o__ready": [dialect.bit("o__ready")],
    }
    text = TEMPLATE.read_text()
    for name, lines in parts.items():
        text = text.replace(f"@{name}@", "\n    ".join(lines))
    return text


def _load(port: Port, copies: int) -> list[str]:
    lines = []
    for index, field in enumerate(port.fields):
        source, at = f"static_cast<const {field.ctype}*>(in[{index}])", _place(port, field, copies)
        if _is_aligned(port, field, copies):
            size = field.count * field.width // 8
            lines.append(f"std::memcpy(bytes + ({at}) / 8, {source} + n * {field.count}, {size});")
        elif field.count:
            lines.append(f"for (unsigned k = 0; k < {field.count}; ++k)")
            value = f"{source}[n * {field.count} + k]"
            lines.append(f"  put(words, {at} + k * {field.width}, {field.width}, {value});")
        else:
            lines.append(f"put(words, {at}, {field.width}, {source}[n]);")
    return lines


def _store(port: Port, copies: int) -> list[str]:
    lines = []
    for index, field in enumerate(port.fields):
        target, at = f"static_cast<{field.ctype}*>(out[{index}])", _place(port, field, copies)
        get = "get_signed" if field.signed else "get"
        if _is_aligned(port, field, copies):
            size = field.count * field.width // 8
            lines.append(f"std::memcpy({target} + n * {field.count}, bytes + ({at}) / 8, {size});")
        elif field.count:
            lines.append(f"for (unsigned k = 0; k < {field.count}; ++k)")
            value = f"{get}(words, {at} + k * {field.width}, {field.width})"
            lines.append(f"  {target}[n * {field.count} + k] = {value};")
        else:
            lines.append(f"{target}[n] = {get}(words, {at}, {field.width});")
    return lines


def _place(port: Port, field: Field, copies: int) -> str:
    """Lowest bit of a field of one copy."""
    return f"{field.offset} + copy * {port.width}" if copies > 1 else str(field.offset)


def _is_aligned(port: Port, field: Field, copies: int) -> bool:
    places = field.offset % 8 == 0 and (copies == 1 or port.width % 8 == 0)
    return bool(field.count) and places and field.width in (8, 16, 32, 64)
