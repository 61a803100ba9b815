"""The result of a cross-check in words, for the terminal."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def outputs(folder: Path) -> Sequence[Path]:
    """Paths that a cross-check leaves for its user."""
    names = ("report.html", "summary.json", "config.toml", "rtl/tile.v", "rtl/tile.json")
    return [folder / name for name in (*names, "pulses.csv", "pulses.npz")]


def lines(summary: dict[str, Any]) -> list[str]:
    """Say in words what was compared."""
    bits, pins, learning = summary["bits"], summary["pins"], summary["learning"]
    corners = bits["corners"]
    replayed = bits["replayed_on_verilator"]
    text = [
        f"bits: {bits['compared']:,} digital values compared, {bits['differences']:,} differences "
        f"({bits['backend']}{f', {replayed:,} of them on Verilator too' if replayed else ''}, "
        f"{bits['seconds']:.0f} s)",
        "      " + ", ".join(f"{k} {one['compared']:,}" for k, one in bits["by_unit"].items()),
        *_pulses(bits),
        "      corners: " + ", ".join(f"{name} {count:,}" for name, count in corners.items()),
        f"pins: {pins['operations']:,} tile operations in {pins['cycles']:,} cycles, "
        f"{pins['compared']:,} values compared, {pins['differences']:,} differences",
    ]
    for kind, counts in pins.get("by_kind", {}).items():
        text.append(f"      {kind}: " + ", ".join(f"{k} {v:,}" for k, v in counts.items()))
    if learning["accuracy"] is not None:
        text.append(
            f"learning: test accuracy {learning['accuracy']:.2%} after {learning['epochs']} "
            f"epochs, FP32 reference {learning['reference_accuracy']:.2%}"
        )
    if bits["first_difference"]:
        text.append("first difference: " + _where(bits["first_difference"]))
    if pins.get("first_difference"):
        text.append("first difference at the pins: " + _where(pins["first_difference"]))
    text.extend(f"protocol: {error}" for error in pins.get("protocol_errors", []))
    if bits["failure"]:
        text.append(f"failure: {bits['failure']}")
    return text


def _pulses(bits: dict[str, Any]) -> list[str]:
    if "device_pulses_compared" not in bits:
        return []
    return [f"      {bits['device_pulses_compared']:,} device pulses rest on compared values"]


def _where(first: dict[str, Any]) -> str:
    place = ", ".join(f"{k} {first[k]}" for k in ("layer", "call", "index") if k in first)
    return (
        f"unit {first['unit']}, field {first['field']}, step {first['step']}, {place}: "
        f"golden {first['golden']}, RTL {first['rtl']}"
    )
