"""Memories of a compiled design: found in what the simulators write, described to numpy."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from numpy.typing import NDArray

from sim.kernel.wrapper import Field

# what Verilator writes for "reg [11:0] storage [15:0];" in the instance a of the module unit_top:
#     VlUnpacked<SData/*11:0*/, 16> unit_top__DOT__a__DOT__storage;
VERILATED = re.compile(r"VlUnpacked<\w+(?:<\d+>)?/\*(\d+):0\*/, (\d+)> ((?!__V)\w+?__DOT__(\w+));")
# and CXXRTL: memory<12> memory_p_a_2e_storage { 16u };
SIMULATED = re.compile(r"memory<(\d+)> (memory_p_(\w+)) ?\{ ?(\d+)u ?\};")


@dataclass(frozen=True)
class Memory:
    """A memory: ``depth`` rows of ``width`` bits."""

    name: str
    depth: int
    width: int

    @property
    def row(self) -> Field:
        """A row as an array: a number, or bytes if it has more than 64 bits."""
        if self.width <= 64:
            return Field(self.name, 0, self.width, False)
        return Field(self.name, 0, 8, False, -(-self.width // 8))

    def check_top(self, rows: NDArray) -> None:
        """Raise ValueError if the highest byte of a wide row has bits that the memory lacks."""
        if self.width > 64 and self.width % 8 and rows.size:
            high, most = int(rows[:, -1].max()), 2 ** (self.width % 8) - 1
            if high > most:
                raise ValueError(f"the last byte of {self.name} must be at most {most}, not {high}")


def verilated(header: str) -> str:
    """C++ that names the memories in the header of Verilator's root class, for the wrapper."""
    found = VERILATED.findall(header)
    return _lines((member, _verilator_name(key), d, int(w) + 1) for w, d, member, key in found)


def simulated(design: str) -> str:
    """C++ that names the memories of a design that CXXRTL has written, for the wrapper."""
    return _lines((m, _cxxrtl_name(key), d, w) for w, m, key, d in SIMULATED.findall(design))


def parsed(text: str) -> dict[str, Memory]:
    """Memories by name as the compiled wrapper lists them."""
    rows = (line.split() for line in text.splitlines())
    return {name: Memory(name, int(depth), int(width)) for name, depth, width in rows}


def _lines(found: Iterable[tuple[str, str, str, str | int]]) -> str:
    return "".join(f'MEMORY({member}, "{n}", {d}, {w})\n' for member, n, d, w in found)


def _verilator_name(key: str) -> str:
    return _decoded(r"__0([0-9A-F]{2})", key.replace("__DOT__", "."))


def _cxxrtl_name(key: str) -> str:
    return _decoded(r"_([0-9a-f]{2})_|__", key)


def _decoded(pattern: str, key: str) -> str:
    return re.sub(pattern, lambda found: chr(int(found[1], 16)) if found[1] else "_", key)
