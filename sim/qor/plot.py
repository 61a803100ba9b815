"""Area against speed of a sweep over pipeline depths, beside the peers."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

from sim.qor.peers import peers

COLORS = {"kept": "#0b6e8a", "flushed": "#c8553d"}
PEER = "#8a8a8a"
TITLES = {
    "mul": "multiply",
    "add": "add",
    "fma": "multiply-add",
    "sum8": "sum of 8",
    "sum16": "sum of 16",
    "dot8": "dot of 8",
}


def area_against_speed(points: Sequence[Mapping[str, Any]], kind: str) -> bytes:
    """Picture of ``points`` (`run.sweep`) as ``png`` or ``svg``; the same points, the same bytes.

    One panel for each unit; every point is marked with its depth, peers are grey.
    """
    units = list(dict.fromkeys(point["unit"] for point in points))
    columns = min(3, len(units))
    rows = -(-len(units) // columns)
    size = (4.6 * columns, 3.6 * rows)
    with plt.rc_context({"svg.hashsalt": "imctwin"}):
        figure, grid = plt.subplots(
            rows, columns, figsize=size, layout="constrained", squeeze=False
        )
        for axes, unit in zip(grid.flat, units, strict=False):
            _panel(axes, unit, [point for point in points if point["unit"] == unit])
        for axes in grid.flat[len(units) :]:
            axes.axis("off")
        buffer = io.BytesIO()
        extra = {"Software": None} if kind == "png" else {"Date": None, "Creator": None}
        figure.savefig(buffer, format=kind, dpi=110, metadata=extra)
        plt.close(figure)
    return buffer.getvalue()


def _panel(axes: Any, unit: str, points: Sequence[Mapping[str, Any]]) -> None:
    others = [peer for peer in peers().values() if peer.unit == unit]
    has_dsp = any(peer.dsp for peer in others)
    for marker, kind in (("x", True), ("+", False)):
        shown = [peer for peer in others if bool(peer.dsp) == kind]
        label = "peers without DSP" if has_dsp and not kind else "peers"
        for peer in shown:
            _mark(axes, peer.fmax_mhz, peer.lut, str(peer.cycles), PEER)
        if shown:
            speeds, areas = [one.fmax_mhz for one in shown], [one.lut for one in shown]
            axes.plot(speeds, areas, marker, color=PEER, markersize=5, label=label)
    for name in dict.fromkeys(point["name"] for point in points):
        own = [point for point in points if point["name"] == name and point["fmax_mhz"]]
        speeds, areas = [one["fmax_mhz"] for one in own], [one["lut"] for one in own]
        color = COLORS["kept" if name.endswith("kept") else "flushed"]
        axes.plot(speeds, areas, "o-", color=color, label=name, linewidth=0.8, markersize=4)
        for one in own:
            _mark(axes, one["fmax_mhz"], one["lut"], str(one["cycles"]), color)
    axes.set(xlabel="Fmax (MHz)", ylabel="LUT", title=f"{TITLES.get(unit, unit)}, by cycles")
    axes.set_ylim(bottom=0)
    axes.legend(frameon=False, fontsize=8)
    axes.grid(alpha=0.3)


def _mark(axes: Any, x: float, y: float, text: str, color: str) -> None:
    axes.annotate(text, (x, y), xytext=(4, 3), textcoords="offset points", fontsize=7, color=color)
