"""Picture of `chopped-runtime`."""

from collections.abc import Sequence
from typing import Any

from sim.experiments.plots import COLORS, figure, png


def sweep(rows: Sequence[dict[str, Any]], mixed: float) -> bytes:
    """Time per vector pair over n_s, and how many times faster than mixed precision; PNG."""
    drawn, (time, ratio) = figure(2)
    for name in dict.fromkeys(row["algorithm"] for row in rows):
        own = [row for row in rows if row["algorithm"] == name]
        x, y = [row["transfer_every"] for row in own], [row["ns"] for row in own]
        time.plot(x, y, "o-", color=COLORS[name], label=name)
        ratio.plot(x, [mixed / value for value in y], "o-", color=COLORS[name], label=name)
    time.set(ylabel="time per vector pair (ns)")
    ratio.set(ylabel="times faster than mixed precision")
    for axes in (time, ratio):
        axes.set(xscale="log", xlabel="updates per read n_s")
        axes.grid(alpha=0.3, which="both")
        axes.legend(frameon=False, fontsize=8)
    return png(drawn)
