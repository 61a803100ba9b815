"""Figures as tables, for a terminal and in Markdown."""

from collections.abc import Sequence

from sim.bench.cases import CASES
from sim.bench.settings import Figures
from sim.bench.verdicts import ELSEWHERE

MEANS = ("verilator", "cxxrtl", "bitsliced", "twin", "bare", "cocotb")
SHOWN_RATIOS = (
    ("per bare", "verilator_per_bare"),
    ("per cocotb", "verilator_per_cocotb"),
    ("bits./veril.", "bitsliced_per_verilator"),
    ("veril./twin", "verilator_per_twin"),
)
Table = tuple[str, list[tuple[str, ...]]]
TRAINING, PULSED, ANALOG = "training_", "pulsed_", "analog_"


def tables(figures: Figures) -> list[Table]:
    """Title and rows, the first of them names of columns; a part that was not run has none."""
    found = [
        ("Beats per second of CPU time", _kernels(figures)),
        ("Training, batches of 8, one core", _training(figures, TRAINING)),
        ("Pulsed training, batches of 8, one core", _training(figures, PULSED)),
        ("Analog models and ratios", _rest(figures)),
        ("Measured elsewhere, on a machine of the same class", _elsewhere(figures)),
    ]
    return [(title, rows) for title, rows in found if len(rows) > 1]


def plain(figures: Figures) -> str:
    """Tables for a terminal."""
    text = []
    for title, rows in tables(figures):
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        text.append(f"\n{title}")
        for row in rows:
            rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
            text.append("  ".join([row[0].ljust(widths[0]), *rest]))
    return "\n".join(text)


def markdown(figures: Figures, notes: Sequence[str]) -> str:
    """Return the same in Markdown with ``notes`` below."""
    lines = ["# Speed", ""]
    for title, rows in tables(figures):
        lines += [f"## {title}", "", _row(rows[0]), "|---|" + "---:|" * (len(rows[0]) - 1)]
        lines += [*map(_row, rows[1:]), ""]
    return "\n".join([*lines, *(f"- {note}" for note in notes)]) + "\n"


def number(value: float | int | None) -> str:
    """Three digits; a dash for what was not measured."""
    if value is None:
        return "-"
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(value) >= size:
            return f"{value / min(size, 1e9) * (1 if letter != 'k' else 10):.3g} {letter}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _kernels(figures: Figures) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("unit", *MEANS, *(title for title, _ in SHOWN_RATIOS))]
    for unit in CASES:
        if f"{unit}_verilator_beats_per_s" in figures:
            names = [f"{unit}_{means}_beats_per_s" for means in MEANS]
            names += [f"{unit}_{ratio}" for _, ratio in SHOWN_RATIOS]
            rows.append((unit, *(number(figures.get(name)) for name in names)))
    return rows


def _training(figures: Figures, part: str) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("system", "samples/s", "samples/s (wall)", "peak MiB")]
    ends = ("_samples_per_s", "_samples_per_wall_s", "_peak_mib")
    for name in figures:
        if name.startswith(part) and name.endswith(ends[0]):
            system = name.removesuffix(ends[0])
            cells = (number(figures.get(system + end)) for end in ends)
            rows.append((system.removeprefix(part), *cells))
    return rows


def _rest(figures: Figures) -> list[tuple[str, ...]]:
    rows = [("figure", "value")]
    for name, value in figures.items():
        is_ratio = name.startswith((TRAINING, PULSED)) and not name.endswith(("_s", "_mib"))
        if is_ratio or name.startswith(ANALOG):
            rows.append((name, number(value)))
    return rows


def _elsewhere(figures: Figures) -> list[tuple[str, ...]]:
    rows = [("figure", "elsewhere", "ours in this run")]
    for one in ELSEWHERE:
        if one.ours in figures:
            rows.append((one.what, number(one.value), number(figures[one.ours])))
    return rows
