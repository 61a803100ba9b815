"""Random operations of a tile, aimed at the corners of its sequencing."""

import numpy as np

from models.config.tile import TileConfig
from sim.cosim.operations import TileOp


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
    inputs, outputs = some_size(rng, macro.rows), some_size(rng, macro.pairs)
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
