"""One cell of `chopped-runtime`: events of one algorithm on one square array, and RTL cycles."""

import gc
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.config.chopped import ChoppedConfig
from models.config.chopped_tile import ChoppedTileConfig
from models.digital.bf16 import from_float32
from models.digital.chopped import GoldenChoppedUnits
from models.randomness import generator
from models.systems.chopped_array import ChoppedArray
from models.systems.counters import Counters
from sim.experiments.grid import Cell
from sim.experiments.offset_run import Task, config


@dataclass(frozen=True, kw_only=True)
class Events:
    """Settings of a cell.

    Parameters
    ----------
    algorithm : str
        As `SchemeConfig`.
    size : int
        Rows and columns.
    updates, batch : int
        Vector pairs, and how many of them share one call.
    desired_bl, transfer_every : int
        As `PulsedUpdateConfig` and `SchemeConfig`.
    seed : int
        Of everything.
    """

    algorithm: str
    size: int = 512
    updates: int = 400
    batch: int = 50
    desired_bl: int = 5
    transfer_every: int = 2
    seed: int = 1

    def cell(self) -> Cell:
        """Make its cell."""
        name = f"{self.algorithm}_{self.size}_bl{self.desired_bl}_n{self.transfer_every}"
        return Cell(kind="runtime", name=name, parameters=asdict(self))


def settings(events: Events) -> ChoppedConfig:
    """Make the configuration of the array: that of `chopped-offset`, in its own size."""
    return config(
        Task(
            algorithm=events.algorithm,
            size=events.size,
            desired_bl=events.desired_bl,
            transfer_every=events.transfer_every,
            fast_lr=1.0,
        )
    )


def work(cell: Cell, _store: Path) -> dict[str, Any]:
    """Slots, reads and pulses per update of a golden run, and cycles of the RTL tile for them."""
    events = Events(**cell.parameters)
    made = settings(events)
    counters = Counters()
    size = events.size
    array = ChoppedArray(
        0, np.zeros((size, size)), made, GoldenChoppedUnits(made), events.seed, counters
    )
    rng = generator(events.seed, "runtime", "samples")
    for step in range(events.updates // events.batch):
        x = rng.uniform(-1, 1, (events.batch, size)).astype(np.float32)
        delta = rng.standard_normal((events.batch, size)).astype(np.float32)
        array.update(from_float32(x), from_float32(delta), step, 0.1)
    return counted(counters, events) | cycles(made, counters, events)


def counted(counters: Counters, events: Events) -> dict[str, float]:
    """Events per vector pair."""
    vectors = counters["vectors_fast"] or counters["vectors_slow"]
    name = "slow" if events.algorithm == "sgd" else "fast"
    written = counters["slots_slow"] if events.algorithm == "ttv1" else 0
    return {
        "slots_per_update": counters[f"slots_{name}"] / vectors,
        "reads_per_update": counters["fast_reads"] / vectors,
        "write_slots_per_read": written / max(counters["fast_reads"], 1),
        "pulses_per_update": counters[f"device_pulses_{name}"] / vectors,
        "slow_pulses_per_update": counters["device_pulses_slow"] / vectors,
    }


def cycles(made: ChoppedConfig, counters: Counters, events: Events) -> dict[str, float]:
    """Clock cycles per vector pair of the generated tile when nothing stalls."""
    from rtl_gen.train.chopped_timing import update_cycles

    latencies = _latencies(made.tile)
    lines = {"rows": events.size, "columns": events.size}
    per_update = counted(counters, events)
    count = 1000
    slots = np.diff(np.round(np.arange(count + 1) * per_update["slots_per_update"])).astype(int)
    reads = round(count * per_update["reads_per_update"])
    passes = reads // events.size
    total = update_cycles(made.tile, latencies, lines, slots.tolist(), reads, passes)
    if events.algorithm == "ttv1":
        write = [max(1, round(per_update["write_slots_per_read"]))] * reads
        total += update_cycles(made.tile, latencies, lines, write, 0, 0)
    empty = update_cycles(made.tile, latencies, lines, [0] * count, 0, 0)
    return {"rtl_cycles_per_update": total / count, "rtl_cycles_without_slots": empty / count}


def _latencies(config: ChoppedTileConfig) -> dict[str, int]:
    """Latencies of the units in a tile that is not elaborated, of which Amaranth would warn."""
    from amaranth.hdl import UnusedElaboratable

    from rtl_gen.train.chopped_tile import ChoppedTile

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnusedElaboratable)
        found = ChoppedTile(config).latencies
        gc.collect()
    return found
