"""C++ around a compiled tile: what :mod:`sim.kernel.simulation` calls."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sim.cosim.results import STREAMS_OUT
from sim.kernel.dialects import Verilated

HERE = Path(__file__).parent
GIVEN = ("i_command__payload", "i__payload", "comparator")
STREAMS = tuple(f"{name}__payload" for name in STREAMS_OUT)
BOARD, PINS = "tile_board.cpp.in", ("drive", "trial")


def wrapper(interface: Mapping[str, Any], board: str = BOARD, pins: Sequence[str] = PINS) -> str:
    """Return the C++ source for a tile that :func:`rtl_gen.verilog.describe` describes.

    Parameters
    ----------
    interface : mapping
        The description.
    board : str
        File with the class Board.
    pins : sequence of str
        Wide pins that the board reads.
    """
    dialect = Verilated()
    widths = {port["name"]: port["width"] for port in interface["ports"]}
    words = {name: max(2, -(-width // 32)) for name, width in widths.items()}
    ports = [
        f"inline void put_{_short(name)}(Design* m, const uint32_t* words) "
        f"{{ {' '.join(dialect.assign(name, widths[name]))} }}"
        for name in GIVEN
    ] + [
        f"inline void get_{_short(name)}(const Design* m, uint32_t* words) "
        f"{{ {' '.join(dialect.fetch(name, widths[name]))} }}"
        for name in (*STREAMS, *pins)
    ]
    parts = {
        "PRELUDE": dialect.prelude,
        "PORTS": "\n".join(ports),
        "COMMAND_WORDS": str(words["i_command__payload"]),
        "I_WORDS": str(words["i__payload"]),
        "OUT_WORDS": ", ".join(str(words[name]) for name in STREAMS),
        "COMPARATOR_WORDS": str(words["comparator"]),
    }
    text = "".join((HERE / name).read_text() for name in ("tile_pins.h", board, "tile.cpp.in"))
    return re.sub(r"@(\w+)@", lambda found: _part(found[1], parts, widths, dialect), text)


def _part(
    name: str, parts: Mapping[str, str], widths: Mapping[str, int], dialect: Verilated
) -> str:
    if name in parts:
        return parts[name]
    assert name in widths, f"{name} is no port of the tile"
    return dialect.bit(name)


def _short(name: str) -> str:
    return name.removesuffix("__payload")
