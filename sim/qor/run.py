"""The runs of `imctwin bench qor`: all forms beside their peers, or a sweep over depths."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from models.trainer.progress import Progress
from sim.files import write_atomically
from sim.qor import table, tools
from sim.qor.forms import Form
from sim.qor.measure import JOBS, NAME, SEEDS, measure
from sim.qor.plot import area_against_speed

TITLE = "Area and speed on ECP5-25k, speed grade 6"


def compare_forms(
    forms: Sequence[Form], folder: Path, seeds: Sequence[int] = SEEDS, jobs: int = JOBS
) -> list[dict[str, Any]]:
    """Measure ``forms``; write ``summary.json`` and ``table.md`` to ``folder``.

    Returns
    -------
    list of dict
        For each form: ``name``, ``unit``, ``config``, ``may_use_dsp``, ``cycles``, ``why``, the
        figures of `measure` and ``bars`` (`table.rows`).
    """
    progress = Progress("bench qor")
    progress.start(len(forms))
    results = []
    for form in forms:
        figures = _measured(form, seeds, jobs, progress)
        results.append(figures | {"bars": table.rows(form, figures)})
    _write(folder / "summary.json", {"forms": results}, seeds)
    write_atomically(folder / "table.md", table.markdown(results, TITLE).encode())
    return results


def sweep(
    forms: Sequence[Form],
    depths: Sequence[int],
    folder: Path,
    seeds: Sequence[int] = SEEDS,
    jobs: int = JOBS,
) -> list[dict[str, Any]]:
    """Measure each form at each depth; write ``sweep.json``, ``.md``, ``.png`` and ``.svg``.

    Returns
    -------
    list of dict
        As of `compare_forms`, with empty ``bars``.
    """
    progress = Progress("bench qor")
    progress.start(len(forms) * len(depths))
    results = [
        _measured(form.at_depth(depth), seeds, jobs, progress) for form in forms for depth in depths
    ]
    _write(folder / "sweep.json", {"points": results}, seeds)
    text = table.markdown(results, f"{TITLE}, over pipeline depths")
    write_atomically(folder / "sweep.md", text.encode())
    for kind in ("png", "svg"):
        write_atomically(folder / f"sweep.{kind}", area_against_speed(results, kind))
    return results


def _measured(form: Form, seeds: Sequence[int], jobs: int, progress: Progress) -> dict[str, Any]:
    config = dataclasses.asdict(form.config)
    figures = measure(form.build(), NAME, dsp=form.dsp, seeds=seeds, jobs=jobs)
    about = {
        "name": form.name,
        "unit": form.unit,
        "config": {key: getattr(form.config, key) for key in config} | _formats(config),
        "may_use_dsp": form.dsp,
        "cycles": form.config.depth,
        "why": form.why,
    }
    speed = f", {figures['fmax_mhz']} MHz" if seeds else ""
    progress.note(f"{form.name}, {form.config.depth} cycles: {figures['lut']} LUT{speed}")
    progress.advance()
    return about | figures | {"bars": []}


def _formats(config: dict[str, Any]) -> dict[str, Any]:
    """Names of the formats among the values of ``config``."""
    return {key: value["name"] for key, value in config.items() if isinstance(value, dict)}


def _write(path: Path, content: dict[str, Any], seeds: Sequence[int]) -> None:
    about = {"title": TITLE, "tools": tools.ready(), "seeds": list(seeds)}
    write_atomically(path, (json.dumps(about | content, indent=2) + "\n").encode())
