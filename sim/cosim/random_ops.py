"""Random operations of a tile, aimed at the corners of its sequencing."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from models.analog.device import on_grid
from models.analog.macro import AnalogMacro, draw_converters
from models.config.memristor import MemristorConfig
from models.config.tile import TileConfig
from models.config.toml import config_hash
from models.randomness import generator
from models.trainer.progress import Progress
from sim.cosim.engines import run_tile
from sim.cosim.expected import compare, expect_all
from sim.cosim.operations import TileOp
from sim.files import write_atomically


def bf16(values) -> np.ndarray:
    """Patterns of numbers, rounded toward zero."""
    return (np.asarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)


def some_size(rng, limit: int) -> int:
    """Often 1 or the limit, else anything between."""
    return int(rng.choice([1, limit, rng.integers(1, limit + 1)]))


def conversion(rng, config: TileConfig, kind: str, conductance, **fields) -> TileOp:
    """One forward or backward operation."""
    macro, adc = config.macro, config.adc_interface
    forward = kind == "forward"
    lines_in, lines_out = (macro.rows, macro.pairs) if forward else (macro.pairs, macro.rows)
    inputs = some_size(rng, lines_in)
    outputs = fields.get("outputs", some_size(rng, lines_out))
    slices, signed = some_size(rng, macro.slice_count), bool(rng.integers(2))
    limit = 2 ** min(macro.dac_bits, slices * macro.slice_bits) - 1
    codes = rng.integers(-limit if signed or not forward else 0, limit + 1, inputs)
    codes[rng.random(inputs) < 0.2] = limit
    chained = rng.integers(-2000, 2000, outputs)
    chained[rng.random(outputs) < 0.1] = 2 ** (config.sum_width - 1) - 1  # wraps
    half = 1 << adc.offset_width - 1
    drawn = {
        "kind": kind,
        "codes": codes,
        "outputs": outputs,
        "slices": slices,
        "signed": signed,
        "adc_range": int(rng.integers(macro.range_count)),
        "activation": int(rng.integers(3)),
        "exponent": int(rng.integers(-1, 4)),
        "stochastic": bool(rng.integers(2)),
        "gain": rng.integers(0, 1 << adc.gain_width, macro.adc_count),
        "offset": rng.integers(-half, half, macro.adc_count),
        "scale": bf16(rng.normal(0, 0.01, outputs)),
        "bias": bf16(rng.normal(0, 10, outputs)),
        "mask": rng.random(outputs) < 0.5,
        "chain": chained if rng.integers(2) else None,
        "conductance": conductance,
    }
    drawn |= fields
    phases = 1 if forward and not drawn["signed"] else 2
    sensed = macro.columns if forward else macro.rows
    drawn["noise"] = rng.standard_normal((drawn["slices"], phases, sensed), np.float32)
    return TileOp(**drawn)


def update(rng, config: TileConfig, **fields) -> TileOp:
    """One update; about half of the weights reach the threshold when transferred."""
    macro, unit = config.macro, config.update
    # one product takes a cycle: a corner of a large array is enough
    inputs, outputs = (some_size(rng, min(64, size)) for size in (macro.rows, macro.pairs))
    limit = 2 ** (unit.code_width - 1) - 1
    count = int(rng.choice([1, unit.chunk, unit.chunk + 1, 2 * unit.chunk]))
    shift = int(rng.integers(0, 3))
    step = max(1, int(limit**2 * count**0.5 * 2**shift / 3))
    if unit.variant == "fixed":
        edge = 2 ** (unit.chi_width - 1) - 1
        chi = rng.integers(-2 * step, 2 * step, (inputs, outputs))
        chi[rng.random(chi.shape) < 0.1] = edge
        threshold = step
    else:
        chi = bf16(rng.normal(0, step, (inputs, outputs)))
        threshold = int(bf16(step))
    drawn = {
        "kind": "update",
        "x": rng.integers(-limit, limit + 1, (count, inputs)),
        "delta": rng.integers(-limit, limit + 1, (count, outputs)),
        "chi": chi,
        "shift": shift,
        "update_scale": int(bf16(2.0**shift)),
        "threshold": threshold,
        "transfer": bool(rng.integers(4)),
    }
    return TileOp(**(drawn | fields))


def mixture(rng, config: TileConfig, conductance, count: int) -> list[TileOp]:
    """``count`` operations of all kinds."""
    ops = []
    for kind in rng.permuted(np.resize(["forward", "backward", "update"], count)).tolist():
        ops.append(
            update(rng, config) if kind == "update" else conversion(rng, config, kind, conductance)
        )
    return ops


def run_random(
    config: MemristorConfig,
    folder: Path,
    count: int,
    *,
    seed: int,
    waves: bool,
    engine: str = "cocotb",
) -> dict[str, Any]:
    """Run random operations through the generated tile and compare them with the twins.

    Parameters
    ----------
    config : MemristorConfig
        The system whose tile and macro are used.
    folder : Path
        Where build, logs and ``summary.json`` go.
    count : int
        Operations.
    seed : int
        Of operations, conductances, converters and stalls.
    waves : bool
        Write a waveform; not with the engine ``kernel``.
    engine : {"cocotb", "kernel"}
        What clocks the tile, see :func:`sim.cosim.engines.run_tile`.

    Returns
    -------
    dict
        The summary.
    """
    rng, macro = generator(seed, "cosim"), config.macro
    conductance = on_grid(rng.random((macro.rows, macro.columns)))
    physics = AnalogMacro(
        macro, config.device, config.adc, draw_converters(config.adc, macro.adc_count, rng)
    )
    ops = mixture(rng, config.tile, conductance, count)
    progress = Progress("cosim")
    progress.start(count)
    results = run_tile(
        ops,
        config.tile,
        physics,
        folder / "sim",
        engine=engine,
        seed=seed,
        progress=progress.reach,
        waves=waves,
    )
    progress.close()
    summary: dict[str, Any] = {
        "system": "memristor",
        "config_hash": config_hash(config),
        "seed": seed,
        "operations": count,
        "compared": 0,
        "differences": 0,
        "cycles": sum(result.cycles for result in results),
        "first_difference": None,
    }
    wanted = expect_all(ops, config.tile, physics)
    for number, (op, result, want) in enumerate(zip(ops, results, wanted, strict=True)):
        counts = compare(result, want)
        summary["compared"] += sum(size for size, _ in counts.values())
        wrong = [name for name, (_, differ) in counts.items() if differ] + list(result.errors)
        summary["differences"] += sum(differ for _, differ in counts.values()) + len(result.errors)
        if wrong and summary["first_difference"] is None:
            summary["first_difference"] = f"operation {number} ({op.kind}): {wrong[0]}"
    write_atomically(folder / "summary.json", (json.dumps(summary, indent=2) + "\n").encode())
    return summary
