"""Operations of a tile of pulsed training as the commands and words that its streams take."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.config.chopped_tile import ChoppedTileConfig
from models.digital.relu_mask import MASK
from rtl_gen.train.chopped_command import REGISTERS, Bank, Op
from rtl_gen.train.chopped_timing import command_cycles, update_cycles
from sim.cosim.chopped_expected import before
from sim.cosim.chopped_operations import ChoppedTileOp
from sim.cosim.steps import Step

STATES = {"h": Bank.H, "mean": Bank.MEAN, "past": Bank.PAST}


def steps(op: ChoppedTileOp, config: ChoppedTileConfig) -> Iterator[Step]:
    """Commands of one operation in order."""
    return _update(op, config) if op.kind == "update" else _conversion(op)


def state_names(op: ChoppedTileOp, config: ChoppedTileConfig) -> tuple[str, ...]:
    """States of crosspoints that an operation loads and reads back."""
    if not op.transfers:
        return ()
    return ("h", "mean", "past") if config.follows else ("h",)


def runs(places: NDArray[np.integer]) -> list[tuple[int, int]]:
    """First row and number of each run of neighbouring rows."""
    if not len(places):
        return []
    parts = np.split(places, np.flatnonzero(np.diff(places) != 1) + 1)
    return [(int(part[0]), len(part)) for part in parts]


def _size(op: ChoppedTileOp) -> dict[str, int]:
    return {"rows": op.rows, "columns": op.columns}


def _conversion(op: ChoppedTileOp) -> Iterator[Step]:
    command = {
        **_size(op),
        "op": Op[op.kind.upper()].value,
        "array": op.array,
        "differential": int(op.reference),
        "scale": op.scale,
        "activation": op.activation,
    }
    if op.kind == "read":
        command |= {"row": op.row, "drive": op.drive}
    words = op.codes.astype(np.int64).tolist()
    if op.activation == MASK:
        words += np.asarray(op.mask, np.int64).tolist()
    yield Step(command=command, words=words, timed=True)


def _update(op: ChoppedTileOp, config: ChoppedTileConfig) -> Iterator[Step]:
    lines = {"bank": Bank.LINES.value, "rows": config.macro.lines}
    registers = {"bank": Bank.REGISTERS.value}
    write, read = {"op": Op.STATE_WRITE.value}, {"op": Op.STATE_READ.value}
    yield Step(command=write | lines, words=_line_words(op, config))
    yield Step(command=write | registers, words=_register_words(op, config))
    states = state_names(op, config)
    for name in states:
        at = 0
        for row, rows in runs(op.places):
            values: Any = getattr(op, name)[at : at + rows]
            at += rows
            bank = {"bank": STATES[name].value, "row": row, "rows": rows, "columns": op.columns}
            yield Step(command=write | bank, words=values.astype(np.int64).ravel().tolist())
    words = np.hstack([op.x, op.delta]).astype(np.int64).ravel().tolist()
    yield Step(command=update_command(op), words=words, timed=True)
    yield Step(command=read | lines)
    yield Step(command=read | registers)
    for name in states:
        for row, rows in runs(op.places):
            bank = {"bank": STATES[name].value, "row": row, "rows": rows, "columns": op.columns}
            yield Step(command=read | bank)


def update_command(op: ChoppedTileOp) -> dict[str, int]:
    """Fields of UPDATE."""
    control = op.control
    return {
        **_size(op),
        "op": Op.UPDATE.value,
        "array": op.array,
        "differential": int(op.reference),
        "drive": op.drive,
        "vectors": len(op.x),
        "rate": op.rate,
        "transfers": int(op.transfers),
        "transfer_every": op.transfer_every,
        "threshold": control.threshold,
        "step": control.step,
        "momentum": control.momentum,
        "transfer_scale": control.scale,
        "beta": control.beta,
    }


def _line_words(op: ChoppedTileOp, config: ChoppedTileConfig) -> list[int]:
    state, words = before(op, config), np.zeros(config.macro.lines, np.int64)
    for place, bits in enumerate((state.row_choppers, state.flipped, state.column_choppers)):
        words[: len(bits)] |= bits.astype(np.int64) << place
    return words.tolist()


def _register_words(op: ChoppedTileOp, config: ChoppedTileConfig) -> list[int]:
    state = before(op, config)
    return [*(getattr(state, name) for name in REGISTERS[:-1]), op.trains_state]


def bare_cycles(
    step: Step, op: ChoppedTileOp, config: ChoppedTileConfig, latencies: Mapping[str, int]
) -> int:
    """Cycles of a step when nothing stalls; for an update those of the longest trains."""
    if step.command["op"] != Op.UPDATE.value:
        return command_cycles(config, latencies, step.command)
    slots = [config.update.desired_bl] * len(op.x)
    reads = len(op.lines)
    passes = reads // op.rows + 1
    return update_cycles(config, latencies, step.command, slots, reads, passes)
