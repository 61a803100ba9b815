"""Replay of sampled operations, compared with the twins and with the training run."""

from collections import Counter
from collections.abc import Callable
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
    if not samples:
        return _verdict([], [], [], config)
    converters = next(s.op.converters for s in samples if s.op.converters is not None)
    macro = AnalogMacro(config.macro, config.device, config.adc, converters)
    ops = [sample.op for sample in samples]
    results = run_tile(
        ops, config.tile, macro, build_dir, engine=engine, seed=seed, progress=progress
    )
    wanted = expect_all(ops, config.tile, macro)
    return _verdict(samples, results, wanted, config)


def _verdict(
    samples: list[Sample],
    results: list[TileResult],
    wanted: list[TileResult],
    config: MemristorConfig,
) -> dict[str, Any]:
    totals: Counter[str] = Counter()
    by_kind: dict[str, Counter[str]] = {}
    by_field: dict[str, Counter[str]] = {}
    first, errors = None, []
    for sample, result, want in zip(samples, results, wanted, strict=True):
        kind = by_kind.setdefault(sample.unit, Counter())
        counts = compare(result, want)
        for name, array in sample.trained.items():
            got = getattr(result, name)
            same = got.shape == array.shape
            wrong = int((got != array).sum()) if same else max(got.size, array.size)
            counts[f"{name}_of_training"] = (array.size, wrong)
        kind["operations"] += 1
        kind["cycles"] += result.cycles
        totals["cycles"] += result.cycles
        for name, (size, wrong) in counts.items():
            totals["compared"] += size
            totals["differences"] += wrong
            by_field.setdefault(name, Counter()).update(compared=size, differences=wrong)
            if wrong and first is None:
                first = _first(sample, name, result, want)
        for error in result.errors:
            totals["differences"] += 1
            errors.append(f"step {sample.step}, layer {sample.layer}, {sample.unit}: {error}")
        kind.update(_corners(result, config))
    return {
        "operations": len(samples),
        "compared": totals["compared"],
        "differences": totals["differences"],
        "cycles": totals["cycles"],
        "by_kind": {name: dict(counts) for name, counts in sorted(by_kind.items())},
        "by_field": {name: dict(counts) for name, counts in sorted(by_field.items())},
        "first_difference": first,
        "protocol_errors": errors[:20],
    }


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


def _first(sample: Sample, name: str, result: TileResult, want: TileResult) -> dict[str, Any]:
    plain = name.removesuffix("_of_training")
    expected = sample.trained[plain] if name != plain else getattr(want, plain)
    got, found = (np.asarray(part).reshape(-1) for part in (getattr(result, plain), expected))
    index, values = 0, (None, None)
    if got.shape == found.shape:
        index = int(np.flatnonzero(got != found)[0])
        values = int(found[index]), int(got[index])
    return {
        "unit": f"tile.{sample.unit}",
        "field": name,
        "step": sample.step,
        "layer": sample.layer,
        "index": index,
        "golden": values[0],
        "rtl": values[1],
    }
