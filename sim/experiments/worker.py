"""A process that computes cells: JSON lines in, JSON lines out, until its input ends."""

import json
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from models.trainer.interrupt import Interrupted
from sim.experiments.grid import Cell

# Module of each kind of cell; its `work(cell, store)` gives the result.
KINDS = {
    "offset": "sim.experiments.offset_run",
    "mnist": "sim.experiments.mnist_run",
    "runtime": "sim.experiments.runtime_run",
}


def work(cell: Cell, store: Path) -> dict[str, Any]:
    """Compute one cell; what it keeps for later goes to ``store``."""
    return import_module(KINDS[cell.kind]).work(cell, store)


def main() -> int:
    """Answer every line of standard input."""
    store = Path(sys.argv[1])
    try:
        for line in sys.stdin:
            print(json.dumps(work(Cell.from_json(line), store)), flush=True)
    except (Interrupted, KeyboardInterrupt):
        print("interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
