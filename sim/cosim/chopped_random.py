"""Random operations of a tile of pulsed training, aimed at the corners of its sequencing."""

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.config.chopped_tile import ChoppedTileConfig
from models.config.mvm import MvmConfig
from models.digital.sequencer import SequencerState
from models.digital.transfer import TransferControl
from sim.cosim.chopped_operations import ChoppedTileOp
from sim.cosim.random_ops import bf16, some_size

LONGEST = 12  # vectors of an update


def converters(config: ChoppedTileConfig, output_bound: float) -> MvmConfig:
    """Give the converters of the macro some noise and a bound, near what sums reach."""
    macro = config.macro
    return MvmConfig(
        dac_bits=macro.dac_bits,
        adc_bits=macro.adc_bits,
        output_bound=output_bound,
        output_noise=0.1,
    )


def weights(rng: Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Weights on the grid of exact sums."""
    return np.rint(rng.uniform(-1, 1, shape) * 2**24) / 2**24


def product(rng: Generator, config: ChoppedTileConfig, kind: str, **fields: Any) -> ChoppedTileOp:
    """One forward or backward product, or the read of a row."""
    macro = config.macro
    rows, columns = _size(rng, config, fields)
    driven, sensed = (columns, rows) if kind == "backward" else (rows, columns)
    limit = macro.largest_input
    codes = rng.integers(-limit, limit + 1, driven)
    codes[rng.random(driven) < 0.2] = limit
    drawn = {
        "kind": kind,
        "rows": rows,
        "columns": columns,
        "array": int(rng.integers(2)),
        "reference": bool(rng.integers(2)),
        "mvm": converters(config, 0.8 if kind == "read" else 2.0),
        "scale": int(bf16(rng.normal(0, 0.1))),
        "activation": int(rng.integers(3)),
        "mask": rng.random(sensed) < 0.5,
        "noise": rng.standard_normal(sensed, np.float32),
    }
    if kind == "read":
        row, drive = int(rng.integers(rows)), int(rng.choice([limit, -limit, 1]))
        drawn |= {"row": row, "drive": drive, "lines": weights(rng, (1, columns))}
    else:
        drawn |= {"codes": codes, "weight": weights(rng, (macro.rows, macro.columns))}
    return ChoppedTileOp(**(drawn | fields))


def update(rng: Generator, config: ChoppedTileConfig, **fields: Any) -> ChoppedTileOp:
    """One update from a random state; some of its vectors have no pulses."""
    macro = config.macro
    rows, columns = _size(rng, config, fields)
    count = int(rng.integers(1, LONGEST + 1))
    x, delta = rng.normal(0, 1, (count, rows)), rng.normal(0, 0.01, (count, columns))
    for values in (x, delta):
        values[rng.random(values.shape) < 0.3] = 0
        values[rng.random(count) < 0.15] = 0
    every = int(rng.choice([1, 2, 3]))
    drawn = {
        "kind": "update",
        "rows": rows,
        "columns": columns,
        "array": int(rng.integers(2)),
        "reference": bool(rng.integers(2)),
        "mvm": converters(config, 0.8),
        "drive": macro.largest_input,
        "x": bf16(x),
        "delta": bf16(delta),
        "rate": int(bf16(rng.choice([100.0, 1000.0, 1.0]))),
        "transfers": bool(rng.random() < 0.8),
        "transfer_every": every,
        "sequencer": _sequencer(rng, config, rows, every),
        "trains_state": int(rng.integers(1, 2**config.trains.lfsr.width)),
    }
    drawn |= fields
    if drawn["transfers"]:
        drawn |= _transfers(rng, config, drawn)
    return ChoppedTileOp(**(drawn | fields))


def mixture(rng: Generator, config: ChoppedTileConfig, count: int) -> list[ChoppedTileOp]:
    """``count`` operations of all kinds, half of them updates."""
    kinds = ["forward", "update", "backward", "update", "read", "update"]
    drawn = rng.permuted(np.resize(kinds, count)).tolist()
    return [
        update(rng, config) if kind == "update" else product(rng, config, kind) for kind in drawn
    ]


def _size(rng: Generator, config: ChoppedTileConfig, fields: dict[str, Any]) -> tuple[int, int]:
    """Lines in use, unless they are given."""
    rows, columns = (some_size(rng, n) for n in (config.macro.rows, config.macro.columns))
    return fields.get("rows", rows), fields.get("columns", columns)


def _sequencer(rng: Generator, config: ChoppedTileConfig, rows: int, every: int) -> SequencerState:
    unit = config.sequencer
    rows_flip, columns_flip = unit.chopping != "none", unit.out_chance > 0
    sides = (unit.rows, rows_flip), (unit.rows, rows_flip), (unit.columns, columns_flip)
    row_bits, flipped, column_bits = (
        rng.integers(0, 2, lines).astype(np.uint8) * flip for lines, flip in sides
    )
    return SequencerState(
        row=int(rng.integers(rows)),
        vectors=int(rng.integers(every)),
        passes=int(rng.choice(np.array([unit.period - 1, rng.integers(unit.period)]))),
        settled=int(rng.integers(2)),
        row_choppers=row_bits,
        flipped=flipped,
        column_choppers=column_bits,
        lfsr=int(rng.integers(1, 2**unit.lfsr.width)),
    )


def _transfers(rng: Generator, config: ChoppedTileConfig, drawn: dict[str, Any]) -> dict[str, Any]:
    """Draw what the reads see, and a state in which about half of them give a pulse."""
    rows, columns = drawn["rows"], drawn["columns"]
    reads = (drawn["sequencer"].vectors + len(drawn["x"])) // drawn["transfer_every"]
    unit, shape = config.transfer, (rows, columns)
    code = 2 ** (unit.reference.code_width - 1) - 1
    if unit.variant == "fixed":
        one, limit = 1 << unit.reference.fraction_bits, 2 ** (unit.state_width - 1) - 1
        threshold = 2 * code * one
        h = rng.integers(-threshold, threshold + 1, shape)
        h[rng.random(shape) < 0.1] = limit
        h[rng.random(shape) < 0.1] = -limit
        means = rng.integers(-code * one, code * one + 1, (2, *shape)).astype(np.int32)
        control = TransferControl(
            threshold=threshold,
            step=int(rng.integers(1, threshold)),
            momentum=int(rng.integers(256)),
            beta=int(rng.choice(np.array([0, 4096, rng.integers(4097)]))),
        )
    else:
        h = bf16(rng.normal(0, 1, shape))
        means = bf16(rng.normal(0, code / 2, (2, *shape)))
        numbers = {"step": 0.7, "momentum": rng.random(), "scale": 1 / code, "beta": rng.random()}
        control = TransferControl(**{name: int(bf16(value)) for name, value in numbers.items()})
    return {
        "lines": weights(rng, (reads, columns)),
        "noise": rng.standard_normal((reads, columns), np.float32),
        "control": control,
        "places": np.arange(rows),
        "h": h,
        "mean": means[0] if config.follows else None,
        "past": means[1] if config.follows else None,
    }
