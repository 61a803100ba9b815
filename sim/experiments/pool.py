"""Cells in processes of their own."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

from sim.experiments.grid import Cell
from sim.toolchain import ToolchainError

ROOT = Path(__file__).parents[2]
ONE_THREAD = dict.fromkeys(
    ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"
)
PATIENCE_S = 20.0  # for a step of training to end and its checkpoint to be written


def compute(
    cells: Sequence[Cell],
    store: Path,
    jobs: int,
    done: Callable[[Cell, dict[str, Any]], None],
) -> None:
    """Compute cells in ``jobs`` workers; ``done`` is called with each as it comes.

    Ctrl-C reaches the workers once: a cell that trains writes its checkpoint.

    Raises
    ------
    ToolchainError
        If a worker ended before its time.
    """
    with _workers(jobs, store) as workers, ThreadPoolExecutor(jobs) as threads:
        idle: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
        for worker in workers:
            idle.put(worker)
        tasks = {threads.submit(_one, cell, idle, store): cell for cell in cells}
        try:
            for task in as_completed(tasks):
                done(tasks[task], task.result())
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            _stop(workers)
            raise


def _one(cell: Cell, idle: "SimpleQueue[subprocess.Popen[str]]", store: Path) -> dict[str, Any]:
    worker = idle.get()
    try:
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write(cell.to_json() + "\n")
        worker.stdin.flush()
        line = worker.stdout.readline()
    except OSError:
        line = ""
    finally:
        idle.put(worker)
    if not line:
        raise ToolchainError(f"{cell.name}: its process ended early (see {store / 'worker.log'})")
    return json.loads(line)


@contextmanager
def _workers(jobs: int, store: Path) -> Iterator[list["subprocess.Popen[str]"]]:
    command = [sys.executable, "-m", "sim.experiments.worker", str(store.absolute())]
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": paths}
    workers: list[subprocess.Popen[str]] = []
    try:
        with (store / "worker.log").open("w") as messages:
            for _ in range(jobs):
                workers.append(_started(command, messages, environment))
        yield workers
    finally:
        for worker in workers:
            worker.communicate()


def _started(
    command: Sequence[str], messages: TextIO, environment: Mapping[str, str]
) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=messages,
        text=True,
        env=environment,
        start_new_session=True,  # the terminal's Ctrl-C is for us to pass on
    )


def _stop(workers: Sequence["subprocess.Popen[str]"]) -> None:
    for worker in workers:
        worker.send_signal(signal.SIGINT)
    for worker in workers:
        try:
            worker.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            worker.terminate()
