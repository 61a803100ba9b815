"""Results of tile operations from the bit-exact twins alone."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.config.tile import TileConfig
from models.digital.accumulate_threshold import accumulate_threshold
from models.digital.adc_interface import adc_interface
from models.digital.lfsr import lfsr_words
from models.digital.post_process import post_process
from models.digital.pulse_sequencer import pulse_program
from models.digital.sar import sar
from rtl_gen.train.tile import SEED
from sim.cosim.macro_bfm import Macro, with_converters
from sim.cosim.operations import TileOp, TileResult
from sim.cosim.steps import calibration, line_parameters

COMPARED = ("sums", "values", "masks", "codes", "adc_codes", "chi", "pulses")


def expect(op: TileOp, config: TileConfig, macro: Macro, *, random_state: int = SEED) -> TileResult:
    """Golden result of ``op``; ``cycles`` stays 0.

    Parameters
    ----------
    op : TileOp
        The operation.
    config : TileConfig
        The tile.
    macro : Macro
        The physics, called with one slice and phase at a time as the pins do.
    random_state : int
        State of the tile's random source before the operation.
    """
    if op.kind == "update":
        return _update(op, config)
    codes = _adc_codes(op, config, macro)
    groups = np.moveaxis(codes, 2, 0)  # (group, slice, phase, adc)
    gain, offset = calibration(op, config)
    forward = op.kind == "forward"
    sums = adc_interface(groups, gain, offset, config.adc_interface, pair=forward)
    sums = (sums[:, ::2] if forward else sums).reshape(-1)[: op.outputs]
    partials = sums[:, None] if op.chain is None else np.stack([op.chain, sums], axis=1)
    random = lfsr_words(random_state, op.outputs, config.lfsr)[0] if op.stochastic else None
    scale, bias, mask = line_parameters(op)
    result = post_process(
        partials,
        scale,
        bias,
        mask,
        random,
        config.post_process,
        activation=op.activation,
        exponent=op.exponent,
        stochastic=op.stochastic,
    )
    return TileResult(
        sums=result.sum,
        values=result.value,
        masks=result.mask,
        codes=result.code,
        adc_codes=codes.astype(np.int64),
    )


def expect_all(
    ops: Sequence[TileOp], config: TileConfig, macro: Macro, *, random_state: int = SEED
) -> list[TileResult]:
    """Golden results of operations that one tile does in turn after its reset."""
    results = []
    for op in ops:
        results.append(expect(op, config, macro, random_state=random_state))
        if op.stochastic and op.kind != "update":
            random_state = lfsr_words(random_state, op.outputs, config.lfsr)[1]
    return results


def compare(result: TileResult, wanted: TileResult) -> dict[str, tuple[int, int]]:
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


def line_levels(op: TileOp, config: TileConfig) -> NDArray[np.int64]:
    """Levels on the driven lines, (slice, phase, line), most significant slice first."""
    macro = config.macro
    codes = op.codes.astype(np.int64)
    if op.kind == "backward":  # the minus column gets the opposite
        codes = np.stack([codes, -codes], axis=1).ravel()
    lines = np.zeros(macro.rows if op.kind == "forward" else macro.columns, np.int64)
    lines[: len(codes)] = codes
    places = macro.slice_bits * np.arange(op.slices)[::-1, None, None]
    parts = np.stack([np.maximum(lines, 0), np.maximum(-lines, 0)][: op.phases])
    return parts >> places & (1 << macro.slice_bits) - 1


def _adc_codes(op: TileOp, config: TileConfig, macro: Macro) -> NDArray[np.unsignedinteger]:
    """Codes of the groups that hold needed lines, (slice, phase, group, adc)."""
    pins, transpose = config.macro, op.kind == "backward"
    sensed = pins.rows if transpose else pins.columns
    macro = with_converters(macro, op.converters)
    levels = line_levels(op, config).reshape(op.slices * op.phases, -1)
    noise = op.noise.reshape(len(levels), sensed)
    held = [
        macro.sense(
            level[None],
            op.conductance,
            transpose=transpose,
            adc_range=op.adc_range,
            noise=draw[None],
        )[0]
        for level, draw in zip(levels, noise, strict=True)
    ]
    codes = sar(np.array(held), pins.adc_bits).reshape(op.slices, op.phases, -1, pins.adc_count)
    return codes[:, :, : needed_groups(op, config)]


def needed_groups(op: TileOp, config: TileConfig) -> int:
    """Mux groups that hold lines of the outputs."""
    lines = op.outputs * (2 if op.kind == "forward" else 1)
    return -(-lines // config.macro.adc_count)


def _update(op: TileOp, config: TileConfig) -> TileResult:
    chi, count = accumulate_threshold(
        op.chi,
        op.x,
        op.delta,
        config.update,
        shift=op.shift,
        scale=op.update_scale,
        threshold=op.threshold,
        transfer=op.transfer,
    )
    row, pair = np.indices(count.shape)
    return TileResult(chi=chi, pulses=pulse_program(row, pair, count, config.scheme))
