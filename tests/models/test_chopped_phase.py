"""The compiled loop of pulses and reads against plain loops over single pulses."""

import numpy as np
import pytest

from models.analog.crosspoint_pulses import apply_pulses
from models.analog.crosspoints import draw_crosspoints
from models.config.chopped_units import SequencerConfig
from models.config.pulsed import PulsedDeviceConfig
from models.digital.pulse_trains import Trains
from models.digital.sequencer import initial_state, sequence
from models.systems.chopped_phase import pulse_and_read

ROWS, COLUMNS, VECTORS = 5, 4, 90
DEVICE = {"dw_min": 0.01, "w_max": 1.0, "w_min": -1.0, "reference_std": 0.1, "write_noise": 2.0}


def _plainly(devices, reference, vectors, slots, trains, before, order, draws, every, config):
    """Pulse one crosspoint after the other; choppers from `sequence` of one vector at a time."""
    x, delta = vectors
    state, slot, pulse, seen = before, 0, 0, []
    for n, count in enumerate(slots):
        for _ in range(count):
            for i in np.flatnonzero(trains.rows[slot]):
                for j in np.flatnonzero(trains.columns[slot]):
                    signs = (x[n, i] >> 15) ^ state.row_choppers[i]
                    signs ^= (delta[n, j] >> 15) ^ state.column_choppers[j]
                    some = (part[pulse : pulse + 1] for part in draws)
                    place = np.array([i * COLUMNS + j])
                    apply_pulses(devices.points, place, np.array([signs], np.uint8), *some)
                    pulse += 1
            slot += 1
        reads, state = sequence(state, 1, ROWS, COLUMNS, every, config)
        weights = devices.raw() if reference is None else devices.seen
        seen += [weights[row].copy() for row in reads.row]
    assert pulse == len(draws[0])
    return np.array(seen), state


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize(
    "choppers",
    [
        {"chopping": "none"},
        {"chopping": "regular", "period": 2},
        {"chopping": "random", "in_chance": 30000, "out_chance": 30000},
    ],
    ids=["none", "regular", "random"],
)
@pytest.mark.parametrize("referenced", [True, False])
def test_pulses_and_reads_come_in_order(every, choppers, referenced):
    rng = np.random.default_rng(5)
    config = SequencerConfig(rows=ROWS, columns=COLUMNS, **choppers)
    device = PulsedDeviceConfig(kind="soft_bounds_reference", **DEVICE)
    ours, theirs = (
        draw_crosspoints(device, (ROWS, COLUMNS), np.random.default_rng(6)) for _ in "12"
    )
    x = rng.integers(0, 65536, (VECTORS, ROWS)).astype(np.uint16)
    delta = rng.integers(0, 65536, (VECTORS, COLUMNS)).astype(np.uint16)
    slots = rng.integers(0, 4, VECTORS).astype(np.uint8)
    fired = [(rng.random((slots.sum(), n)) < 0.5).astype(np.uint8) for n in (ROWS, COLUMNS)]
    trains = Trains(*fired, 1)
    before = initial_state(config, 77)
    # a state in mid-pass: two vectors were counted, choppers are set
    _, before = sequence(before, 20, ROWS, COLUMNS, every, config)
    order, after = sequence(before, VECTORS, ROWS, COLUMNS, every, config)
    draws = ours.draws(int(fired[0].sum(1).astype(int) @ fired[1].sum(1)), rng)
    reference = ours.reference if referenced else None
    given = (x, delta), slots, trains
    seen = pulse_and_read(ours, reference, *given, (before, after), order, draws)
    want, last = _plainly(theirs, reference, *given, before, order, draws, every, config)
    np.testing.assert_array_equal(seen, want)
    np.testing.assert_array_equal(ours.points.visible, theirs.points.visible)
    np.testing.assert_array_equal(after.row_choppers, last.row_choppers)
    assert len(seen) == len(order.row) > 25


def test_one_sided_pairs_read_as_their_difference():
    device = PulsedDeviceConfig(dw_min=0.01, w_max=1.0, one_sided=True)
    devices = draw_crosspoints(device, (2, 3), np.random.default_rng(7))
    devices.placed(np.array([[0.3, -0.2, 0.0], [0.1, 0.5, -0.6]]))
    config = SequencerConfig(rows=2, columns=3, chopping="none")
    before = initial_state(config, 1)
    order, after = sequence(before, 2, 2, 3, 1, config)
    nothing = np.zeros((2, 2), np.uint16), np.zeros((2, 3), np.uint16)
    none = Trains(np.zeros((0, 2), np.uint8), np.zeros((0, 3), np.uint8), 1)
    draws = devices.draws(0, np.random.default_rng(8))
    choppers = before, after
    seen = pulse_and_read(
        devices, None, nothing, np.zeros(2, np.uint8), none, choppers, order, draws
    )
    np.testing.assert_array_equal(seen, devices.raw())
