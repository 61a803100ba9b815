"""Replay of sampled operations, compared with the twins and with the training run."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from models.analog.macro import AnalogMacro
from models.config.memristor import MemristorConfig
from sim.corners import bf16_rounding
from sim.cosim.engines import run_tile
from sim.cosim.expected import compare, expect_all
from sim.cosim.operations import TileResult
from sim.pins import Sample
from sim.verdict import pin_verdict


def replay_samples(
    samples: list[Sample],
    config: MemristorConfig,
    build_dir: Path,
    *,
    seed: int,
    engine: str = "cocotb",
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Replay through the generated tile; compare with the twins and with the training run.

    Parameters
    ----------
    samples : list of Sample
        Operations, with what the training run had in their place.
    config : MemristorConfig
        The system.
    build_dir : Path
        Where a build goes.
    seed : int
        Of the gaps on every stream.
    engine : {"cocotb", "kernel"}
        What clocks the tile, see :func:`sim.cosim.engines.run_tile`.
    progress : callable, optional
        Called with operations done and their number.

    Returns
    -------
    dict
        The ``pins`` part of a summary.
    """
    corners = partial(_corners, config=config)
    if not samples:
        return pin_verdict([], [], [], compare, corners)
    converters = next(s.op.converters for s in samples if s.op.converters is not None)
    macro = AnalogMacro(config.macro, config.device, config.adc, converters)
    ops = [sample.op for sample in samples]
    results = run_tile(
        ops, config.tile, macro, build_dir, engine=engine, seed=seed, progress=progress
    )
    wanted = expect_all(ops, config.tile, macro)
    return pin_verdict(samples, results, wanted, compare, corners)


def _corners(result: TileResult, config: MemristorConfig) -> dict[str, int]:
    """Count what a replayed operation reached."""
    if result.pulses is not None:
        return {
            "pulses": int(result.pulses[:, 3].sum()),
            "program_transfers": len(result.pulses),
        }
    sums, codes, adc = (np.asarray(x) for x in (result.sums, result.codes, result.adc_codes))
    inexact, ties = bf16_rounding(sums)
    full = 2**config.macro.adc_bits - 1
    limit = config.tile.post_process.requantize.limit
    return {
        "adc_conversions": adc.size,
        "adc_codes_at_a_bound": int(np.count_nonzero((adc == 0) | (adc == full))),
        "bf16_inexact": inexact,
        "bf16_ties": ties,
        "code_saturations": int(np.count_nonzero(np.abs(codes) == limit)),
        "negative_sums": int(np.count_nonzero(sums < 0)),
    }
