import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.config.chopped_units import SequencerConfig
from models.config.units import LfsrConfig
from models.digital.sequencer import SequencerState, initial_state, sequence

TAPS = {16: (16, 15, 13, 4), 24: (24, 23, 22, 17), 32: (32, 22, 2, 1)}


class Plain:
    """One update after another, as the contract of the system has it; lists of bools."""

    def __init__(self, state, rows, columns, every, config):
        self.__dict__.update(state._asdict())
        self.c_in, self.marked, self.c_out = (list(map(bool, line)) for line in state[4:7])
        self.rows, self.columns, self.every, self.config = rows, columns, every, config
        self.reads = []

    def word(self):
        low = self.lfsr & 0xFFFF
        width = self.config.lfsr.width
        for _ in range(16):  # Galois form of the polynomial, one place after the other
            out, self.lfsr = self.lfsr & 1, self.lfsr >> 1
            for place in TAPS[width]:
                self.lfsr ^= out << (place - 1)
        return low

    def update(self, vector):
        self.vectors += 1
        if self.vectors < self.every:
            return
        self.vectors = 0
        k, config = self.row, self.config
        enable = bool(self.settled) or not config.waits
        before = [self.c_in[k], self.marked[k], enable]
        signs = self.c_out[: self.columns]
        self.marked[k] = False
        flips = config.chopping == "regular" and self.passes == config.period - 1
        if config.chopping == "random":
            flips = self.word() < config.in_chance
        if flips:
            self.c_in[k] = not self.c_in[k]
            self.marked[k] = True
        self.reads.append([vector, k, *before, flips, *signs])
        self.row = k + 1
        if self.row == self.rows:
            self.end_of_pass()

    def end_of_pass(self):
        self.row, self.passes = 0, self.passes + 1
        if self.passes == self.config.period:
            self.passes, self.settled = 0, 1
        if self.config.out_chance:
            flips = [self.word() < self.config.out_chance for _ in range(self.columns)]
            self.c_out[: self.columns] = [
                sign != flip for sign, flip in zip(self.c_out[: self.columns], flips, strict=True)
            ]

    def state(self):
        lines = (np.array(line, np.uint8).tolist() for line in (self.c_in, self.marked, self.c_out))
        return [self.row, self.vectors, self.passes, self.settled, *lines, self.lfsr]


def listed(found, columns):
    """Reads of the twin in the form of `Plain`."""
    signs = found.out_signs
    if signs is None:
        signs = np.zeros((len(found.row), columns), np.uint8)
    marks = (found.vector, found.row, found.negative, found.fresh, found.enable, found.flips)
    return np.column_stack([*marks, signs]).tolist()


def flat(state):
    return [field.tolist() if isinstance(field, np.ndarray) else field for field in state]


@st.composite
def cases(draw):
    rows, columns = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    config = SequencerConfig(
        rows=draw(st.integers(rows, 8)),
        columns=draw(st.integers(columns, 8)),
        chopping=draw(st.sampled_from(["none", "regular", "random"])),
        period=draw(st.sampled_from([2, 3, 5])),
        in_chance=draw(st.sampled_from([0, 3000, 30000, 65535])),
        out_chance=draw(st.sampled_from([0, 1, 30000, 65535])),
        waits=draw(st.booleans()),
        lfsr=LfsrConfig(width=draw(st.sampled_from([16, 24, 32])), word_bits=16),
    )
    every = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    c_in, flipped = rng.integers(0, 2, (2, config.rows), np.uint8)
    c_out = rng.integers(0, 2, config.columns, np.uint8) * np.uint8(config.out_chance > 0)
    seed = int(rng.integers(1, 2**config.lfsr.width))
    numbers = (int(rng.integers(n)) for n in (rows, every, config.period, 2))
    state = SequencerState(*numbers, c_in, flipped, c_out, seed)
    return config, state, rows, columns, every


@settings(max_examples=150, deadline=None)
@given(case=cases(), vectors=st.integers(0, 120), cut=st.integers(0, 120))
def test_reads_and_state_are_those_of_one_update_after_another(case, vectors, cut):
    config, state, rows, columns, every = case
    before = flat(state)
    plain = Plain(state, rows, columns, every, config)
    for vector in range(vectors):
        plain.update(vector)
    found, after = sequence(state, vectors, rows, columns, every, config)
    assert listed(found, columns) == plain.reads
    assert flat(after) == plain.state()
    assert flat(state) == before  # not modified

    cut = min(cut, vectors)  # in two parts, with the state on disk in between
    first, middle = sequence(state, cut, rows, columns, every, config)
    middle = SequencerState.from_arrays(middle.to_arrays())
    second, end = sequence(middle, vectors - cut, rows, columns, every, config)
    assert flat(end) == flat(after)
    both = listed(first, columns) + [[v + cut, *r] for v, *r in listed(second, columns)]
    assert both == listed(found, columns)


def test_regular_choppers_worked_by_hand():
    config = SequencerConfig(rows=2, columns=1, period=2, waits=True)
    found, after = sequence(initial_state(config, 1), 14, 2, 1, 1, config)
    assert found.row.tolist() == [0, 1] * 7
    assert found.flips.tolist() == [0, 0, 1, 1] * 3 + [0, 0]
    assert found.negative.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1]
    assert found.fresh.tolist() == [0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1]
    assert found.enable.tolist() == [0] * 4 + [1] * 10  # nothing in the first period
    assert flat(after) == [0, 0, 1, 1, [1, 1], [0, 0], [0], 1]


def test_a_chance_of_one_half_flips_half():
    config = SequencerConfig(chopping="random", in_chance=2**15, out_chance=2**14)
    found, _ = sequence(initial_state(config, 7), 64 * 1000, 64, 32, 1, config)
    assert abs(found.flips.mean() - 0.5) < 5 * 0.5 / 64000**0.5
    assert found.out_signs is not None
    changes = found.out_signs[64::64] ^ found.out_signs[:-64:64]
    assert abs(changes.mean() - 0.25) < 5 * 0.44 / changes.size**0.5
    constant = found.out_signs.reshape(-1, 64, 32)  # within a pass nothing changes
    assert (constant == constant[:, :1]).all()


@pytest.mark.parametrize("above", [0, 1])
def test_a_word_below_the_chance_flips_and_the_chance_itself_does_not(above):
    word = 0xACE1
    random = SequencerConfig(rows=1, columns=1, chopping="random", in_chance=word + above)
    found, _ = sequence(initial_state(random, word), 1, 1, 1, 1, random)
    assert found.flips.tolist() == [above]
    columns = SequencerConfig(rows=1, columns=1, chopping="none", out_chance=word + above)
    _, after = sequence(initial_state(columns, word), 1, 1, 1, 1, columns)
    assert after.column_choppers.tolist() == [above]


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({}, {"rows": 65}, "^rows must be between 1 and 64, not 65$"),
        ({}, {"columns": 0}, "^columns must be between 1 and 32, not 0$"),
        ({}, {"transfer_every": 0}, "^transfer_every must be between 1 and 65535, not 0$"),
        ({"row": 64}, {}, "^state.row must be between 0 and 63, not 64$"),
        ({"vectors": 2}, {}, "^state.vectors must be between 0 and 1, not 2$"),
        ({"lfsr": 0}, {}, "^state.lfsr must be between 1 and"),
        ({"column_choppers": np.ones(32)}, {}, "^state.column_choppers must be 0 where out_chance"),
    ],
)
def test_what_does_not_fit_is_refused(change, arguments, message):
    config = SequencerConfig()
    state = initial_state(config, 1)._replace(**change)
    given = {"vectors": 1, "rows": 64, "columns": 32, "transfer_every": 2} | arguments
    with pytest.raises(ValueError, match=message):
        sequence(state, config=config, **given)
    with pytest.raises(ValueError, match=r"^seed must be between 1 and 4294967295, not 0$"):
        initial_state(config, 0)
