"""Twin of the ADC interface: codes of every slice and phase to recombined sums."""

from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.config.units import AdcInterfaceConfig

_BLOCK_CODES = 2**17  # codes per block: their float32 copy stays in the second-level cache


def adc_interface(
    codes: NDArray[np.unsignedinteger],
    gain: ArrayLike,
    offset: ArrayLike,
    config: AdcInterfaceConfig,
    *,
    pair: bool,
) -> NDArray[np.int64]:
    """Recombine, correct and pair the codes of ``n`` conversions of one mux group each.

    The hardware corrects every code before it is summed; this sums first, which gives the same
    integers: ``sum(w * (code * gain + offset)) == gain * sum(w * code) + offset * sum(w)``.

    Parameters
    ----------
    codes : ndarray, shape (n, slice, phase, adc)
        Unsigned codes, most significant slice first, at most ``config.slice_count`` slices; one
        or two phases, the second counts negative. uint8 and uint16 are the fast types.
    gain, offset : array_like, shape (adc,)
        Correction registers; the gain's LSB is ``2**-config.gain_fraction_bits``.
    config : AdcInterfaceConfig
        Widths.
    pair : bool
        Subtract each odd converter from its even neighbour; odd sums are then 0.

    Returns
    -------
    ndarray of int64, shape (n, adc)
        Sums, in units of ``2**-config.gain_fraction_bits`` code LSB.
    """
    slices, phases = codes.shape[1:3]
    if not 1 <= slices <= config.slice_count:
        raise ValueError(f"slices must be between 1 and {config.slice_count}, not {slices}")
    weights, total = _signed_weights(slices, phases, config.slice_bits)
    sums = _recombine(codes, weights)
    sums *= np.asarray(gain, np.int64)
    if total:
        sums += np.asarray(offset, np.int64) * total
    if pair:
        sums[:, 0::2] -= sums[:, 1::2]
        sums[:, 1::2] = 0
    return sums


@cache
def _signed_weights(slices: int, phases: int, slice_bits: int) -> tuple[NDArray[np.float32], int]:
    if phases not in (1, 2):
        raise ValueError(f"phases must be 1 or 2, not {phases}")
    powers = 2.0 ** (slice_bits * np.arange(slices - 1, -1, -1))
    weights = np.outer(powers, [1, -1][:phases]).ravel().astype(np.float32)
    return weights, int(weights.sum())


def _recombine(
    codes: NDArray[np.unsignedinteger], weights: NDArray[np.float32]
) -> NDArray[np.int64]:
    # float32 is exact: codes are below 2**12 and the weights of one phase sum to less than
    # 2**12 (dac_bits <= 12), so every partial sum, in whatever order, stays within +-2**24.
    count, _, _, adcs = codes.shape
    flat = codes.reshape(count, weights.size, adcs)
    if weights.size == 1:  # of weight 1
        return flat[:, 0].astype(np.int64)
    if weights.size == 2 and weights[1] == -1:
        return np.subtract(flat[:, 0], flat[:, 1], dtype=np.int64)
    block = max(1, _BLOCK_CODES // (weights.size * adcs))
    sums = np.empty((count, adcs), np.int64)
    for start in range(0, count, block):
        part = flat[start : start + block].astype(np.float32)
        sums[start : start + block] = np.matmul(weights, part)
    return sums
