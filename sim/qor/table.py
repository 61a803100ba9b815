"""Our figures beside those of others, as text."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sim.qor.forms import Form
from sim.qor.verdict import bars, compare

HEADER = ("unit", "LUT", "FF", "DSP", "MHz", "cycles")


def rows(form: Form, ours: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row for each bar: ``bar``, its figures, ``beaten`` and ``verdict``."""
    found = []
    for bar in bars(form):
        beaten, verdict = compare(ours, bar)
        figures = dataclasses.asdict(bar)
        found.append({"bar": figures.pop("name"), **figures, "beaten": beaten, "verdict": verdict})
    return found


def markdown(results: Sequence[Mapping[str, Any]], title: str) -> str:
    """Table of results (see `run.measure_forms`), ours in bold and what it has to beat below."""
    lines = [f"# {title}", "", f"| {' | '.join([*HEADER, 'verdict'])} |"]
    lines.append("|---|" + "---:|" * 5 + "---|")
    for result in results:
        cells = [f"**{cell}**" for cell in (result["name"], *_figures(result))]
        lines.append(_row([*cells, _setting(result)]))
        lines += [
            _row([f"- {row['bar']}", *_figures(row), row["verdict"]]) for row in result["bars"]
        ]
    return "\n".join(lines) + "\n"


def plain(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the table of `markdown` for a terminal."""
    found: list[tuple[str, ...]] = [(*HEADER, "verdict")]
    for result in results:
        found.append((result["name"], *_figures(result), _setting(result)))
        for row in result["bars"]:
            found.append((f"  {row['bar']}", *_figures(row), row["verdict"]))
    first = max(len(row[0]) for row in found)
    return "\n".join(
        f"{row[0]:{first}}" + "".join(f"{cell:>7}" for cell in row[1:6]) + f"  {row[6]}".rstrip()
        for row in found
    )


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _figures(values: Mapping[str, Any]) -> tuple[str, ...]:
    fmax = values["fmax_mhz"]
    speed = "-" if fmax is None else f"{fmax:.1f}"
    cells = (
        "-" if values.get(name) is None else str(values[name]) for name in ("lut", "ff", "dsp")
    )
    cycles = values["cycles"]
    return (*cells, speed, "-" if cycles is None else str(cycles))


def _setting(result: Mapping[str, Any]) -> str:
    """Say what sets a unit apart: no DSP blocks, and why another one still wins."""
    loses = not all(row["beaten"] for row in result["bars"])
    parts = ["" if result["may_use_dsp"] else "no DSP blocks", result["why"] if loses else ""]
    return "; ".join(filter(None, parts))
