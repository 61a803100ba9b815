"""Worst path of a placed unit, for the eyes of its designer."""

import re
from collections.abc import Callable, Sequence
from typing import Any

_CELLS = "LUT4|CCU2C|PFUMX|L6MUX21|TRELLIS_FF|MULT18X18D"
_MADE_UP = re.compile(rf"(_({_CELLS})_[A-Z0-9]+(_\d+)?)+")  # names by synth_ecp5, cell by cell
_NAME = re.compile(r"(.*?)(?:\[(\d+)\])?")


def compact(path: Sequence[dict[str, Any]], netlist: dict[str, Any]) -> list[dict[str, Any]]:
    """Turn a path of nextpnr's report into hops, each a routed net and the cells behind it.

    Cells joined by nets without delay (carry chains, wide multiplexers) are one hop.

    Returns
    -------
    list of dict
        ``net`` (a name of the source if the net has one, else the name that it grew from
        and ``~``),
        ``cells`` (kinds, e.g. ``carry x12``), ``route`` and ``logic`` (ns).
    """
    names = _source_names(netlist)
    hops: list[dict[str, Any]] = [{"net": "", "kinds": {}, "route": 0.0, "logic": 0.0}]
    for step in path:
        if step["type"] != "routing":
            kind = _kind(step)
            hops[-1]["kinds"][kind] = hops[-1]["kinds"].get(kind, 0) + 1
            hops[-1]["logic"] += step["delay"]
        elif step["delay"] > 0:
            net = names(step["net"])
            hops.append({"net": net, "kinds": {}, "route": step["delay"], "logic": 0.0})
    return [hop | {"kinds": _counted(hop["kinds"])} for hop in hops]


def readable(hops: Sequence[dict[str, Any]]) -> str:
    """Lines of a compact path: time so far, delay of net and cells, cells, net they follow."""
    total, lines = 0.0, ["     ns  route  logic  cells             behind net"]
    for hop in hops:
        total += hop["route"] + hop["logic"]
        parts = f"{total:7.2f} {hop['route']:6.2f} {hop['logic']:6.2f}"
        lines.append(f"{parts}  {hop['kinds']:16}  {hop['net']}")
    route = sum(hop["route"] for hop in hops)
    return "\n".join([*lines, f"{total:7.2f} ns, {route:.2f} of it routing"])


def _kind(step: dict[str, Any]) -> str:
    if step["type"] in ("clk-to-q", "setup"):
        return "register"
    port = step["to"]["port"]
    if "$CCU2_COMB" in step["to"]["cell"]:
        return "carry"
    if port.startswith("OFX"):
        return "mux"
    return "dsp" if port.startswith("P") else "lut"


def _counted(kinds: dict[str, int]) -> str:
    return ", ".join(name if count == 1 else f"{name} x{count}" for name, count in kinds.items())


def _source_names(netlist: dict[str, Any]) -> Callable[[str], str]:
    """Look-up from the name of a net to the best of all its names."""
    nets = netlist["modules"]["qor_wrap"]["netnames"]
    known: dict[int, list[str]] = {}
    for name, net in nets.items():
        for place, bit in enumerate(net["bits"]):
            known.setdefault(bit, []).append(f"{name}[{place}]" if len(net["bits"]) > 1 else name)

    def best(name: str) -> str:
        found = _NAME.fullmatch(name)
        assert found is not None  # everything matches
        net = nets.get(found[1])
        others = known[net["bits"][int(found[2] or 0)]] if net else []
        own = [one for one in others if not _MADE_UP.search(one)]
        made_up = _MADE_UP.sub("~", name)
        return min(own, key=lambda one: ("$" in one, len(one))) if own else made_up

    return best
