"""Bit-exact twin of :mod:`rtl_gen.units.transfer`, and whole sequences of reads."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.compiled import compiled, inlined
from models.config.checks import check_int
from models.config.chopped_units import TransferConfig
from models.digital.bf16 import BF16_ADD, BF16_MUL
from models.digital.bf16_loops import widen
from models.digital.float_add import float_add
from models.digital.float_mul import float_mul
from models.digital.reference import SIGN
from models.digital.sequencer import Sequence

_ONE, _INFINITY, _INFINITE = 0x3F80, 0x7F80, np.float32(np.inf)


class TransferControl(NamedTuple):
    """Static inputs of transfer and reference unit.

    ``fixed``: ``threshold`` and ``step`` in LSB of H, 1 to ``2**(state_width - 1) - 1``;
    ``momentum`` 0 to 255 in 2**-8; ``beta`` 0 to 4096 in 2**-12; ``scale`` is not used. ``bf16``:
    patterns; the threshold is 1 and ``threshold`` is not used. With ``forget`` there is no use for
    ``step``, without it none for ``momentum``.
    """

    threshold: int = 1
    step: int = 1
    momentum: int = 0
    scale: int = 0x3F80
    beta: int = 0


class Transferred(NamedTuple):
    """New H (int64, or uint16 patterns) and pulses (int8, -1 to 1), in one broadcast shape."""

    h: NDArray[Any]
    counts: NDArray[np.int8]


class TransferRun(NamedTuple):
    """New H and means of all places, and pulses of every read, shape (reads, columns)."""

    h: NDArray[Any]
    mean: NDArray[Any] | None
    past: NDArray[Any] | None
    counts: NDArray[np.int8]


def transfer(
    h: ArrayLike,
    difference: ArrayLike,
    negative: ArrayLike,
    enable: ArrayLike,
    config: TransferConfig,
    control: TransferControl,
) -> Transferred:
    """Accumulate differences; ask for a pulse where H reaches the threshold.

    Parameters
    ----------
    h : array_like of int
        Accumulators, within ``+-(2**(state_width - 1) - 1)``, or BF16 patterns.
    difference : array_like of int
        What the reference unit gave, or `models.digital.reference.plain_difference`.
    negative, enable : array_like of bool
        Exclusive or of the choppers of row and column: the difference is taken off. Without
        ``enable`` the count is given out as 0, and H changes as if it had not been.
    config : TransferConfig
        Variant, width, what becomes of H after a pulse.
    control : TransferControl
        Threshold and factors.
    """
    check_control(config, control)
    step = _fixed if config.variant == "fixed" else _bf16
    found, count = step(h, difference, np.asarray(negative, np.bool_), config, control)
    count = np.where(enable, count, 0)
    return Transferred(np.broadcast_to(found, count.shape).copy(), count.astype(np.int8))


def check_control(config: TransferConfig, control: TransferControl) -> None:
    """Raise ValueError unless the control values in use are in range."""
    if config.variant == "fixed":
        limit = 2 ** (config.state_width - 1) - 1
        check_int("threshold", control.threshold, 1, limit)
        check_int("step", control.step, 1, limit)
        check_int("momentum", control.momentum, 0, 2**config.MOMENTUM_BITS - 1)
        check_int("beta", control.beta, 0, 2**config.reference.BETA_BITS)
    else:
        for name in ("step", "momentum", "scale", "beta"):
            check_int(name, getattr(control, name), 0, 0xFFFF)


def _fixed(h, difference, negative, config, control):
    limit = 2 ** (config.state_width - 1) - 1
    difference = np.asarray(difference, np.int64)
    summed = np.asarray(h, np.int64) + np.where(negative, -difference, difference)
    summed = np.clip(summed, -limit, limit)
    count = np.sign(summed) * (np.abs(summed) >= control.threshold)
    if config.forget:
        after = np.sign(summed) * (np.abs(summed) * control.momentum >> config.MOMENTUM_BITS)
    else:
        after = summed - count * control.step
    return np.where(count, after, summed), count


def _bf16(h, difference, negative, config, control):
    product = float_mul(np.uint16(control.scale), difference, BF16_MUL)
    summed = float_add(h, np.where(negative, product ^ SIGN, product), BF16_ADD)
    magnitude, sign = summed & ~SIGN, summed & SIGN
    due = (magnitude >= _ONE) & (magnitude <= _INFINITY)
    if config.forget:
        after = float_mul(np.uint16(control.momentum), summed, BF16_MUL)
    else:
        after = float_add(summed, np.uint16(control.step) ^ sign ^ SIGN, BF16_ADD)
    return np.where(due, after, summed), np.where(sign, -1, 1) * due


def transfer_sequence(
    h: NDArray[Any],
    mean: NDArray[Any] | None,
    past: NDArray[Any] | None,
    place: NDArray[np.integer],
    z: NDArray[np.integer],
    sequence: Sequence,
    config: TransferConfig,
    control: TransferControl,
) -> TransferRun:
    """Go through reads in order, each through reference (if there are means) and transfer.

    Parameters
    ----------
    h, mean, past : ndarray, shape (places, columns)
        State of the rows that are read. H is int64 and means are int32, or all are uint16
        patterns. No means: no reference. Not modified.
    place : ndarray of int, shape (reads,)
        Which of these rows each read is of.
    z : ndarray of int16, shape (reads, columns)
        Codes of each read.
    sequence : Sequence
        Choppers, ``fresh`` and ``enable`` of the reads.
    config : TransferConfig
        Variant and widths.
    control : TransferControl
        Threshold and factors.
    """
    check_control(config, control)
    fixed = config.variant == "fixed"
    h_kind, mean_kind = (np.int64, np.int32) if fixed else (np.uint16, np.uint16)
    new_h, counts = np.array(h, h_kind), np.empty(z.shape, np.int8)
    new_mean, new_past = (
        np.array(np.empty((0, 0)) if means is None else means, mean_kind) for means in (mean, past)
    )
    signs = sequence.out_signs
    if signs is None:
        signs = np.zeros((1, z.shape[1]), np.uint8)
    marks = sequence.negative, sequence.fresh, sequence.enable
    inputs = place.astype(np.int64), z.astype(np.int16), signs, *marks
    factors = control.step, control.momentum, control.beta, int(config.forget)
    if fixed:
        limit = 2 ** (config.state_width - 1) - 1
        form = control.threshold, *factors, limit, config.reference.fraction_bits
        _run_fixed((new_h, new_mean, new_past, counts), inputs, form)
    else:
        _run_bf16((new_h, new_mean, new_past, counts), inputs, (control.scale, *factors))
    if mean is None:
        return TransferRun(new_h, None, None, counts)
    return TransferRun(new_h, new_mean, new_past, counts)


# Short loops over one row each: longer ones are not turned into vector instructions.


@compiled
def _run_fixed(state, inputs, form):
    h, mean, past, counts = state
    place, z, signs, negative, fresh, enable = inputs
    threshold, step, momentum, beta, forget, limit, fraction_bits = form
    change = np.empty(z.shape[1], np.int64)
    for t in range(len(place)):
        k, s = place[t], min(t, len(signs) - 1)
        chopper, enabled = negative[t], np.int64(enable[t])
        for j in range(len(change)):
            change[j] = np.int64(z[t, j]) << fraction_bits
        if len(mean):
            if fresh[t]:
                for j in range(len(change)):
                    past[k, j] = mean[k, j]
            for j in range(len(change)):
                m = np.int64(mean[k, j])
                mean[k, j] = m + (((change[j] - m) * beta + 2048) >> 12)
                change[j] -= past[k, j]
        for j in range(len(change)):
            more = -change[j] if chopper ^ signs[s, j] else change[j]
            summed = min(max(h[k, j] + more, -limit), limit)
            size = abs(summed)
            count = np.int64(size >= threshold)
            count = -count if summed < 0 else count
            after = count * (size * momentum >> 8) if forget else summed - count * step
            h[k, j] = after if count else summed
            counts[t, j] = count * enabled


@compiled
def _run_bf16(state, inputs, form):
    h, mean, past, counts = state
    place, z, signs, negative, fresh, enable = inputs
    scale, step, momentum, beta, forget = form
    factor, kept, rate, taken = widen(scale), widen(momentum), widen(beta), widen(step)
    change = np.empty(z.shape[1], np.float32)
    for t in range(len(place)):
        k, s = place[t], min(t, len(signs) - 1)
        chopper, enabled = negative[t], np.int64(enable[t])
        for j in range(len(change)):
            change[j] = _rounded(np.float32(z[t, j]))
        if len(mean):
            if fresh[t]:
                for j in range(len(change)):
                    past[k, j] = mean[k, j]
            for j in range(len(change)):
                m = widen(mean[k, j])
                moved = _rounded(rate * _rounded(change[j] - m))
                mean[k, j] = _pattern(_rounded(m + moved))
                change[j] = _rounded(change[j] - widen(past[k, j]))
        for j in range(len(change)):
            more = _rounded(factor * change[j])
            number = _rounded(widen(h[k, j]) + (-more if chopper ^ signs[s, j] else more))
            due = (abs(number) >= np.float32(1)) & (abs(number) <= _INFINITE)
            less = number - (-taken if number < 0 else taken)
            after = _rounded(kept * number if forget else less)
            h[k, j] = _pattern(after if due else number)
            count = np.int64(due)
            counts[t, j] = (-count if number < 0 else count) * enabled


@inlined
def _rounded(value):
    # as `narrow` and `widen`, but without a branch: three times as fast, as loops become vectors
    bits = np.float32(value).view(np.uint32)
    near = np.uint32(bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))
    near = np.uint32(near & np.uint32(0xFFFF0000))
    return np.uint32(near if value == value else np.uint32(0x7FC00000)).view(np.float32)


@inlined
def _pattern(value):
    return np.uint16(np.float32(value).view(np.uint32) >> np.uint32(16))
