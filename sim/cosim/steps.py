"""Operations of a tile as the commands and words that its streams take."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.config.tile import TileConfig
from rtl_gen.train.command import Op
from sim.cosim.operations import TileOp


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command.

    Parameters
    ----------
    command : dict
        Fields of the command, those not named are 0.
    words : list of int
        Words for the input stream.
    timed : bool
        Its cycles are the operation's, not preparation.
    """

    command: dict[str, int]
    words: list[int] = field(default_factory=list)
    timed: bool = False


def patience(bare: int, p_stall: float) -> int:
    """Cycles in which a step must end that takes ``bare`` cycles without stalls."""
    return 1000 + int(5 * bare / (1 - p_stall))


def steps(op: TileOp, config: TileConfig) -> Iterator[Step]:
    """Commands of one operation in order."""
    return _update(op, config) if op.kind == "update" else _conversion(op, config)


def _conversion(op: TileOp, config: TileConfig) -> Iterator[Step]:
    yield Step(command={"op": Op.CALIBRATE.value}, words=calibration_words(op, config))
    yield Step(command={"op": Op.LINE_WRITE.value, "outputs": op.outputs}, words=line_words(op))
    kind = Op.FORWARD if op.kind == "forward" else Op.BACKWARD
    command = {
        "op": kind.value,
        "inputs": len(op.codes),
        "outputs": op.outputs,
        "slices": op.slices,
        "signed": int(op.signed),
        "adc_range": op.adc_range,
        "activation": op.activation,
        "exponent": op.exponent,
        "stochastic": int(op.stochastic),
        "chain": int(op.chain is not None),
    }
    chain = [] if op.chain is None else op.chain.tolist()
    yield Step(command=command, words=op.codes.tolist() + chain, timed=True)


def calibration(op: TileOp, config: TileConfig) -> tuple[NDArray[Any], NDArray[Any]]:
    """Gain and offset registers of an operation."""
    lanes = config.macro.adc_count
    gain = np.full(lanes, 1 << config.gain_fraction_bits) if op.gain is None else op.gain
    return gain, np.zeros(lanes, np.int64) if op.offset is None else op.offset


def calibration_words(op: TileOp, config: TileConfig) -> list[int]:
    """Words of CALIBRATE."""
    mask = (1 << config.adc_interface.offset_width) - 1
    registers = zip(*(values.tolist() for values in calibration(op, config)), strict=True)
    return [gain | (offset & mask) << 16 for gain, offset in registers]


def line_parameters(op: TileOp) -> list[NDArray[Any]]:
    """Scale, bias and mask of an operation's output lines."""
    zeros = np.zeros(op.outputs, np.uint16)
    return [zeros if given is None else given for given in (op.scale, op.bias, op.mask)]


def line_words(op: TileOp) -> list[int]:
    """Words of LINE_WRITE."""
    lines = zip(*(values.tolist() for values in line_parameters(op)), strict=True)
    return [scale | bias << 16 | int(mask) << 32 for scale, bias, mask in lines]


def _update(op: TileOp, config: TileConfig) -> Iterator[Step]:
    size = {"inputs": op.x.shape[1], "outputs": op.delta.shape[1]}
    state = op.chi.astype(np.int64).ravel().tolist()
    yield Step(command={"op": Op.STATE_WRITE.value, **size}, words=state)
    count, chunk = len(op.x), config.update.chunk
    for start in range(0, count, chunk):
        x, delta = op.x[start : start + chunk], op.delta[start : start + chunk]
        command = {
            "op": Op.UPDATE.value,
            **size,
            "vectors": len(x),
            "transfer": int(op.transfer and start + chunk >= count),
            "shift": op.shift,
            "scale": op.update_scale,
            "threshold": op.threshold,
        }
        words = np.hstack([x, delta]).astype(np.int64).ravel().tolist()
        yield Step(command=command, words=words, timed=True)
    yield Step(command={"op": Op.STATE_READ.value, **size})
