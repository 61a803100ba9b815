"""What the analog side holds at the converters for the codes on the lines."""

import numpy as np
from numpy.typing import NDArray

from models.analog.mvm_effects import Lines
from models.analog.mvm_read import Draws, held, prepared
from models.config.mvm import MvmConfig
from sim.cosim.chopped_operations import ChoppedTileOp


def sense(
    codes: NDArray[np.integer],
    weight: NDArray[np.floating],
    noise: NDArray[np.float32],
    config: MvmConfig,
    *,
    draws: Draws | None = None,
    mismatch: Lines | None = None,
) -> NDArray[np.float32]:
    """Held converter inputs in code LSB, shape (sensed,).

    Parameters
    ----------
    codes : ndarray of int, shape (driven,)
        Signed DAC codes.
    weight : ndarray of float, shape (driven, sensed)
        Visible weights.
    noise : ndarray of float32, shape (sensed,)
        Standard normal numbers of the output noise.
    config : MvmConfig
        Converters and noise.
    draws : Draws, optional
        All draws of this one vector, if there are others than ``noise``.
    mismatch : Lines, optional
        Differences between the sensed lines.

    Raises
    ------
    ValueError
        If one conversion is not enough (``passes`` ``separate``).
    """
    if config.passes == "separate":
        raise ValueError("passes must be one or summed for a tile, not 'separate'")
    if draws is None:
        merged = config.weight_noise and not config.has_weight_draws
        drawn = noise[None, None] if config.output_noise or merged else None
        draws = Draws(None, None, drawn, None)
    operand = prepared(weight, config)
    return held(codes[None], operand, draws, config, lines=mismatch)[0]


def product_held(op: ChoppedTileOp, codes: NDArray[np.integer]) -> NDArray[np.float32]:
    """Held inputs of the sensed lines in use for codes of the driven ones."""
    weight = op.weight[: op.rows, : op.columns]
    weight = weight.T if op.kind == "backward" else weight
    extra = {"draws": op.draws, "mismatch": op.mismatch}
    return sense(codes, weight, op.noise.reshape(-1), op.mvm, **extra)


def row_held(op: ChoppedTileOp, number: int, code: int) -> NDArray[np.float32]:
    """Held inputs of the columns in use in read ``number`` with a DAC code on its row alone."""
    noise = op.noise.reshape(-1, op.columns)[number]
    return sense(np.array([code]), op.lines[number][None], noise, op.mvm)
