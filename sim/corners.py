"""Corners that the digital results of a run reach."""

import numpy as np
from numpy.typing import NDArray


def _sar(args, _kwargs, codes, tile):
    full = 2**tile.macro.adc_bits - 1
    return {
        "adc_codes_zero": int(np.count_nonzero(codes == 0)),
        "adc_codes_full_scale": int(np.count_nonzero(codes == full)),
    }


def _post_process(_args, kwargs, result, tile):
    inexact, ties = bf16_rounding(result.sum)
    limit = tile.post_process.requantize.limit
    negative = (result.value & 0x8000) != 0
    return {
        "int_to_bf16_rounding_ties": ties,
        "int_to_bf16_inexact": inexact,
        "post_process_code_saturations": int(np.count_nonzero(np.abs(result.code) == limit)),
        "activation_zeroed": int(np.count_nonzero(~result.mask)),
        "post_process_negative": int(np.count_nonzero(negative)),
    }


def bf16_rounding(sums: NDArray[np.int64]) -> tuple[int, int]:
    """Count the integers that BF16 has to round, and the ties among them."""
    magnitude = np.abs(sums.astype(np.int64))
    _, length = np.frexp(magnitude.astype(np.float64))  # bits of the integer
    dropped = np.maximum(length - 8, 0)
    low = magnitude & ((np.int64(1) << dropped) - 1)
    ties = (dropped > 0) & (low == (np.int64(1) << np.maximum(dropped, 1)) >> 1)
    return int(np.count_nonzero(low)), int(np.count_nonzero(ties))


def _requantize(_args, _kwargs, codes, tile):
    limit = tile.post_process.requantize.limit
    return {"requantize_saturations": int(np.count_nonzero(np.abs(codes) == limit))}


def _accumulate_threshold(args, kwargs, result, tile):
    update = tile.update
    count = np.abs(result.counts.astype(np.int64))
    found = {
        "pulses_requested": int(count.sum()),
        "weights_pulsed": int(np.count_nonzero(count)),
        "pulse_counts_capped": int(np.count_nonzero(count == update.count_limit)),
    }
    if update.variant == "fixed":
        found["chi_saturations"] = int(
            np.count_nonzero(np.abs(result.chi) == 2 ** (update.chi_width - 1) - 1)
        )
    return found


def _max_pool(args, _kwargs, result, _tile):
    codes, (best, _) = args[0], result
    return {"max_pool_ties": int(np.count_nonzero((codes == best[:, None]).sum(axis=1) > 1))}


CORNERS = {
    "sar": _sar,
    "post_process": _post_process,
    "requantize": _requantize,
    "accumulate_threshold": _accumulate_threshold,
    "max_pool": _max_pool,
}
