"""Arrays of patterns: their types, checks, and the pieces that the float twins work on."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from models.config.floats import FloatUnitConfig, IntToFloatConfig
from models.formats import BF16, FloatFormat

_CHUNK = 2**15  # patterns of one operand and beat at a time: their int64 arrays stay in the cache
_PACKETS = 2**24  # patterns of one operand at a time, all beats together


def storage(number_format: FloatFormat) -> type[np.unsignedinteger]:
    """Smallest unsigned type that holds a pattern."""
    width = number_format.width
    return np.uint8 if width <= 8 else np.uint16 if width <= 16 else np.uint32


def patterns(name: str, value: ArrayLike, number_format: FloatFormat) -> NDArray:
    """``value`` in the type of `storage`; raise ValueError where it has more bits than that."""
    kind = storage(number_format)
    value = np.asarray(value)
    if value.dtype.type is not kind or number_format.width < 8 * value.itemsize:
        check_range(name, value, 0, 2**number_format.width - 1)
    return np.asarray(value, kind)


def check_range(name: str, value: NDArray, low: int, high: int) -> tuple[int, int]:
    """Raise unless ``value`` holds integers in ``[low, high]``, or nothing at all; its ends."""
    if value.dtype.kind not in "iu" and value.size:
        raise TypeError(f"{name} must hold integers, not {value.dtype}")
    if value.size == 0:
        return 0, 0
    ends = int(value.min()), int(value.max())
    for number in ends:
        if not low <= number <= high:
            raise ValueError(f"{name} must be between {low} and {high}, not {number}")
    return ends


def check_axis(name: str, value: NDArray, axis: int, low: int, high: int) -> None:
    """Raise unless an axis (negative number) exists and its length is in ``[low, high]``."""
    length = value.shape[axis] if value.ndim >= -axis else 0
    if not low <= length <= high:
        rule = f"{low}" if low == high else f"between {low} and {high}"
        raise ValueError(f"axis {axis} of {name} must have length {rule}, not {value.shape}")


def random_words(
    random: ArrayLike | None, config: FloatUnitConfig | IntToFloatConfig
) -> list[NDArray]:
    """List of the checked words, empty where the rounding takes none."""
    if config.rounding != "stochastic":
        return []
    if random is None:
        raise ValueError("random must be given for stochastic rounding, not None")
    words = np.asarray(random)
    check_range("random", words, 0, 2**config.random_bits - 1)
    return [words]


def is_plain_bf16(config: FloatUnitConfig) -> bool:
    """Whether BF16 comes in and goes out, nearest even, subnormals kept: the float32 paths."""
    if config.rounding != "nearest_even" or config.is_flushed:
        return False
    # most are the very object
    is_plain = config.format is BF16 or config.format == BF16
    return is_plain and (config.result is BF16 or config.result == BF16)


def in_chunks(
    kernel: Callable[..., tuple[NDArray, ...]],
    operands: Sequence[NDArray],
    inner: Sequence[int],
    kinds: Sequence[DTypeLike],
) -> tuple[NDArray, ...]:
    """Broadcast the operands and put them through ``kernel`` piece by piece.

    Parameters
    ----------
    kernel : callable
        Takes a piece of each operand, shape (n, inner axes), gives results of shape (n,).
    operands : sequence of ndarray
        Leading axes broadcast.
    inner : sequence of int
        How many trailing axes of each operand belong to one result.
    kinds : sequence of dtype
        Types of the results.

    Returns
    -------
    tuple of ndarray
        Results in the broadcast shape of the leading axes.
    """
    leads = [a.shape[: a.ndim - n] for a, n in zip(operands, inner, strict=True)]
    tails = [a.shape[a.ndim - n :] for a, n in zip(operands, inner, strict=True)]
    shape = np.broadcast_shapes(*leads)
    flat = [_flat(np.broadcast_to(a, shape + t)) for a, t in zip(operands, tails, strict=True)]
    sizes = [int(np.prod(tail)) for tail in tails]
    results = [np.empty(shape, kind) for kind in kinds]
    step = max(1, min(_CHUNK // max([1, *(t[-1] for t in tails if t)]), _PACKETS // max(sizes)))
    for start in range(0, results[0].size, step):
        stop = min(start + step, results[0].size)
        pieces = (
            f[start * n : stop * n].reshape(-1, *t)
            for f, n, t in zip(flat, sizes, tails, strict=True)
        )
        for result, piece in zip(results, kernel(*pieces), strict=True):
            result.reshape(-1)[start:stop] = piece
    return tuple(results)


def elementwise(
    kernel: Callable[..., NDArray],
    operands: Sequence[NDArray],
    config: FloatUnitConfig | IntToFloatConfig,
    random: ArrayLike | None,
) -> NDArray:
    """`in_chunks` of a kernel that makes one result of the format ``config.result``."""
    operands = [*operands, *random_words(random, config)]
    kinds = [storage(config.result)]
    return in_chunks(lambda *p: (kernel(*p),), operands, [0] * len(operands), kinds)[0]


def _flat(array: NDArray):
    # An iterator gives pieces of a broadcast array without a copy of the whole.
    return array.reshape(-1) if array.flags.c_contiguous else array.flat
