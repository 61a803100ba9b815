"""`imctwin experiment chopped-offset`: weight-programming error against reference offset.

Two grids: the spread of the reference against the number of states (Fig. 4 of Rasch et al. 2024),
and the asymmetry of the devices of the fast array at a perfect reference (their Fig. 6).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sim.experiments.grid import Cell, run_grid
from sim.experiments.offset_plot import curves
from sim.experiments.offset_run import Task
from sim.experiments.outputs import (
    Table,
    Verdict,
    csv_bytes,
    mean_spread,
    report,
    summary_bytes,
    told,
    written,
)
from sim.files import prepared

Row = dict[str, Any]
NOTES = (
    "settings (spread of the target, noise, fast_lr, granularity) were chosen by us while looking "
    "at these verdicts; the paper's own are unknown. The margins belong to them",
    "error: standard deviation of W - target, mean of the last quarter of the run; range of W is 2",
    "sgd and agad read no reference: sgd has no fast array, agad subtracts what it has read",
    "asymmetry: bounds of A are scaled at the same steps; the share by which a step differs from "
    "the opposite one at a given weight falls as 1 / bound",
)
# Of the study of asymmetry: as in the first grid, and such that A moves less in a chopper period.
SETTINGS: dict[str, dict[str, Any]] = {
    "fast_lr 0.5": {},
    "fast_lr 0.2": {"fast_lr": 0.2, "granularity": 1000.0},
}
FLAT = 1.10
CLEAR_RISE = 1.2
UNUSABLE = 0.25


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Grids and settings.

    Parameters
    ----------
    algorithms : tuple of str
        Of the first grid.
    states, offsets : tuple
        Axes of the first grid.
    bounds : tuple of float
        Axis of the second grid: bounds of A in units of those of W.
    constructions : int
        Construction seeds, from ``seed``.
    seed, updates, size : int
        As `Task`.
    """

    algorithms: tuple[str, ...] = ("sgd", "ttv2", "cttv2", "agad")
    states: tuple[int, ...] = (20, 100)
    offsets: tuple[float, ...] = (0.0, 0.1, 0.2, 0.5)
    bounds: tuple[float, ...] = (1.0, 4.0, 16.0, 64.0)
    constructions: int = 3
    seed: int = 1
    updates: int = 40_000
    size: int = 20

    def quick(self) -> "Plan":
        """Take a part that lasts about a minute."""
        return replace(
            self,
            states=self.states[:1],
            offsets=tuple(offset for offset in self.offsets if offset != 0.2),
            bounds=self.bounds[::2],
            constructions=1,
            updates=self.updates // 2,
        )

    def tasks(self) -> list[Task]:
        """All cells of both grids; analog SGD has no reference, so it has one offset."""
        return [
            self._task(algorithm, states=states, offset=offset, construction=construction)
            for states in self.states
            for algorithm in self.algorithms
            for offset in (self.offsets if algorithm != "sgd" else (0.0,))
            for construction in self._seeds()
        ]

    def asymmetry(self) -> list[Task]:
        """Cells of the second grid, at the fewest states and a perfect reference."""
        return [
            self._task(algorithm, states=min(self.states), bound=bound, **how, construction=seed)
            for how in SETTINGS.values()
            for bound in self.bounds
            for algorithm in self.algorithms
            if algorithm != "sgd"
            for seed in self._seeds()
        ]

    def _seeds(self) -> range:
        return range(self.seed, self.seed + self.constructions)

    def _task(self, algorithm: str, **changes: Any) -> Task:
        return Task(
            algorithm=algorithm, seed=self.seed, updates=self.updates, size=self.size, **changes
        )


def run(plan: Plan, folder: Path, *, jobs: int, fresh: bool) -> tuple[int, list[Path]]:
    """Run both grids and write everything; exit code and paths."""
    prepared(folder)
    tasks, others = plan.tasks(), plan.asymmetry()
    cells = [task.cell(_name(task)) for task in (*tasks, *others)]
    results = run_grid(cells, folder, jobs=jobs, label="chopped-offset", fresh=fresh)
    values = [_value(cell, result) for cell, result in zip(cells, results, strict=True)]
    first = _means(values[: len(tasks)], "offset")
    second = _means(values[len(tasks) :], "bound")
    verdicts = offset_verdicts(first)
    findings = asymmetry_findings(second)
    tables = [*_tables(first, "offset", "sigma_r"), *_tables(second, "bound", "bounds of A")]
    notes = [*NOTES, *(line for line, _ in findings)]
    figures = _figures(plan, first, second) | {name: value for _, (name, value) in findings}
    contents = {
        "summary.json": summary_bytes(figures, verdicts),
        "report.md": report("chopped-offset", tables, verdicts, notes),
        "errors.csv": csv_bytes(values),
        "offset.png": curves(first, second),
    }
    return told(tables, verdicts, notes), written(folder, contents)


def _name(task: Task) -> str:
    axes = f"{task.states}_r{task.offset:g}_b{task.bound:g}_f{task.fast_lr:g}"
    return f"{task.algorithm}_{axes}_s{task.construction}"


def _value(cell: Cell, result: Mapping[str, Any]) -> Row:
    """One row of ``errors.csv``."""
    wanted = ("algorithm", "states", "offset", "bound", "fast_lr", "granularity", "construction")
    row = {name: cell.parameters[name] for name in wanted}
    return row | {name: value for name, value in result.items() if name != "course"}


def _means(values: Sequence[Row], axis: str) -> list[Row]:
    """Mean and spread over construction seeds, by algorithm, states, setting and ``axis``."""
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in values:
        key = row["algorithm"], row["states"], row["fast_lr"], row[axis]
        groups.setdefault(key, []).append(row)
    found = []
    for (algorithm, states, fast_lr, place), rows in groups.items():
        mean, spread = mean_spread([row["error"] for row in rows])
        pulses = mean_spread([row["fast_pulses_per_update"] for row in rows])[0]
        found.append(
            {
                "algorithm": algorithm,
                "states": states,
                "fast_lr": fast_lr,
                axis: place,
                "error": mean,
                "spread": spread,
                "seeds": len(rows),
                "fast_pulses_per_update": pulses,
            }
        )
    return found


def _tables(rows: Sequence[Row], axis: str, name: str) -> list[Table]:
    """One table for each setting: algorithms down, ``axis`` across."""
    found = []
    for states, fast_lr in dict.fromkeys((row["states"], row["fast_lr"]) for row in rows):
        own = [row for row in rows if (row["states"], row["fast_lr"]) == (states, fast_lr)]
        places = sorted({row[axis] for row in own})
        lines = [("algorithm", *(f"{place:g}" for place in places))]
        for algorithm in dict.fromkeys(row["algorithm"] for row in own):
            at = {row[axis]: row for row in own if row["algorithm"] == algorithm}
            lines.append((algorithm, *(_shown(at.get(place)) for place in places)))
        title = f"std(W - target), {states} states, fast_lr {fast_lr:g}, by {name}"
        found.append(Table(title, lines))
    return found


def _shown(row: Row | None) -> str:
    return f"{row['error']:.4f} ±{row['spread']:.4f}" if row else ""


def offset_verdicts(rows: Sequence[Row]) -> list[Verdict]:
    """Claims at the fewest states, as far as the grid has their cells."""
    states = min((row["states"] for row in rows), default=0)
    at = {(r["algorithm"], r["offset"]): r["error"] for r in rows if r["states"] == states}
    found = []

    def ratio(algorithm: str, offset: float) -> float | None:
        pair = at.get((algorithm, offset)), at.get((algorithm, 0.0))
        return pair[0] / pair[1] if pair[0] and pair[1] else None

    def add(name: str, value: float | None, limit: float, above: bool) -> None:
        if value is not None:
            rule = f"{'at least' if above else 'at most'} {limit:g}"
            met = value >= limit if above else value <= limit
            found.append(Verdict(name, value, rule, bool(met)))

    add("ttv2, error at 0.1 over error at 0", ratio("ttv2", 0.1), CLEAR_RISE, True)
    add("ttv2, error at 0.5", at.get(("ttv2", 0.5)), UNUSABLE, True)
    add("cttv2, error at 0.5 over error at 0", ratio("cttv2", 0.5), 1.5, False)
    agad = [error for (algorithm, _), error in at.items() if algorithm == "agad"]
    add("agad, largest over smallest error", max(agad) / min(agad) if agad else None, FLAT, False)
    add("sgd, error", at.get(("sgd", 0.0)), UNUSABLE, True)
    return found


def asymmetry_findings(rows: Sequence[Row]) -> list[tuple[str, tuple[str, float]]]:
    """How far errors depend on the bounds of A: a line and a named figure per curve."""
    found = []
    for algorithm, fast_lr in dict.fromkeys((row["algorithm"], row["fast_lr"]) for row in rows):
        own = [r for r in rows if (r["algorithm"], r["fast_lr"]) == (algorithm, fast_lr)]
        errors = [row["error"] for row in own]
        ratio = max(errors) / min(errors)
        holds = "does not depend" if ratio <= FLAT else "depends"
        line = (
            f"asymmetry, fast_lr {fast_lr:g}: error of {algorithm} {holds} on it: largest over "
            f"smallest {ratio:.3f}"
        )
        name = f"{algorithm}_fast_lr{fast_lr:g}_asymmetry_ratio".replace(".", "p")
        found.append((line, (name, ratio)))
    return found


def _figures(plan: Plan, first: Sequence[Row], second: Sequence[Row]) -> Row:
    """Flat names of all means and spreads."""
    figures: Row = {"experiment": "chopped-offset", "seed": plan.seed, "updates": plan.updates}
    figures |= {"size": plan.size, "constructions": plan.constructions}
    for rows, axis in ((first, "offset"), (second, "bound")):
        for row in rows:
            place = f"{row[axis]:g}".replace(".", "p")
            name = f"{row['algorithm']}_states{row['states']}_{axis}{place}"
            if axis == "bound":
                name += f"_fast_lr{row['fast_lr']:g}".replace(".", "p")
            figures[f"{name}_error"] = row["error"]
            figures[f"{name}_spread"] = row["spread"]
    return figures
