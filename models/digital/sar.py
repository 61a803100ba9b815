"""Twin of the SAR converter: held inputs to codes."""

import numpy as np
from numpy.typing import NDArray

_BLOCK = 2**15  # codes per block: the bounded copy stays in the cache


def sar(held: NDArray[np.floating], adc_bits: int) -> NDArray[np.unsignedinteger]:
    """Largest code that is not above the held input, between 0 and ``2**adc_bits - 1``.

    Parameters
    ----------
    held : ndarray of float
        Comparator inputs in code LSB, not NaN.
    adc_bits : int
        Resolution, 1 to 12.

    Returns
    -------
    ndarray of uint8, or of uint16 when ``adc_bits`` exceeds 8
        Codes, in the shape of ``held``.
    """
    flat = held.reshape(-1)
    codes = np.empty(flat.shape, np.uint8 if adc_bits <= 8 else np.uint16)
    for start in range(0, flat.size, _BLOCK):
        bounded = flat[start : start + _BLOCK].clip(0, 2**adc_bits - 1)
        # The cast truncates, which is floor now that nothing negative is left.
        codes[start : start + _BLOCK] = bounded
    return codes.reshape(held.shape)
