"""One process that works by turns: ``python -m sim.bench.worker KIND FILE``.

It runs on one core with one thread, as its parent (`sim.bench.turns`) asks for in its environment.
For each line on its input, CPU seconds, it works about that long and answers with a line of JSON:
how much it did (``amount``), ``cpu_s``, ``wall_s``, the peak of its memory so far (``peak_mib``).
"""

import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

Step = Callable[[int], int]  # takes its number, gives the amount of work done
MODULES = ("trainers", "pulsed_work", "analog_work", "torch_work", "aihwkit_work")


def main(kind: str, path: Path) -> None:
    """Answer until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    module, name = kind.split(":")
    if module not in MODULES:
        raise ValueError(f"kind must begin with one of {', '.join(MODULES)}, not {module}")
    step = import_module(f"sim.bench.{module}").STEPS[name](path)
    step(0)
    number = 1
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        amount, cpu, wall = 0, time.process_time(), time.perf_counter()
        limit = cpu + float(line)
        while not amount or time.process_time() < limit:
            amount += step(number)
            number += 1
        answer = {
            "amount": amount,
            "cpu_s": time.process_time() - cpu,
            "wall_s": time.perf_counter() - wall,
            "peak_mib": peak_mib(),
        }
        print(json.dumps(answer), file=answers, flush=True)


def peak_mib() -> float:
    """Largest resident memory of this program so far, in MiB.

    From the kernel's ``VmHWM``: ``ru_maxrss`` would also count the parent's memory, which a child
    shares until it starts its own program.
    """
    status = Path("/proc/self/status").read_text().splitlines()
    line = next(line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
