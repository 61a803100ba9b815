"""What every experiment writes: summary, tables, values; and verdicts."""

import csv
import importlib.metadata
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from sim.files import write_atomically

Rows = Sequence[Mapping[str, Any]]
PACKAGES = ("numpy", "numba")


class Verdict(NamedTuple):
    """A figure beside the rule that it has to meet."""

    name: str
    value: float
    rule: str
    met: bool

    def line(self) -> str:
        """One line for a terminal."""
        return f"{'met   ' if self.met else 'MISSED'} {self.name}: {self.value:.4g} ({self.rule})"


class Table(NamedTuple):
    """Rows of cells under a title; the first row names the columns."""

    title: str
    rows: list[tuple[str, ...]]

    def plain(self) -> str:
        """Text for a terminal."""
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        lines = [self.title]
        for first, *rest in self.rows:
            cells = [c.rjust(w) for c, w in zip(rest, widths[1:], strict=True)]
            lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
        return "\n".join(lines)

    def markdown(self) -> str:
        """Return the same in Markdown."""
        head, *body = (f"| {' | '.join(row)} |" for row in self.rows)
        rule = "|---|" + "---:|" * (len(self.rows[0]) - 1)
        return "\n".join([f"## {self.title}", "", head, rule, *body, ""])


def csv_bytes(rows: Rows) -> bytes:
    """Rows with the same names as CSV; empty without rows."""
    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return text.getvalue().encode()


def written(folder: Path, contents: Mapping[str, bytes]) -> list[Path]:
    """Write files; give their paths."""
    for name, content in contents.items():
        write_atomically(folder / name, content)
    return [folder / name for name in contents]


def summary_bytes(figures: Mapping[str, Any], verdicts: Sequence[Verdict]) -> bytes:
    """Flat figures, versions and verdicts as JSON."""
    content = {
        **figures,
        **{f"version_{name}": importlib.metadata.version(name) for name in PACKAGES},
        "verdicts": [one._asdict() for one in verdicts],
        "missed": [one.name for one in verdicts if not one.met],
    }
    return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()


def report(
    title: str, tables: Sequence[Table], verdicts: Sequence[Verdict], notes: Sequence[str]
) -> bytes:
    """Markdown of a whole experiment."""
    parts = [f"# {title}", "", *(table.markdown() for table in tables)]
    parts += [f"- {one.line()}" for one in verdicts]
    parts += ["", *(f"- {note}" for note in notes)]
    return ("\n".join(parts) + "\n").encode()


def told(tables: Sequence[Table], verdicts: Sequence[Verdict], notes: Sequence[str]) -> int:
    """Print everything; give the exit code: 1 if a verdict is missed."""
    for table in tables:
        print(table.plain() + "\n")
    for line in [*(one.line() for one in verdicts), *notes]:
        print(line)
    return 0 if all(one.met for one in verdicts) else 1


def mean_spread(values: Sequence[float]) -> tuple[float, float]:
    """Mean and sample standard deviation (0 for one value)."""
    mean = sum(values) / len(values)
    if len(values) == 1:
        return mean, 0.0
    return mean, (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5
