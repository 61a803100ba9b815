"""Twin of the accumulate-and-threshold weight update, for a whole array at once."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.config.units import AccumulateThresholdConfig
from models.digital.bf16 import BF16_ADD, BF16_MUL, INT_TO_BF16, from_float32, to_float32
from models.digital.float_add import float_add
from models.digital.float_mul import float_mul
from models.digital.int_to_float import int_to_float

_SIGN = np.uint16(0x8000)


class Update(NamedTuple):
    """State after an update and the pulses that it asks for."""

    chi: NDArray[Any]
    counts: NDArray[np.integer]


def accumulate_threshold(
    chi: NDArray[Any],
    x: NDArray[np.integer],
    delta: NDArray[np.integer],
    config: AccumulateThresholdConfig,
    *,
    shift: int,
    scale: int,
    threshold: int,
    transfer: bool,
) -> Update:
    """Take the outer products of ``k`` vectors off chi, then turn chi into pulses.

    The vectors come in packets of ``config.chunk``; the state is saturated (or rounded) after
    each packet, and the threshold is applied only after the last.

    Parameters
    ----------
    chi : ndarray, shape (r, c)
        State: int64, or uint16 bit patterns for the ``bf16`` variant. Not modified.
    x, delta : ndarray of int, shapes (k, r) and (k, c)
        Codes, within ``+-(2**(code_width - 1) - 1)``.
    config : AccumulateThresholdConfig
        Variant and widths.
    shift : int
        ``fixed``: the products are multiplied by ``2**shift``, 0 to 63.
    scale : int
        ``bf16``: BF16 factor of the products.
    threshold : int
        State per pulse, positive: an integer, or the pattern of a finite BF16 number.
    transfer : bool
        Whether pulses are asked for; without, every count is 0.

    Returns
    -------
    Update
        New chi in the type of the old, and counts (int8, int16 when ``count_width`` is 8).
    """
    if config.variant == "fixed":
        summed = _accumulate_fixed(chi, x, delta, config, shift)
    else:
        summed = _accumulate_bf16(chi, x, delta, config, scale)
    if not transfer:
        return Update(summed, np.zeros(summed.shape, _count_type(config)))
    settle = _settle_fixed if config.variant == "fixed" else _settle_bf16
    return settle(summed, threshold, config)


def _accumulate_fixed(chi, x, delta, config, shift):
    limit = 2 ** (config.chi_width - 1) - 1
    shift = min(shift, config.chi_width)  # more moves any non-zero product out of range as well
    bound = _bound(x, delta)
    room = limit - _reach(chi)
    # The second bound is tight: no partial sum of any element exceeds its sum of magnitudes.
    if bound << shift <= room or _largest_sum(x, delta, bound) << shift <= room:
        change = _products(x, delta, bound)
        change <<= shift
        return np.subtract(chi, change, out=change)
    for start in range(0, len(x), config.chunk):
        acc = _products(x[start : start + config.chunk], delta[start : start + config.chunk], bound)
        # A product beyond twice the limit saturates chi from anywhere, so it may be cut there:
        # the shifted product then stays below 2**51.
        cut = (2 * limit >> shift) + 1
        chi = np.clip(chi - (np.clip(acc, -cut, cut) << shift), -limit, limit)
    return chi


def _bound(x, delta):
    """No partial sum of the products of any element exceeds this."""
    return len(x) * _reach(x) * _reach(delta)


def _reach(values):
    """Largest magnitude."""
    return max(int(values.max(initial=0)), -int(values.min(initial=0)))


def _largest_sum(x, delta, bound):
    return int(_products(np.abs(x), np.abs(delta), bound).max(initial=0))


def _products(x, delta, bound):
    # Every partial sum of one element, in any order, is an integer within +-bound: exact in
    # float32 up to 2**24 and in float64 up to 2**53 (2**31 vectors of 12-bit codes).
    kind = np.float32 if bound <= 2**24 else np.float64
    return (x.T.astype(kind) @ delta.astype(kind)).astype(np.int64)


def _settle_fixed(chi, threshold, config):
    # In place: few elements are due, and division is slow.
    counts = np.zeros(chi.shape, _count_type(config))
    due = np.flatnonzero((chi >= threshold) | (chi <= -threshold))
    value = chi.reshape(-1)[due]
    count = np.minimum(np.abs(value) // threshold, config.count_limit) * np.sign(value)
    chi.reshape(-1)[due] = value - count * threshold if config.keep_remainder else 0
    counts.reshape(-1)[due] = count
    return Update(chi, counts)


def _accumulate_bf16(chi, x, delta, config, scale):
    bound = _bound(x, delta)
    for start in range(0, len(x), config.chunk):
        acc = _products(x[start : start + config.chunk], delta[start : start + config.chunk], bound)
        factor = np.full(acc.shape, scale, np.uint16)
        product = float_mul(int_to_float(acc, INT_TO_BF16), factor, BF16_MUL)
        chi = float_add(chi, product ^ _SIGN, BF16_ADD)
    return chi


def _settle_bf16(chi, threshold, config):
    value, step = _to_float64(chi), _to_float64(np.uint16(threshold))
    # The quotient of two 8-bit significands is a multiple of 2**-16 of the divisor's, so float64
    # cannot round it up to an integer that it does not reach.
    quotient = np.abs(value) / step
    count = np.where(np.isnan(value), 0, np.trunc(np.fmin(quotient, config.count_limit)))
    count = np.copysign(count, value)
    moved = (count != 0) & np.isfinite(value)
    rest = np.where(moved & config.keep_remainder, value - count * step, 0)
    return Update(np.where(moved, _to_bf16(rest), chi), count.astype(_count_type(config)))


def _to_float64(pattern):
    return to_float32(pattern).astype(np.float64)


def _to_bf16(value):
    # Round to nearest even at 8 significant bits; values here are multiples of 2**-133, so a
    # subnormal result has no more bits than that. The float64 difference before was exact, or
    # so close to chi (2**-36) that both roundings give chi.
    bits = (value + 0.0).view(np.uint64)  # -0 becomes +0
    bits = (bits + np.uint64(2**44 - 1) + (bits >> 45 & 1)) & ~np.uint64(2**45 - 1)
    return from_float32(bits.view(np.float64).astype(np.float32))


def _count_type(config):
    return np.int8 if config.count_width < 8 else np.int16
