"""Arrays of wide signed integers, exact.

A wide integer is a column of an int64 array [limbs, n]: one limb that is the integer itself, or
limbs of 30 bits from low to high, of which the highest carries the sign. Additions may leave
limbs out of their range; `carry` brings them back, and the other functions need it done.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.digital.float_rounding import HEAD_BITS, bit_length, head_of

_LIMB = 30
_MASK = 2**_LIMB - 1

Wide = NDArray[np.int64]


def zeros(bits: int, count: int) -> Wide:
    """``count`` zeros with room for magnitudes below ``2**bits``."""
    return np.zeros((1 if bits <= HEAD_BITS else bits // _LIMB + 2, count), np.int64)


def add_shifted(
    total: Wide,
    value: NDArray[np.int64],
    negative: NDArray[np.bool_],
    places: NDArray[np.int64],
) -> None:
    """Add ``+-value * 2**places`` in place; up to 2**14 times before a `carry`.

    ``value`` is from 0 to 2**48 - 1; shifted, it must fit the room of ``total``.
    """
    value = np.where(negative, -value, value)
    if len(total) == 1:
        total[0] += value << places
        return
    limb = places // _LIMB
    places = places - limb * _LIMB
    at = limb * total.shape[1] + np.arange(total.shape[1])
    flat = total.reshape(-1)
    # The high part of a negative value is rounded down, so its low part is positive.
    low, high = (value & _MASK) << places, (value >> _LIMB) << places
    high += low >> _LIMB
    flat[at] += low & _MASK
    flat[at + total.shape[1]] += high


def carry(total: Wide) -> None:
    """Bring all limbs but the highest into 0 to 2**30 - 1, in place."""
    for low, high in pairwise(total):
        high += low >> _LIMB
        low &= _MASK


def shifted_right(total: Wide, places: NDArray[np.int64]) -> Wide:
    """Floor of ``total / 2**places``."""
    if len(total) == 1:
        return total >> np.minimum(places, 63)
    if not places.any():
        return total
    limb, places = np.divmod(places, _LIMB)
    high = _limb_at(total, limb)
    result = np.empty_like(total)
    for index, row in enumerate(result):
        low, high = high, _limb_at(total, limb + index + 1)
        np.bitwise_or(low >> places, high << (_LIMB - places), out=row)
    result[:-1] &= _MASK
    return result


def head_of_wide(total: Wide) -> tuple[NDArray, NDArray, NDArray[np.bool_]]:
    """Heads, floor(log2) and signs of the integers; ``total`` is used up."""
    negative = total[-1] < 0
    np.negative(total, out=total, where=negative)
    if len(total) == 1:
        return *head_of(total[0]), negative
    carry(total)
    top, bottom = _outer_limbs(total)
    high, middle, low = (np.where(top >= k, _limb_at(total, top - k), 0) for k in range(3))
    length = bit_length(high)
    head = high << (HEAD_BITS - length) | middle << _LIMB >> length | low >> length
    head |= (low & (np.int64(1) << length) - 1 != 0) | (bottom < top - 2)
    return head, length + _LIMB * top - 1, negative


def _outer_limbs(total):
    """Places of the highest and the lowest limb that are not 0; 0 where all are."""
    top = np.zeros(total.shape[1], np.int64)
    bottom = np.zeros_like(top)
    for index in range(1, len(total)):
        top[total[index] != 0] = index
    for index in range(len(total) - 1, -1, -1):
        bottom[total[index] != 0] = index
    return top, bottom


def _limb_at(total, index):
    """One limb of each integer; above the highest, its sign."""
    inside = np.clip(index, 0, len(total) - 1)
    limb = np.take_along_axis(total, inside[None], 0)[0]
    return np.where(index < len(total), limb, limb >> 63)
