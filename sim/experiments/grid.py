"""Grids of cells: each is computed once, kept, and found again by what it depends on."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.trainer.progress import Progress
from sim.files import prepared, write_atomically

Result = dict[str, Any]
Work = Callable[["Cell", Path], Result]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One run of an experiment.

    Parameters
    ----------
    kind : str
        Which of `sim.experiments.worker.KINDS` computes it.
    name : str
        Short name for files and messages.
    parameters : dict
        Everything that the result depends on, as JSON.
    """

    kind: str
    name: str
    parameters: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Name and hash of the parameters, for files."""
        text = json.dumps([self.kind, dict(self.parameters)], sort_keys=True)
        plain = re.sub(r"[^A-Za-z0-9_.-]", "_", self.name)
        return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"

    def to_json(self) -> str:
        """One line, for `from_json`."""
        return json.dumps(asdict(self) | {"parameters": dict(self.parameters)})

    @classmethod
    def from_json(cls, text: str) -> "Cell":
        """Inverse of `to_json`."""
        return cls(**json.loads(text))


def kept(cell: Cell, folder: Path) -> Result | None:
    """Give the stored result of a cell; None if there is none that is whole and of this cell."""
    try:
        content = json.loads((folder / f"{cell.key}.json").read_text())
        if content["parameters"] == json.loads(json.dumps(dict(cell.parameters))):
            return dict(content["result"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def keep(cell: Cell, folder: Path, result: Result) -> None:
    """Store the result of a cell."""
    content = {"kind": cell.kind, "parameters": dict(cell.parameters), "result": result}
    text = json.dumps(content, indent=2, sort_keys=True) + "\n"
    write_atomically(folder / f"{cell.key}.json", text.encode())


def run_grid(
    cells: Sequence[Cell],
    folder: Path,
    *,
    jobs: int,
    label: str,
    fresh: bool = False,
    progress: Progress | None = None,
) -> list[Result]:
    """Results of all cells, in their order; those that are stored are not computed again.

    Parameters
    ----------
    cells : sequence of Cell
        The grid.
    folder : Path
        Results go to its ``cells``.
    jobs : int
        Processes; 1 computes in this one.
    label : str
        Name of the run, for its progress.
    fresh : bool
        Compute everything again.
    progress : Progress, optional
        Where to show progress; standard error by default.
    """
    store = prepared(folder / "cells")
    found = {cell.key: None if fresh else kept(cell, store) for cell in cells}
    missing = list({c.key: c for c in cells if found[c.key] is None}.values())
    shown = Progress(label) if progress is None else progress
    shown.start(len(found), len(found) - len(missing))

    def done(cell: Cell, result: Result) -> None:
        keep(cell, store, result)
        found[cell.key] = json.loads(json.dumps(result))
        shown.advance()

    try:
        _compute(missing, store, min(jobs, len(missing)), done)
    finally:
        shown.close()
    return [dict(found[cell.key] or {}) for cell in cells]


def _compute(
    missing: Sequence[Cell], store: Path, jobs: int, done: Callable[[Cell, Result], None]
) -> None:
    if jobs > 1:
        from sim.experiments.pool import compute

        compute(missing, store, jobs, done)
        return
    from sim.experiments.worker import work

    for cell in missing:
        done(cell, work(cell, store))
