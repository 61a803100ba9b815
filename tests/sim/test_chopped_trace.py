"""The pulse trace of pulsed training against pulses counted one by one."""

from types import SimpleNamespace

import numpy as np
import pytest

from models.config.toml import overridden
from models.digital.chopped import GoldenChoppedUnits
from models.systems.chopped import ChoppedSystem
from models.trainer.data import load
from sim import chopped_trace
from sim.chopped_corners import coincidences
from sim.chopped_signs import line_signs
from sim.chopped_trace import COLUMNS, ChoppedTrace
from tests.sim.chopped_tiny import tiny

CHOPPED = {"algorithm": "cttv2", "chopping": "random", "in_chop_prob": 0.3, "out_chop_prob": 0.3}
SCHEMES = {
    "sgd": {"algorithm": "sgd"},
    "ttv1": {"algorithm": "ttv1", "transfer_lr": 0.1},
    "cttv2": CHOPPED | {"transfer_every": 2},
    "agad": {},
}


class Recorder:
    """Keeps what it is shown."""

    def __init__(self):
        self.updates = []

    def conversion(self, seen):
        pass

    def update(self, seen):
        self.updates.append(seen)


@pytest.fixture(scope="module", params=SCHEMES)
def run(request, tmp_path_factory):
    """Updates of two steps, and the counters of the system."""
    config = tiny(tmp_path_factory.mktemp("tiny"))
    config = overridden(config, {"scheme": SCHEMES[request.param]})
    system, recorder = ChoppedSystem(config, GoldenChoppedUnits(config), 1), Recorder()
    for layer in system.layers:
        layer.array.watch = recorder
    data = load(None)
    for step in range(3):
        part = slice(8 * step, 8 * step + 8)
        system.train_step(data.train_images[part], data.train_labels[part], 1.0)
    return config, recorder.updates, system.counters


def one_by_one(seen):
    """Vector, row, column and polarity of each coincidence, with choppers walked read by read."""
    rows = seen.before.row_choppers[: seen.x.shape[1]].copy()
    is_fast, read, slot = seen.array == "fast", 0, 0
    for vector in range(len(seen.x)):
        columns = seen.before.column_choppers
        if seen.order.out_signs is not None:
            following = read < len(seen.order.row)
            columns = seen.order.out_signs[read] if following else seen.after.column_choppers
        for _ in range(seen.managed.slots[vector]):
            for row in np.flatnonzero(seen.trains.rows[slot]):
                for column in np.flatnonzero(seen.trains.columns[slot]):
                    signs = int(seen.x[vector, row]) >> 15, int(seen.delta[vector, column]) >> 15
                    odd = signs[0] ^ signs[1] ^ (is_fast and int(rows[row] ^ columns[column]))
                    yield vector, int(row), int(column), 1 if odd else -1
            slot += 1
        while read < len(seen.order.row) and seen.order.vector[read] == vector:
            rows[seen.order.row[read]] ^= seen.order.flips[read]
            read += 1


def by_key(table, names):
    """Count of each different row of some columns."""
    places, found = [COLUMNS.index(name) for name in names], {}
    for row in table.tolist():
        key = tuple(row[place] for place in places)
        found[key] = found.get(key, 0) + row[COLUMNS.index("count")]
    return found


@pytest.mark.parametrize("each_vector", [False, True])
def test_pulses_are_those_of_the_trains(run, each_vector):
    config, updates, _ = run
    for seen in updates:
        trace = ChoppedTrace(config, each_vector)
        trace.update(seen._replace(transfer=None))
        wanted = {}
        for vector, row, column, polarity in one_by_one(seen):
            key = (vector if each_vector else -1, row, column, polarity)
            wanted[key] = wanted.get(key, 0) + 1
        table = trace.table()
        assert by_key(table, ("vector", "row", "column", "polarity")) == wanted
        assert len(table) == len(wanted)
        assert coincidences(*seen.trains[:2]) == sum(wanted.values())
        expected = [seen.step, seen.layer, int(seen.array == "fast")]
        assert (table[:, [0, 2, 3]] == expected).all()


def test_all_pulses_of_a_run(run):
    config, updates, counters = run
    trace = ChoppedTrace(config)
    for seen in updates:
        trace.update(seen)
    table = trace.table()
    for code, name in ((0, "slow"), (1, "fast")):
        total = table[table[:, 3] == code][:, COLUMNS.index("count")].sum()
        assert total == counters[f"device_pulses_{name}"]
    assert table[:, COLUMNS.index("count")].sum() > 50
    transfers = [seen for seen in updates if seen.transfer is not None]
    wanted = set()
    for seen in transfers:
        counts, order = seen.transfer.counts, seen.order
        for read, column in np.argwhere(counts).tolist():
            place = int(order.row[read]), column, int(counts[read, column])
            wanted.add((seen.step, int(order.vector[read]), seen.layer, *place))
    if transfers:
        slow = table[table[:, 3] == 0]
        assert set(map(tuple, slow[:, [0, 1, 2, 4, 5, 6]].tolist())) == wanted


def test_what_is_too_much_is_counted(run, tmp_path, monkeypatch):
    config, updates, counters = run
    monkeypatch.setattr(chopped_trace, "LIMIT", 20)
    trace = ChoppedTrace(config)
    for seen in updates[:2]:
        trace.update(seen)
    again = ChoppedTrace(config)
    again.restore(trace.table(), trace.dropped)
    for seen in updates[2:]:
        trace.update(seen)
        again.update(seen)
    assert again.dropped == trace.dropped
    assert np.array_equal(again.table(), trace.table())
    kept = trace.table()
    for code, name in ((0, "slow"), (1, "fast")):
        part = kept[kept[:, 3] == code]
        assert len(part) <= 20
        total = part[:, COLUMNS.index("count")].sum() + trace.dropped[name]
        assert total == counters[f"device_pulses_{name}"]
    trace.write(tmp_path)
    said = f"beyond 20 rows per array: {trace.dropped['slow']} slow, {trace.dropped['fast']} fast"
    assert said in (tmp_path / "pulses.csv").read_text()


def test_signs_without_reads_are_those_of_the_values():
    x, delta = np.array([[0x8000, 0x3F80]], np.uint16), np.array([[0xBF80]], np.uint16)
    seen = SimpleNamespace(array="slow", x=x, delta=delta)
    rows, columns = line_signs(seen)  # pyright: ignore[reportArgumentType]
    assert (rows.tolist(), columns.tolist()) == ([[1, 0]], [[1]])
