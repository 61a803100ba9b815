"""Loops of the analog product that touch every output once.

=========================  ==========  ==========================
quantity                   symbol      variable
=========================  ==========  ==========================
sum in DAC steps           s           ``sums``
output in ADC steps        y / dy      ``value``
converter input            v           ``held``, in LSB, unsigned
=========================  ==========  ==========================

All arithmetic is that of `value_of` and `held_of`: in the type of the sums up to the noise, then
in float32.
"""

import numpy as np

from models.compiled import compiled, inlined

GRID = 2.0**24  # exact sums: weights are multiples of 1 / GRID


@inlined
def value_of(total, ratio, draw, spread):
    """Output in ADC steps, float32, from a sum and its normal draw (float32)."""
    return np.float32(np.float64(draw * spread) + np.float64(total * ratio))


@inlined
def bounded(value, limit):
    """Clip to ``+-limit``; what is not a number saturates too, so that every code is defined."""
    below = value if value < limit else limit
    return below if below > -limit else -limit


@inlined
def held_of(value, limit, middle):
    """Bound a converter input; with mid-scale and the half for rounding it is in unsigned LSB."""
    return bounded(value, limit) + middle


@compiled
def convert(sums, ratio, draws, spread, limit, middle, codes, over):
    """Write the ADC codes of sums with noise, and how many of each vector are at a bound.

    Parameters
    ----------
    sums : ndarray, shape (n, sensed)
        Float64 or float32.
    ratio : float
        ADC steps per unit of the sums, in their type.
    draws : ndarray of float32, shape (n, sensed), or (0, 0)
        Standard normal draws, or no noise.
    spread : ndarray of float32, shape (n,)
        Standard deviation in ADC steps.
    limit, middle : float32
        Largest code; mid-scale and a half.
    codes : ndarray of int16, shape (n, sensed)
        Written.
    over : ndarray of int64, shape (n,)
        Written.
    """
    largest, centre = np.int32(limit), np.int32(middle)
    noisy, zero = draws.size > 0, np.float32(0)
    for vector in range(sums.shape[0]):
        width, count = spread[vector], np.int32(0)
        for line in range(sums.shape[1]):
            draw = draws[vector, line] if noisy else zero
            value = value_of(sums[vector, line], ratio, draw, width)
            code = np.int32(held_of(value, limit, middle)) - centre
            codes[vector, line] = code
            count += np.int32(abs(code) >= largest)
        over[vector] = count


@compiled
def hold(sums, ratio, draws, spread, limit, middle, held):
    """Write the converter inputs from which `convert` makes its codes; as there."""
    noisy, zero = draws.size > 0, np.float32(0)
    for vector in range(sums.shape[0]):
        for line in range(sums.shape[1]):
            draw = draws[vector, line] if noisy else zero
            value = value_of(sums[vector, line], ratio, draw, spread[vector])
            held[vector, line] = held_of(value, limit, middle)


@compiled
def quantise(x, factors, shifts, limit, rounds, codes):
    """Write inputs in DAC steps: scaled, rounded half to even if ``rounds``, bounded.

    Parameters
    ----------
    x : ndarray of float32, shape (n, driven)
        Inputs.
    factors : ndarray of float32, shape (n,)
        DAC steps per unit of each vector.
    shifts : ndarray of float32, shape (n, driven), or (0, 0) for none
        Added before rounding.
    limit : float32
        Largest code.
    rounds : bool
        Whether codes are whole numbers.
    codes : ndarray, shape (n, driven)
        Written, float32 or float64.
    """
    shifted = shifts.size > 0
    for vector in range(x.shape[0]):
        factor = factors[vector]
        for line in range(x.shape[1]):
            value = x[vector, line] * factor
            if shifted:
                value += shifts[vector, line]
            if rounds:
                value = np.rint(value)
            codes[vector, line] = bounded(value, limit)


@compiled
def largest_magnitudes(patterns, largest):
    """Write the largest pattern without sign of each vector; 0 for empty ones.

    Parameters
    ----------
    patterns : ndarray of int32, shape (n, driven)
        Float32 inputs as integers: magnitudes are ordered as these are.
    largest : ndarray of int32, shape (n,)
        Written.
    """
    for vector in range(patterns.shape[0]):
        found = np.int32(0)
        for line in range(patterns.shape[1]):
            found = max(found, patterns[vector, line] & np.int32(0x7FFFFFFF))
        largest[vector] = found


@compiled
def rescale(codes, factors, y):
    """Write float32 outputs: codes times the factor of their vector."""
    for vector in range(codes.shape[0]):
        for line in range(codes.shape[1]):
            y[vector, line] = np.float32(codes[vector, line]) * factors[vector]


@inlined
def read_one(weight, draw, full, ratio, spread, limit, middle, grid):
    """ADC code of one crosspoint whose line alone is driven at full scale.

    The arguments after ``draw`` are :class:`models.analog.mvm_rows.RowNumbers`.

    Parameters
    ----------
    weight, draw : float32
        Weight; standard normal draw.
    """
    if grid > 0.0:
        total = full * (np.rint(np.float64(weight) * grid) / grid)
        value = value_of(total, ratio, draw, spread)
    else:
        single = np.float32(full) * weight
        value = value_of(single, np.float32(ratio), draw, spread)
    return np.int32(held_of(value, limit, middle)) - np.int32(middle)


@compiled
def read_each(weights, draws, full, ratio, spread, limit, middle, grid, codes):
    """Write `read_one` of every element."""
    for row in range(weights.shape[0]):
        for line in range(weights.shape[1]):
            codes[row, line] = read_one(
                weights[row, line], draws[row, line], full, ratio, spread, limit, middle, grid
            )
