"""`imctwin experiment chopped-traces`: one element of a 5x5 matrix under a constant gradient.

Fig. 3 of Rasch et al. 2024 as far as it is known (papers.md E3.4): steps of 0.05, each row of A
read every 25 updates, the reference 0.8 below the symmetry point, regular choppers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.config.chopped import ChoppedConfig
from models.digital.bf16 import from_float32, to_float32
from models.digital.chopped import GoldenChoppedUnits
from models.randomness import generator
from models.systems.chopped_array import ChoppedArray
from models.systems.counters import Counters
from sim.experiments.offset_run import Task, config
from sim.experiments.outputs import (
    Table,
    Verdict,
    csv_bytes,
    report,
    summary_bytes,
    told,
    written,
)
from sim.experiments.traces_plot import panels
from sim.files import prepared

SIZE = 5
RATE = 0.1
START, NEAR = 500, 0.7  # where slopes of W begin and end
ALGORITHMS = ("sgd", "ttv2", "cttv2", "agad")
NAMES = ("a", "w", "h", "mean", "past", "chopper")
NOTES = (
    "the mean gradient is constant and positive, with noise: W should fall, with and without "
    "offset; TTv2 takes the offset for a gradient",
    "a: as a read sees it (agad: without reference); h in units of its threshold; mean and past "
    "in weights; chopper: sign of the element's row",
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Settings.

    Parameters
    ----------
    updates : int
        Vector pairs.
    offset : float
        By how much the reference of A lies below the symmetry points.
    gradient, noise : float
        Constant error, and the standard deviation of what is added to it; inputs are 1.
    seed : int
        Devices and draws.
    row, column : int
        Element that is shown.
    """

    updates: int = 3000
    offset: float = 0.8
    gradient: float = 0.3
    noise: float = 1.0
    seed: int = 1
    row: int = 0
    column: int = 0


def settings(algorithm: str, offset: float) -> ChoppedConfig:
    """Make the configuration of the 5x5 array."""
    task = Task(
        algorithm=algorithm,
        states=40,  # steps of 0.05
        size=SIZE,
        transfer_every=SIZE,  # a row is read every 25 updates
        granularity=100.0,
        fast_lr=0.5,
    )
    made = config(task)
    return replace(made, fast=replace(made.fast, reference_mean=-offset))


def trace(plan: Plan, algorithm: str, offset: float) -> dict[str, NDArray[np.float64]]:
    """Values of the element after every update, by name."""
    made = settings(algorithm, offset)
    weight = np.zeros((SIZE, SIZE))
    array = ChoppedArray(0, weight, made, GoldenChoppedUnits(made), plan.seed, Counters())
    rng = generator(plan.seed, "traces", "errors")
    found = np.zeros((len(NAMES), plan.updates))
    for step in range(plan.updates):
        x = from_float32(np.ones((1, SIZE), np.float32))
        delta = plan.gradient + plan.noise * rng.standard_normal((1, SIZE))
        array.update(x, from_float32(delta.astype(np.float32)), step, RATE)
        found[:, step] = _element(array, plan.row, plan.column)
    return dict(zip(NAMES, found, strict=True))


def _element(array: ChoppedArray, row: int, column: int) -> list[float]:
    """Look at A, W, H, mean, past and chopper of one element."""
    fast, place = 0.0, (row, column)
    if array.fast is not None:
        follows = array.config.scheme.algorithm == "agad"
        fast = (array.fast.raw() if follows else array.fast.seen)[place]
    step, digital = array.config.read.output_step, array.config.digital
    scaled = (1 / array.control(RATE).threshold, step, step)
    values = []
    for memory, scale in zip(array.memories, scaled, strict=True):
        if memory is None:
            values.append(0.0)
        elif digital.variant == "bf16":
            value = float(to_float32(memory[place][None])[0])
            values.append(value if not values else value * scale)
        else:
            shift = 0 if not values else digital.fraction_bits
            values.append(float(memory[place]) * scale / 2**shift)
    sign = 1 - 2 * int(array.sequencer.row_choppers[row])
    return [float(fast), float(array.weight()[place]), *values, float(sign)]


def run(plan: Plan, folder: Path) -> tuple[int, list[Path]]:
    """Trace all algorithms without and with offset; write everything."""
    prepared(folder)
    offsets = (0.0, plan.offset)
    traces = {
        (name, offset): trace(plan, name, offset) for name in ALGORITHMS for offset in offsets
    }
    table, verdicts = _table(traces), trace_verdicts(traces)
    figures: dict[str, Any] = {"experiment": "chopped-traces", "seed": plan.seed}
    figures |= {"updates": plan.updates, "offset": plan.offset, "gradient": plan.gradient}
    for (name, offset), values in traces.items():
        figures[f"{name}_{'offset' if offset else 'centred'}_w_end"] = float(values["w"][-1])
    contents = {
        "summary.json": summary_bytes(figures, verdicts),
        "report.md": report("chopped-traces", [table], verdicts, NOTES),
        "traces.csv": csv_bytes(_rows(traces)),
        "traces.png": panels(traces),
    }
    return told([table], verdicts, NOTES), written(folder, contents)


Traces = Mapping[tuple[str, float], Mapping[str, NDArray[np.float64]]]


def _table(traces: Traces) -> Table:
    rows = [("algorithm, offset", "A at the end", "W at the end", "W per 1000 updates")]
    for (name, offset), values in traces.items():
        cells = f"{np.mean(values['a'][-500:]):.3f}", f"{values['w'][-1]:.3f}"
        cells += (f"{slope(values):+.3f}" if name != "sgd" else "",)  # sgd fluctuates at once
        rows.append((f"{name}, {offset:g}", *cells))
    return Table("one element under a constant gradient", rows)


def slope(values: Mapping[str, NDArray[np.float64]]) -> float:
    """Change of W per 1000 updates from the second chopper period until it is near a bound."""
    w = values["w"]
    first = min(START, len(w) // 4)
    inside = np.flatnonzero(np.abs(w[first:]) > NEAR)
    last = first + int(inside[0]) if len(inside) else len(w) - 1
    return 1000 * float(w[last] - w[first]) / max(last - first, 1)


def trace_verdicts(traces: Traces) -> list[Verdict]:
    """With offset, TTv2 drives W up the gradient; the others go down it."""
    found = []
    for (name, offset), values in traces.items():
        if name != "sgd" and offset:
            up = name == "ttv2"
            value, rule = slope(values), "above 0" if up else "below 0"
            what = f"{name} with offset, W per 1000 updates"
            found.append(Verdict(what, value, rule, (value > 0) == up))
    return found


def _rows(traces: Traces) -> list[dict[str, Any]]:
    return [
        {"algorithm": name, "offset": offset, "update": step + 1}
        | {what: round(float(values[what][step]), 6) for what in NAMES}
        for (name, offset), values in traces.items()
        for step in range(len(values["a"]))
    ]
