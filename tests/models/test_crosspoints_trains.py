"""Loops over pulses: order, signs, places and draws, against loops in Python."""

from dataclasses import replace

import numpy as np
import pytest

from models.analog.crosspoint_pulses import apply_pulses, apply_trains, count_coincidences
from models.analog.crosspoints import draw_crosspoints
from models.config.pulsed import PulsedDeviceConfig
from models.config.pulsed_presets import PULSED_DEVICES
from models.randomness import generator

CONFIGS = {
    "soft": PulsedDeviceConfig(dw_min=0.02),
    "noisy": PulsedDeviceConfig(kind="exp_step", dw_min=0.02, write_noise=2.0),
    "pair": replace(PULSED_DEVICES["pcm"], write_noise=1.0),
    "quiet": PulsedDeviceConfig(kind="power_step", dw_min=0.02, cycle_spread=0.0),
}


def crosspoints(config, shape):
    return draw_crosspoints(config, shape, generator(1, "population"))


def in_order(trains, columns_of_array):
    """Places and directions, one after the other: vector, slot, row, column."""
    rows, columns, slots, row_signs, column_signs = trains
    places, ups, slot = [], [], 0
    for vector, count in enumerate(slots):
        for _ in range(count):
            for i in np.flatnonzero(rows[slot]):
                for j in np.flatnonzero(columns[slot]):
                    places.append(i * columns_of_array + j)
                    ups.append(row_signs[vector, i] != column_signs[vector, j])
            slot += 1
    return np.array(places, np.int64), np.array(ups, np.uint8)


def some_trains(rng, shape, slots):
    lines = [(rng.random((sum(slots), size)) < 0.4).astype(np.uint8) for size in shape]
    signs = [rng.integers(0, 2, (len(slots), size)).astype(np.uint8) for size in shape]
    return (*lines, np.array(slots, np.uint8), *signs)


@pytest.mark.parametrize("name", CONFIGS)
def test_trains_are_their_pulses_one_by_one(name):
    """Bit for bit, and each pulse takes the next draws; fewer lines than the array has."""
    rng, config = generator(2, name), CONFIGS[name]
    together, apart = (crosspoints(config, (9, 11)) for _ in range(2))
    trains = some_trains(rng, (7, 10), [3, 0, 31, 1])
    places, ups = in_order(trains, 11)
    assert count_coincidences(*trains[:2]) == len(places) > 200
    draws = together.draws(len(places), rng)
    apply_trains(together.points, *trains, *draws)
    for n in range(len(places)):
        one = (part[n : n + 1] for part in draws)
        apply_pulses(apart.points, places[n : n + 1], ups[n : n + 1], *one)
    assert np.array_equal(together.points.cells, apart.points.cells)
    assert np.array_equal(together.points.visible, apart.points.visible)
    moved = together.seen != crosspoints(config, (9, 11)).seen
    assert set(np.flatnonzero(moved)) == set(places)


def test_signs():
    """Equal signs lower a weight, others raise it: an SGD step on x and delta."""
    config = PulsedDeviceConfig(cycle_spread=0.0)
    points = crosspoints(config, (2, 2))
    fires, signs = np.ones((1, 2), np.uint8), np.array([[0, 1]], np.uint8)
    trains = fires, fires, np.ones(1, np.uint8), signs, signs
    apply_trains(points.points, *trains, *points.draws(4, generator(3)))
    assert np.array_equal(np.sign(points.seen), [[-1, 1], [1, -1]])


def test_no_pulses():
    points = crosspoints(CONFIGS["noisy"], (3, 4))
    before = points.state()
    trains = some_trains(generator(4), (3, 4), [2, 1])
    trains[0][:] = 0
    assert count_coincidences(*trains[:2]) == 0
    apply_trains(points.points, *trains, *points.draws(0, generator(4)))
    assert all(np.array_equal(before[k], v) for k, v in points.state().items())


def test_draws_of_what_is_not_noisy_are_none():
    rng = generator(5)
    draws, write_draws = crosspoints(CONFIGS["quiet"], (1, 1)).draws(3, rng)
    assert (list(draws), len(write_draws)) == ([0, 0, 0], 0)
    assert rng.random() == generator(5).random()
    assert [len(d) for d in crosspoints(CONFIGS["noisy"], (1, 1)).draws(3, rng)] == [3, 3]
