"""Devices that every single pulse moves by the exact law of their kind.

==============================  ==============  ============================
quantity                        symbol          variable
==============================  ==============  ============================
weight of a device              w               column ``HIDDEN``
weight that reads see           v               ``visible``
bounds                          b-, b+          columns ``LOWER``, ``UPPER``
step at weight 0                s-, s+          columns ``DOWN``, ``UP``
form of the step                f-, f+          ``DOWN_FORM``, ``UP_FORM``
cycle-to-cycle spread           sigma           ``cycle``
write noise                                     ``write``
standard normal draws           xi, zeta        ``draw``, ``write_draw``
==============================  ==============  ============================

One pulse moves ``w`` by ``m`` and its noise, clamps it to the bounds and then sets ``v = w + write
zeta``. Of the kinds

- ``constant_step``, ``linear_step``, ``soft_bounds`` and ``soft_bounds_reference`` move up by ``m
  = s+ + f+ w`` and down by ``m = s- + f- w``; noise ``sigma m xi`` or, additive, ``sigma s xi``;
- ``exp_step`` moves up by ``m = s+ max(1 - A e^(r z), 0)`` with ``z = f w + b`` and down by ``m =
  s- max(1 - A e^(-r z), 0)``; noise ``sigma m xi``, or, if there are sizes ``c`` and ``d`` to add,
  ``sigma (m + c + d |w|) xi``;
- ``power_step`` moves up by ``m = s+ ((b+ - w) / (b+ - b-))^f+`` and down by ``m = s- ((w - b-) /
  (b+ - b-))^f-``; noise ``sigma m xi``.

A one-sided pair has the adding devices in the first half of the arrays and the subtracting ones in
the second; a down pulse is an up pulse of the latter.

Source: aihwkit's pulsed devices, confirmed in the code of 1.1.0, in our own words.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.analog.crosspoint_functions import exp, power
from models.compiled import compiled, inlined

LINEAR, ADDITIVE, EXPONENTIAL, POWER = range(4)
# Columns of the cells: side by side, so that one pulse reads one line of the cache.
HIDDEN, LOWER, UPPER, UP, UP_FORM, DOWN, DOWN_FORM, VISIBLE = range(8)
CELL = 8

Array = NDArray[np.float32]


class Points(NamedTuple):
    """Devices as the compiled loops take them.

    Parameters
    ----------
    cells : ndarray of float32, shape (devices, 8)
        By columns: weight that pulses move, lower and upper bound, step up at weight 0 and its
        form, step down, positive, and its form; weight that reads see.
    visible : ndarray of float32, shape (devices,)
        View of the last column.
    coefficients : tuple of 8 float
        ``exp_step``: gains A+, A-, rates r+, r-, offset b, sizes c and d, and 1 if there are
        any.
    cycle, write : numpy.float32
        Standard deviations: of a step, relative, and of the visible weight, absolute.
    columns : int
        Crosspoints of a row.
    second : int
        One-sided pairs: place of the first subtracting device; otherwise 0.
    law : int
        ``LINEAR``, ``ADDITIVE``, ``EXPONENTIAL`` or ``POWER``.
    """

    cells: Array
    visible: Array
    coefficients: tuple[float, ...]
    cycle: np.float32
    write: np.float32
    columns: int
    second: int
    law: int


@inlined
def _exponential(c, rising, scale, form, w, noise):
    """Weight after one pulse of ``exp_step``, before the bounds."""
    z = np.float64(form) * np.float64(w) + c[4]
    if rising:
        step = np.float64(scale) * max(1.0 - c[0] * exp(c[2] * z), 0.0)
    else:
        step = -np.float64(scale) * max(1.0 - c[1] * exp(-c[3] * z), 0.0)
    spread = step
    if c[7] != 0.0:
        spread = abs(step) + c[5] + c[6] * abs(np.float64(w))
    return np.float32(np.float64(w) + (step + spread * np.float64(noise)))


@inlined
def _powered(rising, scale, form, lower, upper, w, noise):
    """Weight after one pulse of ``power_step``, before the bounds."""
    start, low, high = np.float64(w), np.float64(lower), np.float64(upper)
    distance = high - start if rising else start - low
    step = np.float64(scale) * power(distance / max(high - low, 1e-30), np.float64(form))
    if not rising:
        step = -step
    return np.float32(start + (step + step * np.float64(noise)))


@inlined
def pulse_once(points, place, up, draw, write_draw):
    """Give one device one pulse; for use in compiled loops.

    Parameters
    ----------
    points : Points
        Devices, changed in place.
    place : int
        Crosspoint: ``row * points.columns + column``.
    up : bool or int
        Whether the weight rises.
    draw, write_draw : numpy.float32
        Standard normal draws of the step and of the visible weight; the latter is of no influence
        without write noise, but must be finite.
    """
    cells = points.cells
    device = place
    rising = up != 0
    if points.second != 0 and not rising:
        device = place + points.second
        rising = True
    w, noise = cells[device, HIDDEN], points.cycle * draw
    lower, upper = cells[device, LOWER], cells[device, UPPER]
    up_step, up_form = cells[device, UP], cells[device, UP_FORM]
    down_step, down_form = cells[device, DOWN], cells[device, DOWN_FORM]
    # both are read and one is chosen: no branch on a sign without pattern
    scale = up_step if rising else down_step
    form = up_form if rising else down_form
    if points.law == EXPONENTIAL:
        moved = _exponential(points.coefficients, rising, scale, form, w, noise)
    elif points.law == POWER:
        moved = _powered(rising, scale, form, lower, upper, w, noise)
    else:
        step = scale + form * w
        jump = step + (step if points.law == LINEAR else scale) * noise
        moved = w + (jump if rising else -jump)
    moved = min(max(moved, lower), upper)
    cells[device, HIDDEN] = moved
    cells[device, VISIBLE] = moved + points.write * write_draw


@compiled
def apply_pulses(points, places, ups, draws, write_draws):
    """Give crosspoints one pulse each, in order.

    Parameters
    ----------
    points : Points
        Devices, changed in place.
    places : ndarray of int64, shape (pulses,)
        Crosspoints.
    ups : ndarray of uint8, shape (pulses,)
        1 for up, 0 for down.
    draws, write_draws : ndarray of float32, shape (pulses,)
        Standard normal draws in pulse order; ``write_draws`` may be empty without write noise.
    """
    noisy = points.write > np.float32(0)
    for k in range(len(places)):
        write_draw = write_draws[k] if noisy else np.float32(0)
        pulse_once(points, places[k], ups[k], draws[k], write_draw)


@compiled
def apply_trains(points, rows, columns, slots, row_signs, column_signs, draws, write_draws):
    """Give one pulse to every crosspoint whose row and column fire in a slot.

    Pulses go by vector, slot, row, column: up where signs differ, down where they are equal.

    Parameters
    ----------
    points : Points
        Devices, changed in place; rows and columns may be fewer than theirs.
    rows, columns : ndarray of uint8, shapes (slots of all vectors, rows) and (same, columns)
        1 where a line fires.
    slots : ndarray of integers, shape (vectors,)
        Slots of each vector.
    row_signs, column_signs : ndarray of uint8, shapes (vectors, rows) and (vectors, columns)
        Signs of the lines.
    draws, write_draws : ndarray of float32, shape (pulses,)
        Standard normal draws in pulse order; ``write_draws`` may be empty without write noise.
    """
    fired = np.empty(columns.shape[1], np.int64)
    slot, k = 0, 0
    for vector in range(len(slots)):
        signs = row_signs[vector], column_signs[vector]
        for _ in range(slots[vector]):
            k = pulse_slot(points, rows[slot], columns[slot], signs, fired, draws, write_draws, k)
            slot += 1


@compiled
def pulse_slot(points, rows, columns, signs, fired, draws, write_draws, k):
    """Give one pulse to every crosspoint whose row and column fire; returns ``k`` after them.

    Parameters
    ----------
    points : Points
        Devices, changed in place.
    rows, columns : ndarray of uint8, shapes (rows,) and (columns,)
        1 where a line fires.
    signs : tuple of ndarray of uint8
        Signs of rows and columns.
    fired : ndarray of int64, shape (columns,)
        Space.
    draws, write_draws : ndarray of float32
        As in `apply_trains`; those from ``k`` on are used.
    k : int
        Pulses before.
    """
    noisy = points.write > np.float32(0)
    count = 0
    for column in range(len(columns)):
        fired[count] = column
        count += np.int64(columns[column] != 0)
    if count == 0:
        return k
    row_signs, column_signs = signs
    for row in range(len(rows)):
        if rows[row]:
            place, sign = row * points.columns, row_signs[row]
            for n in range(count):
                write_draw = write_draws[k] if noisy else np.float32(0)
                up = column_signs[fired[n]] != sign
                pulse_once(points, place + fired[n], up, draws[k], write_draw)
                k += 1
    return k


@compiled
def count_coincidences(rows, columns):
    """Pulses of trains: number of pairs of a row and a column that fire in one slot.

    Parameters
    ----------
    rows, columns : ndarray of uint8, shapes (slots, rows) and (slots, columns)
        1 where a line fires.
    """
    total = 0
    for slot in range(len(rows)):
        first, second = 0, 0
        for line in range(rows.shape[1]):
            first += np.int64(rows[slot, line] != 0)
        for line in range(columns.shape[1]):
            second += np.int64(columns[slot, line] != 0)
        total += first * second
    return total
