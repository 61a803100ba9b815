"""The cross-check report: one HTML file with everything inside."""

import base64
from pathlib import Path
from typing import Any

import jinja2

from models.config.toml import dumps
from sim.files import write_atomically
from sim.report import plots

TEMPLATE = Path(__file__).with_name("crosscheck.html.j2")


def write_report(
    path: Path, summary: dict[str, Any], config: Any, figures: dict[str, bytes]
) -> None:
    """Write the report of a cross-check.

    Parameters
    ----------
    path : Path
        HTML file.
    summary : dict
        As in ``summary.json``.
    config : Any
        Configuration of the run.
    figures : dict of str to bytes
        Further PNG figures by their titles.
    """
    learning = summary["learning"]
    if learning["gradients"]:
        figures = {
            "Learning curves": plots.learning_curves(learning),
            "Weight gradients against FP64 at the same weights": plots.gradients(
                learning["gradients"]
            ),
        } | figures
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["thousands"] = lambda value: f"{value:,}"
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    encoded = {name: base64.b64encode(png).decode() for name, png in figures.items()}
    text = template.render(summary=summary, figures=encoded, config=dumps(config))
    write_atomically(path, text.encode())
