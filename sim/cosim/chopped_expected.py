"""Results of operations of a tile of pulsed training from the bit-exact twins alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.config.chopped_macro import ChoppedMacroConfig
from models.config.chopped_tile import ChoppedTileConfig
from models.config.floats import FloatMulConfig, IntToFloatConfig
from models.digital import sequencer
from models.digital.float_mul import float_mul
from models.digital.int_to_float import int_to_float
from models.digital.pulse_trains import pulse_trains
from models.digital.relu_mask import MASK, relu_mask
from models.digital.sar import sar
from models.digital.sequencer import SequencerState
from models.digital.transfer import transfer_sequence
from models.digital.update_management import Managed, update_management
from sim.cosim.chopped_operations import COMPARED, ChoppedTileOp, ChoppedTileResult
from sim.cosim.chopped_physics import product_held, row_held

SEED = 1  # of both registers after reset


def expect_all(ops: Sequence[ChoppedTileOp], config: ChoppedTileConfig) -> list[ChoppedTileResult]:
    """Golden results; every operation brings the state that it starts from."""
    return [expect(op, config) for op in ops]


def expect(op: ChoppedTileOp, config: ChoppedTileConfig) -> ChoppedTileResult:
    """Golden result of ``op``; ``cycles`` stays 0."""
    if op.kind == "update":
        return _update(op, config)
    if op.kind == "read":
        codes = read_codes(op, config.macro)
    else:
        codes = adc_codes(product_held(op, op.codes)[None], config.macro)
    masked = op.activation == MASK and op.mask is not None
    given: Any = op.mask if masked else np.zeros(op.sensed, np.bool_)
    numbers = int_to_float(codes[0], IntToFloatConfig(int_width=config.macro.adc_bits))
    scaled = float_mul(numbers, np.uint16(op.scale), FloatMulConfig())
    value, mask = relu_mask(scaled, given, op.activation)
    return ChoppedTileResult(
        codes=codes[0].astype(np.int16), values=value, masks=mask, adc_codes=codes
    )


def compare(result: ChoppedTileResult, wanted: ChoppedTileResult) -> dict[str, tuple[int, int]]:
    """Numbers compared and numbers that differ, by field; a wrong shape counts as all different."""
    counts = {}
    for name in COMPARED:
        got, want = getattr(result, name), getattr(wanted, name)
        if want is None and got is None:
            continue
        if got is None or want is None or got.shape != want.shape:
            size = max(1, *(array.size for array in (got, want) if array is not None))
            counts[name] = (size, size)
        else:
            counts[name] = (want.size, int((got.astype(np.int64) != want.astype(np.int64)).sum()))
    return counts


def adc_codes(held: NDArray[np.floating], macro: ChoppedMacroConfig) -> NDArray[np.int64]:
    """Signed codes of held inputs; the lowest of the converter's codes becomes its neighbour."""
    codes = sar(held, macro.adc_bits).astype(np.int64) - macro.middle
    return np.maximum(codes, 1 - macro.middle)


def read_codes(op: ChoppedTileOp, macro: ChoppedMacroConfig) -> NDArray[np.int64]:
    """ADC codes of every read of a row, (reads, columns)."""
    held = [row_held(op, number, op.drive) for number in range(len(op.lines))]
    return adc_codes(np.array(held, np.float32).reshape(-1, op.columns), macro)


def before(op: ChoppedTileOp, config: ChoppedTileConfig) -> SequencerState:
    """State of the sequencer and the choppers before an update."""
    return op.sequencer or sequencer.initial_state(config.sequencer, SEED)


def _update(op: ChoppedTileOp, config: ChoppedTileConfig) -> ChoppedTileResult:
    state = before(op, config)
    x_max, delta_max = ((part & 0x7FFF).max(axis=1) for part in (op.x, op.delta))
    managed = update_management(x_max, delta_max, op.rate, config.update)
    order, after = sequencer.sequence(
        state,
        len(op.x) if op.transfers else 0,
        op.rows,
        op.columns,
        op.transfer_every if op.transfers else 65535,
        config.sequencer,
    )
    trains = pulse_trains(op.x, op.delta, managed, op.trains_state, config.trains)
    signs = _signs(op, state, order, after)
    pulses: dict[str, Any] = {}
    for name, fired, sign in zip(("row", "column"), trains[:2], signs, strict=True):
        whole = np.zeros((len(fired), getattr(config.macro, f"{name}s")), np.int8)
        whole[:, : fired.shape[1]] = fired * (1 - 2 * np.repeat(sign, managed.slots, axis=0))
        pulses[f"{name}_pulses"] = whole
    registers = [after.row, after.vectors, after.passes, after.settled, after.lfsr, trains.state]
    return ChoppedTileResult(
        **pulses,
        **_transfers(op, config, order, state, managed),
        row_choppers=after.row_choppers[: op.rows],
        flipped=after.flipped[: op.rows],
        column_choppers=after.column_choppers[: op.columns],
        registers=np.array(registers, np.int64),
    )


def _signs(
    op: ChoppedTileOp,
    state: SequencerState,
    order: sequencer.Sequence,
    after: SequencerState,
) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Signs of the lines for each vector, (n, rows) and (n, columns): 1 is negative."""
    rows, columns = (part >> 15 & 1 for part in (op.x, op.delta))
    flips = np.zeros((len(op.x) + 1, op.rows), np.int64)
    np.add.at(flips, (order.vector + 1, order.row), order.flips)
    choppers = state.row_choppers[: op.rows] + np.cumsum(flips, axis=0)[:-1]
    signs = state.column_choppers[None, : op.columns]
    if order.out_signs is not None:  # they change right after a read: those of the next one
        following = np.searchsorted(order.vector, np.arange(len(op.x)))
        signs = np.vstack([order.out_signs, after.column_choppers[: op.columns]])[following]
    return (rows ^ choppers & 1).astype(np.int8), (columns ^ signs).astype(np.int8)


def _transfers(
    op: ChoppedTileOp,
    config: ChoppedTileConfig,
    order: sequencer.Sequence,
    state: SequencerState,
    managed: Managed,
) -> dict[str, Any]:
    """Everything that the reads lead to."""
    codes = np.empty((0, op.columns), np.int64)
    found, program = {}, np.empty((0, 4), np.int64)
    if op.transfers:
        if len(op.lines) != len(order.row):
            raise ValueError(f"lines must have a row for each of {len(order.row)} reads")
        codes = read_codes(op, config.macro)
        run = transfer_sequence(
            op.h,
            op.mean,
            op.past,
            np.searchsorted(op.places, order.row),
            codes.astype(np.int16),
            order,
            config.transfer,
            op.control,
        )
        found = {"h": run.h, "mean": run.mean, "past": run.past}
        read, column = np.nonzero(run.counts)
        up = run.counts[read, column] > 0
        program = np.stack([order.row[read], column, up, np.ones_like(read)], axis=1)
    slots = np.cumsum(managed.slots, dtype=np.int64)[order.vector]
    reads = np.stack([order.row, np.full_like(order.row, op.drive), slots], axis=1)
    return {"adc_codes": codes, "reads": reads, "program": program, **found}
