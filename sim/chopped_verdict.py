"""Replay of sampled operations of pulsed training, compared with the twins and with the run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from models.config.chopped import ChoppedConfig
from sim.chopped_corners import coincidences
from sim.cosim.chopped_engines import ChoppedTileResult, compare, expect_all, run_chopped_tile
from sim.pins import Sample
from sim.verdict import pin_verdict


def replay_chopped(
    samples: list[Sample],
    config: ChoppedConfig,
    build_dir: Path,
    *,
    seed: int,
    engine: str = "cocotb",
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Replay through the generated tile; arguments as :func:`sim.pins_verdict.replay_samples`."""
    ops = [sample.op for sample in samples]
    results, wanted = [], []
    if ops:
        how = {"engine": engine, "seed": seed, "progress": progress}
        results = run_chopped_tile(ops, config.tile, build_dir, **how)
        wanted = expect_all(ops, config.tile)
    return pin_verdict(samples, results, wanted, compare, _corners)


def _corners(result: ChoppedTileResult) -> dict[str, int]:
    """Count what a replayed operation reached."""
    found = {}
    if result.adc_codes is not None:
        found["adc_conversions"] = result.adc_codes.size
    if result.row_pulses is not None and result.column_pulses is not None:
        found["slots"] = len(result.row_pulses)
        found["coincidences"] = coincidences(result.row_pulses != 0, result.column_pulses != 0)
    if result.reads is not None:
        found["reads"] = len(result.reads)
    if result.program is not None:
        found["program_transfers"] = len(result.program)
    if result.values is not None:
        found["values_not_zero"] = int(np.count_nonzero(result.values))
    return found
