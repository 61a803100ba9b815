"""Figures as horizontal bars, PNG."""

import io
import math

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.ticker import NullFormatter

from sim.bench.settings import Figures
from sim.bench.verdicts import floors

MET, MISSED = "#0b6e8a", "#c8553d"
RATES = ("_beats_per_s", "_samples_per_s", "_mvm_per_s", "_pulses_per_s")


def bars(figures: Figures) -> bytes:
    """Rates and ratios on logarithmic axes; ratios below their floor in red."""
    rates = {k: v for k, v in figures.items() if v and k.endswith(RATES)}
    ratios = {k: v for k, v in figures.items() if v and "_per_" in k and not k.endswith("_s")}
    missed = {one["figure"] for one in floors(figures) if not one["met"]}
    groups = [group for group in (rates, ratios) if group]
    height = 0.8 + 0.2 * max(map(len, groups), default=1)
    figure, all_axes = plt.subplots(
        1, max(1, len(groups)), figsize=(6.4 * max(1, len(groups)), height), layout="constrained"
    )
    for axes, group in zip([all_axes] if len(groups) < 2 else all_axes, groups, strict=False):
        names = [name.removesuffix("_per_s") for name in group]
        colors = [MISSED if name in missed else MET for name in group]
        low = 10 ** math.floor(math.log10(min(group.values())))
        widths = [value - low for value in group.values()]
        axes.barh(names, widths, left=low, color=colors)
        axes.set(xscale="log", xlabel="per second of CPU time" if group is rates else "ratio")
        axes.invert_yaxis()
        axes.margins(y=0.01)
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.tick_params(labelsize=7)
        axes.grid(axis="x", alpha=0.3)
    for name, least in ((one["figure"], one["at_least"]) for one in floors(figures)):
        if name in ratios:
            axis, place = figure.axes[-1], list(ratios).index(name)
            axis.plot([least, least], [place - 0.4, place + 0.4], color="black", linewidth=1)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()
