"""Picture of `chopped-traces`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.experiments.plots import figure, png

SHOWN = {
    "a": "#0b6e8a",
    "w": "#c8553d",
    "h": "#3f8f4f",
    "mean": "#7a5aa6",
    "past": "#b0892f",
    "chopper": "#8a8a8a",
}


def panels(traces: Mapping[tuple[str, float], Mapping[str, NDArray[np.float64]]]) -> bytes:
    """One panel per algorithm (across) and offset (down) over updates; PNG."""
    algorithms = list(dict.fromkeys(name for name, _ in traces))
    offsets = list(dict.fromkeys(offset for _, offset in traces))
    drawn, grid = figure(len(algorithms), len(offsets), 2.8)
    places = [(name, offset) for offset in offsets for name in algorithms]
    for axes, (name, offset) in zip(grid, places, strict=True):
        _panel(axes, traces[name, offset])
        axes.set(title=f"{name}, offset {offset:g}", xlabel="update")
    return png(drawn)


def _panel(axes: Any, values: Mapping[str, NDArray[np.float64]]) -> None:
    for what, color in SHOWN.items():
        if np.ptp(values[what]):
            width = 0.6 if what in ("chopper", "h") else 1.1
            axes.plot(values[what], color=color, linewidth=width, label=what)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=7)
