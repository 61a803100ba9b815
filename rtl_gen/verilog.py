"""Write a component as Verilog next to a machine-readable description of its interface."""

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

from amaranth.back import verilog
from amaranth.hdl import Shape
from amaranth.lib import data
from amaranth.lib.wiring import Component, Out

STREAM_MEMBERS = {"payload", "valid", "ready"}
CLOCK = ("clk", "rst")  # ports of the domain sync, in which every unit works


def to_verilog(component: Component, name: str) -> str:
    """Return the Verilog of ``component`` with top module ``name``; same config, same text."""
    return verilog.convert(component, name=name, emit_src=False, strip_internal_attrs=True)


def write_verilog(component: Component, name: str, directory: Path) -> Path:
    """Write ``name.v`` and ``name.json`` (:func:`describe` and the Verilog's hash).

    Returns
    -------
    Path
        Of the Verilog.
    """
    directory.mkdir(parents=True, exist_ok=True)
    text = to_verilog(component, name)
    path = directory / f"{name}.v"
    path.write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    description = {"name": name, "sha256": digest, **describe(component)}
    path.with_suffix(".json").write_text(json.dumps(description, indent=2, sort_keys=True) + "\n")
    return path


def describe(component: Component) -> dict[str, Any]:
    """Describe the interface of ``component`` in JSON types.

    Returns
    -------
    dict
        ``ports``: name, width, direction, signed of each Verilog port. ``streams`` and ``static``
        (every other member): direction and :func:`layout` by name. ``latency`` in cycles (None if
        the component states none) and ``config`` (by field name).
    """
    streams: dict[str, Any] = {}
    static: dict[str, Any] = {}
    for name, member in component.signature.members.items():
        entry: dict[str, Any] = {"direction": "output" if member.flow == Out else "input"}
        if member.is_port:
            static[name] = entry | layout(member.shape)
        elif is_stream(member):
            streams[name] = entry | layout(member.signature.members["payload"].shape)
    config: Any = getattr(component, "config", None)
    return {
        "ports": _ports(component),
        "streams": streams,
        "static": static,
        "latency": getattr(component, "LATENCY", None),
        "config": dataclasses.asdict(config) if config is not None else None,
    }


def is_stream(member: Any) -> bool:
    """Tell whether a member of a signature is a stream."""
    return member.is_signature and set(member.signature.members) == STREAM_MEMBERS


def layout(shape: Any) -> dict[str, Any]:
    """Describe ``shape``: its width and its fields with offset, width and sign.

    The one field of a plain shape is called ``payload``; nested structures are unsigned fields.
    """
    width = Shape.cast(shape).width
    if isinstance(shape, type) and issubclass(shape, data.Struct):
        shape = data.Layout.cast(shape)
    if not isinstance(shape, data.StructLayout):
        return {"width": width, "fields": [_field("payload", 0, shape)]}
    fields = [_field(str(name), field.offset, field.shape) for name, field in shape]
    return {"width": width, "fields": fields}


def _field(name: str, offset: int, shape: Any) -> dict[str, Any]:
    plain = Shape.cast(shape)
    return {"name": name, "offset": offset, "width": plain.width, "signed": plain.signed}


def _ports(component: Component) -> list[dict[str, Any]]:
    ports = [{"name": name, "width": 1, "direction": "input", "signed": False} for name in CLOCK]
    for path, member, _ in component.signature.flatten(component):
        shape = Shape.cast(member.shape)
        direction = "output" if member.flow == Out else "input"
        name = "__".join(map(str, path))
        ports.append(
            {"name": name, "width": shape.width, "direction": direction, "signed": shape.signed}
        )
    return ports
