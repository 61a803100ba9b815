"""Picture of `chopped-mnist`."""

from collections.abc import Sequence
from typing import Any

from sim.experiments.plots import COLORS, figure, png


def accuracies(rows: Sequence[dict[str, Any]]) -> bytes:
    """Test accuracy against offset, one panel per network, FP32 as a line; PNG."""
    networks = list(dict.fromkeys(row["network"] for row in rows))
    drawn, panels = figure(len(networks))
    for axes, network in zip(panels, networks, strict=True):
        own = [row for row in rows if row["network"] == network]
        for algorithm in dict.fromkeys(row["algorithm"] for row in own):
            curve = [row for row in own if row["algorithm"] == algorithm]
            x, y = [row["offset"] for row in curve], [100 * row["accuracy"] for row in curve]
            color = COLORS[algorithm]
            if len(curve) == 1:
                axes.axhline(y[0], color=color, linestyle="--", label=algorithm)
            else:
                axes.plot(x, y, "o-", color=color, label=algorithm)
        axes.set(xlabel="reference offset sigma_r", ylabel="test accuracy (%)", title=network)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8)
    return png(drawn)
