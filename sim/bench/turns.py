"""Workers in processes of their own that take turns."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from sim.bench.rates import Rates, alternate
from sim.bench.settings import Settings, Unequal
from sim.toolchain import ToolchainError

ROOT = Path(__file__).parents[2]
ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)


class WorkerError(ToolchainError):
    """A worker ended before its time."""


class Worker:
    """A process of `sim.bench.worker`.

    Attributes
    ----------
    amount, cpu_s, wall_s : number
        Of all turns.
    peak_mib : float
        Peak of memory so far.
    """

    def __init__(self, process: subprocess.Popen, kind: str, log: Path):
        self._process, self._kind, self._log = process, kind, log
        self.amount, self.cpu_s, self.wall_s, self.peak_mib = 0, 0.0, 0.0, 0.0

    def turn(self, seconds: float) -> float:
        """Work for about so many CPU seconds; give the rate by CPU time."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        done = self.answer()
        self.amount += done["amount"]
        self.cpu_s += done["cpu_s"]
        self.wall_s += done["wall_s"]
        self.peak_mib = done["peak_mib"]
        return done["amount"] / max(done["cpu_s"], 1e-9)

    def answer(self) -> dict[str, Any]:
        """Wait for a line.

        Raises
        ------
        Unequal
            If the worker found different results.
        WorkerError
            If it ended otherwise.
        """
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            return json.loads(line)
        lines = self._log.read_text().strip().splitlines()
        last = lines[-1] if lines else "no message"
        if last.startswith(f"{Unequal.__module__}.{Unequal.__name__}: "):
            raise Unequal(last.split(": ", 1)[1])
        raise WorkerError(f"{self._kind} ended early: {last} (see {self._log})")


@contextmanager
def started(kind: str, path: Path, folder: Path) -> Iterator[Worker]:
    """Start a worker, wait until it is warm, end it when done; its messages go to ``folder``."""
    command = [sys.executable, "-m", "sim.bench.worker", kind, str(path.absolute())]
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": paths}
    log = folder / f"{kind.replace(':', '_')}.log"
    with log.open("w") as messages:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=messages,
            text=True,
            env=environment,
        )
    try:
        worker = Worker(process, kind, log)
        worker.answer()
        yield worker
    finally:
        process.communicate()


def by_turns(kinds: Mapping[str, str], path: Path, settings: Settings) -> tuple[Rates, dict]:
    """Rates by name, one per round, and the workers after it; ``kinds`` gives theirs by name."""
    with ExitStack() as stack:
        workers = {}
        for name, kind in kinds.items():
            settings.say(f"starting {name}")
            workers[name] = stack.enter_context(started(kind, path, settings.folder))
        meters = {
            name: lambda worker=worker: worker.turn(settings.turn_s)
            for name, worker in workers.items()
        }
        return alternate(meters, settings.rounds), workers
