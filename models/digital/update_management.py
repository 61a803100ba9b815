"""Bit-exact twin of :mod:`rtl_gen.units.update_management`."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.compiled import compiled, inlined
from models.config.checks import check_int
from models.config.managed import check_managed
from models.config.pulsed import PulsedUpdateConfig
from models.digital.bf16_loops import narrow, widen
from models.digital.float_arrays import patterns
from models.formats import BF16

SMALLEST = (127 - 120) << 7  # 2**-120: the reciprocal of anything from here on is finite
_LOWEST_NORMAL, _INFINITY = 0x0080, 0x7F80


class Managed(NamedTuple):
    """Length of the trains of each vector pair and scales of its values.

    ``slots`` is uint8, 0 for no update; ``x_scale`` and ``delta_scale`` are BF16 patterns
    (uint16), 0 where there is no update. A value times its scale is the probability of a pulse in
    a slot, before it is cut at 1.
    """

    slots: NDArray[np.uint8]
    x_scale: NDArray[np.uint16]
    delta_scale: NDArray[np.uint16]


def update_management(
    x_max: ArrayLike, delta_max: ArrayLike, rate: int, config: PulsedUpdateConfig
) -> Managed:
    """Length and scales of the pulse trains of vector pairs.

    With ``k = rate * x_max * delta_max``, the most pulses that a crosspoint needs: length
    management takes the fewest slots that hold them, up to ``config.desired_bl``, and both
    managements make the largest probabilities of both sides equal. If ``k`` exceeds the slots
    that may be, x is scaled to 1 and delta is cut. There is no update where ``k`` is 0, subnormal
    or not finite, or a maximum is below 2**-120.

    Parameters
    ----------
    x_max, delta_max : array_like of int, shape (n,)
        BF16 patterns of the largest magnitudes; the sign is ignored.
    rate : int
        BF16 pattern of the learning rate over ``dw_min``; the sign is ignored.
    config : PulsedUpdateConfig
        Longest train, at most 127 slots, and managements; ValueError for what only other pulse
        types or device models have.
    """
    check_managed(config)
    check_int("rate", rate, 0, 0xFFFF)
    x_max, delta_max = patterns("x_max", x_max, BF16), patterns("delta_max", delta_max, BF16)
    if x_max.shape != delta_max.shape or x_max.ndim != 1:
        raise ValueError(
            f"delta_max must be a vector as long as x_max, not {delta_max.shape} and {x_max.shape}"
        )
    count = len(x_max)
    slots = np.zeros(count, np.uint8)
    x_scale, delta_scale = np.zeros(count, np.uint16), np.zeros(count, np.uint16)
    balances = config.update_management or config.update_bl_management
    options = rate & 0x7FFF, config.desired_bl, config.update_bl_management, balances
    _manage(x_max, delta_max, *options, slots, x_scale, delta_scale)
    return Managed(slots, x_scale, delta_scale)


@inlined
def multiplied(a, b):
    """Product of BF16 patterns."""
    return narrow(widen(a) * widen(b))


@inlined
def _reciprocal(a):
    return narrow(np.float32(1) / widen(a))


@inlined
def _root(a):
    return narrow(np.sqrt(widen(a)))


@compiled
def _manage(x_max, delta_max, rate, longest, shortens, balances, slots, x_scale, delta_scale):
    most = np.float32(longest)
    for n in range(len(slots)):
        x, delta = x_max[n] & np.uint16(0x7FFF), delta_max[n] & np.uint16(0x7FFF)
        k = multiplied(multiplied(rate, x), delta)
        if k < _LOWEST_NORMAL or k >= _INFINITY or x < SMALLEST or delta < SMALLEST:
            continue
        count = most
        if shortens and widen(k) < most:
            count = np.float32(np.int32(widen(k)))
            if count < widen(k):
                count += np.float32(1)
        inverse = _reciprocal(narrow(count))
        if balances:
            ratio, x_inverse, delta_inverse = (
                multiplied(k, inverse),
                _reciprocal(x),
                _reciprocal(delta),
            )
            if widen(k) > most:
                x_scale[n], delta_scale[n] = x_inverse, multiplied(ratio, delta_inverse)
            else:
                root = _root(ratio)
                x_scale[n] = multiplied(root, x_inverse)
                delta_scale[n] = multiplied(root, delta_inverse)
        else:
            x_scale[n] = delta_scale[n] = _root(multiplied(rate, inverse))
        slots[n] = np.uint8(count)
