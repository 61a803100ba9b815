"""Reads of single rows at full scale, as transfers of pulsed training make them."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.analog.mvm_kernels import GRID, read_each
from models.analog.mvm_read import centre
from models.analog.mvm_signal import spread
from models.config.mvm import MvmConfig


class RowNumbers(NamedTuple):
    """Constants of :func:`models.analog.mvm_kernels.read_one`, in the order of its arguments.

    Parameters
    ----------
    full : float
        DAC code of the driven row.
    ratio : float
        ADC steps per unit of the sum.
    spread : float32
        Standard deviation of the noise in ADC steps; draws of a config without noise count 0.
    limit, middle : float32
        Largest code; mid-scale and a half.
    grid : float
        Weights are multiples of ``1 / grid``; 0 for float32.
    """

    full: float
    ratio: float
    spread: np.float32
    limit: np.float32
    middle: np.float32
    grid: float


@lru_cache(maxsize=64)
def row_numbers(config: MvmConfig) -> RowNumbers:
    """Constants of a config.

    Raises
    ------
    ValueError
        If a read of one row is more than a product and one normal draw.
    """
    if not config.is_plain or config.input_noise or not config.adc_bits:
        raise ValueError("config must have adc_bits and no noise but weight and output noise")
    full = float(config.largest_input)
    return RowNumbers(
        full,
        config.input_step / config.output_step,
        spread(np.array([[full]]), config)[0],
        np.float32(config.largest_output),
        centre(config),
        GRID if config.sums == "exact" else 0.0,
    )


def read_rows(
    weights: NDArray[np.float32], draws: NDArray[np.float32], config: MvmConfig
) -> NDArray[np.int16]:
    """ADC codes of rows that are driven alone at full scale.

    They are those of :func:`models.analog.mvm_read.read` for one-hot vectors.

    Parameters
    ----------
    weights : ndarray of float32, shape (n, sensed)
        The rows, not prepared.
    draws : ndarray of float32, shape (n, sensed)
        Standard normal draws.
    config : MvmConfig
        Parameters; refused as `row_numbers` says.
    """
    codes = np.empty(weights.shape, np.int16)
    read_each(weights, draws, *row_numbers(config), codes)
    return codes
