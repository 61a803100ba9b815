"""Pictures of `chopped-offset`."""

from collections.abc import Sequence
from typing import Any

from sim.experiments.plots import COLORS, figure, png

Rows = Sequence[dict[str, Any]]


def curves(first: Rows, second: Rows) -> bytes:
    """Error against offset, one panel per number of states, and against asymmetry; PNG."""
    states = list(dict.fromkeys(row["states"] for row in first))
    settings = list(dict.fromkeys(row["fast_lr"] for row in second))
    drawn, panels = figure(len(states) + len(settings))
    for axes, count in zip(panels, states, strict=False):
        own = [row for row in first if row["states"] == count]
        _panel(axes, own, "offset", sorted({row["offset"] for row in own}))
        axes.set(xlabel="reference offset sigma_r", title=f"{count} states")
    for axes, setting in zip(panels[len(states) :], settings, strict=True):
        own = [row for row in second if row["fast_lr"] == setting]
        _panel(axes, own, "bound", sorted({row["bound"] for row in own}))
        axes.set(xlabel="bounds of A (asymmetry falls to the right)", xscale="log")
        axes.set_title(f"{own[0]['states']} states, sigma_r 0, fast_lr {setting:g}")
    for axes in panels:
        axes.set(yscale="log", ylabel="std(W - target)")
        axes.grid(alpha=0.3, which="both")
        axes.legend(frameon=False, fontsize=8)
    return png(drawn)


def _panel(axes: Any, rows: Rows, axis: str, places: Sequence[float]) -> None:
    for algorithm in dict.fromkeys(row["algorithm"] for row in rows):
        own = [row for row in rows if row["algorithm"] == algorithm]
        if len(own) == 1:  # does not depend on the axis
            own = [own[0] | {axis: place} for place in places]
        x, y = [row[axis] for row in own], [row["error"] for row in own]
        bars = [row["spread"] for row in own]
        axes.errorbar(x, y, bars, fmt="o-", capsize=2, color=COLORS[algorithm], label=algorithm)
