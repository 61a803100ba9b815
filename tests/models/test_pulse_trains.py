from fractions import Fraction

import numpy as np
import pytest

from models.config.chopped_units import PulseTrainConfig
from models.config.pulsed import PulsedUpdateConfig
from models.config.units import LfsrConfig, RequantizeConfig
from models.digital.bf16 import BF16_MUL, from_float32
from models.digital.float_mul import float_mul
from models.digital.lfsr import jump, lfsr_words, step
from models.digital.pulse_trains import pulse_trains, thresholds
from models.digital.requantize import requantize
from models.digital.update_management import Managed, update_management
from models.formats import BF16
from tests.float_cases import corners

SMALL = LfsrConfig(width=16, word_bits=7)  # 7 and the period have no common factor
MAGNITUDES = np.arange(2**15, dtype=np.uint16)


def bf16(values):
    return from_float32(np.array(values, np.float32))


def managed(slots, x_scale=1.0, delta_scale=1.0):
    slots = np.array(slots, np.uint8)
    return Managed(slots, *(np.resize(bf16([s]), len(slots)) for s in (x_scale, delta_scale)))


@pytest.mark.parametrize("random_bits", [4, 12, 16])
def test_thresholds_of_every_magnitude_match_the_units(random_bits):
    rng = np.random.default_rng(random_bits)
    near = BF16.bias - random_bits + rng.integers(-20, 21, 8)
    scales = [*corners(BF16), *(near << 7 | rng.integers(0, 128, 8)).tolist()]
    limits = RequantizeConfig(code_width=random_bits + 2)
    for scale in np.array(scales, np.uint16):
        product = float_mul(MAGNITUDES, scale & 0x7FFF, BF16_MUL)
        code = requantize(product, limits, exponent=-random_bits, stochastic=False)
        values = MAGNITUDES | (scale & 1) << 15
        found = thresholds(values[None], np.array([scale]), random_bits)
        np.testing.assert_array_equal(found[0], np.minimum(code, 2**random_bits))


def test_thresholds_match_exact_fractions():
    rng = np.random.default_rng(1)
    value = rng.integers(0, 0x7F80, 4000, dtype=np.uint16)
    scale = np.clip(2 * 0x3F80 - value.astype(int) + rng.integers(-1500, 300, 4000), 0, 0x7F7F)
    found = thresholds(value[:, None], scale.astype(np.uint16), 12)[:, 0]
    for x, s, limit in zip(value.tolist(), scale.tolist(), found.tolist(), strict=True):
        product = BF16.decode(BF16.encode(BF16.decode(x) * BF16.decode(s)))
        size = product * 4096 if isinstance(product, Fraction) else 4096
        assert limit == min(4096, round(size))
    assert np.mean((found > 0) & (found < 4096)) > 0.2


def plain(x, delta, managed, state, config):
    """Pulses line by line, from the whole sequence of a register of 16 bits."""
    period, states = 2**16 - 1, [state]
    while len(states) < period:
        states.append(step(states[-1], config.lfsr))
    limits = [
        thresholds(side, scale, config.random_bits)
        for side, scale in ((x, managed.x_scale), (delta, managed.delta_scale))
    ]
    limits, fires = np.concatenate(limits, axis=1).tolist(), []
    lines = [*range(x.shape[1]), *range(config.rows, config.rows + delta.shape[1])]
    for pair in np.repeat(np.arange(len(x)), managed.slots):
        ahead = [states[(len(fires) + config.offset(line)) % period] for line in lines]
        words = [later % 2**config.random_bits for later in ahead]
        fires.append([word < limit for word, limit in zip(words, limits[pair], strict=True)])
    return np.array(fires), states[len(fires) % period]


@pytest.mark.parametrize(
    ("word_bits", "random_bits", "used"), [(5, 4, (5, 3)), (16, 12, (3, 3)), (1, 16, (5, 1))]
)
def test_pulses_match_a_plain_loop(word_bits, random_bits, used):
    rng = np.random.default_rng(word_bits)
    lfsr = LfsrConfig(width=16, word_bits=word_bits)
    config = PulseTrainConfig(rows=5, columns=3, random_bits=random_bits, lfsr=lfsr)
    x, delta = (bf16(rng.normal(size=(9, n)) * (rng.random((9, n)) < 0.8)) for n in used)
    slots = Managed(rng.integers(0, 40, 9).astype(np.uint8), *(bf16(rng.random(9)) for _ in "xd"))
    slots.slots[[2, 8]] = 0
    fires, state = plain(x, delta, slots, 0xACE1, config)
    trains = pulse_trains(x, delta, slots, 0xACE1, config)
    np.testing.assert_array_equal(np.hstack([trains.rows, trains.columns]), fires)
    assert trains.state == state
    assert trains.rows.dtype == trains.columns.dtype == np.uint8
    assert 0.1 < fires.mean() < 0.9


def test_register_of_32_bits_matches_stepping(monkeypatch):
    monkeypatch.setattr(PulseTrainConfig, "STRIDE", 3)
    config = PulseTrainConfig(rows=21, columns=11)
    words, _ = lfsr_words(0xDEADBEEF, 3 * 33 + 60, config.lfsr)
    half = bf16(np.full((1, 32), 0.5))
    trains = pulse_trains(half[:, :21], half[:, 21:], managed([60]), 0xDEADBEEF, config)
    expected = [words[slot + 3 : slot + 99 : 3] % 4096 < 2048 for slot in range(60)]
    np.testing.assert_array_equal(np.hstack([trains.rows, trains.columns]), expected)


def test_words_that_are_given():
    config = PulseTrainConfig(rows=2, columns=2, random_bits=4)
    x, delta = bf16([[0.5, -0.25], [1.0, 0.0]]), bf16([[3 / 16], [1 / 16]])
    words = np.array([[7, 4, 2], [8, 3, 3], [0xFFF0, 0xFFFF, 0x0000], [15, 0, 1]], np.uint16)
    trains = pulse_trains(x, delta, managed([3, 1]), 99, config, words)
    assert trains.rows.tolist() == [[1, 0], [0, 1], [1, 0], [1, 0]]
    assert trains.columns.tolist() == [[1], [0], [1], [0]]
    assert trains.state == 99


def test_ends_of_a_threshold():
    """A value of 1 or more always fires, NaN and what rounds to 0 never."""
    x = bf16([[1.0, -3.0, np.inf, 0.0, np.nan, 2.0**-13]])
    trains = pulse_trains(x, bf16([[1.0]]), managed([100]), 1, PulseTrainConfig(rows=6, columns=1))
    assert trains.rows.sum(0).tolist() == [100, 100, 100, 0, 0, 0]


def test_parts_of_a_call_agree():
    rng, config = np.random.default_rng(5), PulseTrainConfig()
    x, delta = bf16(rng.random((20, 64))), bf16(rng.random((20, 32)))
    slots = managed(rng.integers(0, 31, 20))
    whole, state, parts = pulse_trains(x, delta, slots, 7, config), 7, []
    for low, high in ((0, 1), (1, 1), (1, 12), (12, 20)):
        part = Managed(*(field[low:high] for field in slots))
        parts.append(pulse_trains(x[low:high], delta[low:high], part, state, config))
        state = parts[-1].state
    np.testing.assert_array_equal(np.concatenate([part.rows for part in parts]), whole.rows)
    np.testing.assert_array_equal(np.concatenate([part.columns for part in parts]), whole.columns)
    assert state == whole.state
    with pytest.raises(ValueError, match=r"^state must be between 1 and 4294967295, not 0$"):
        pulse_trains(x, delta, slots, 0, config)


def ranks(offsets, config):
    """Rank of the low bits of the state and of the state ``offsets`` words later, as forms.

    Bits of the state itself are independent: what counts is the rank of the later ones on the
    states whose low bits are 0.
    """
    bits, width = config.random_bits, config.lfsr.width
    free = np.uint32(1) << np.arange(bits, width, dtype=np.uint32)
    later = np.tile(free, (len(offsets), 1))
    for power in range(width):
        moved = np.flatnonzero(offsets >> power & 1)
        later[moved] = jump(later[moved].ravel(), power, config.lfsr).reshape(-1, len(free))
    rank, used = np.zeros(len(offsets), np.int64), np.zeros(later.shape, np.bool_)
    every = np.arange(len(offsets))
    for bit in range(bits):
        has = (later >> np.uint32(bit) & 1 == 1) & ~used
        pivot = has.argmax(1)
        found = has[every, pivot]
        rank += found
        used[every, pivot] |= found
        has[every, pivot] = False
        later ^= np.where(has, later[every, pivot][:, None], np.uint32(0))
    return bits + rank


def test_every_two_lines_of_the_largest_array_are_independent():
    """Over its period the register gives every pair of words of two lines equally often.

    Only the zero state is missing. With 24 forms of 32 bits for each of 2047 differences that is
    a property of the stride; 32 forms (16 random bits) would have to be a basis each time.
    """
    config = PulseTrainConfig(rows=1024, columns=1024)
    offsets = np.array([config.offset(line) for line in range(2048)])
    ahead = (offsets[None, 1024:] - offsets[:1024, None]) % (2**32 - 1)
    assert (ranks(np.unique(ahead), config) == 24).all()


def test_independent_forms_are_equally_frequent_words():
    """The criterion of the test above, by counting a register of 16 bits."""
    config = PulseTrainConfig(rows=1, columns=40, random_bits=6, lfsr=SMALL)
    words, _ = lfsr_words(1, 2**16 - 1, SMALL)
    states, state = [], 1
    for _ in range(2**16 - 1):
        states.append(state)
        state = step(state, config.lfsr)
    assert (np.array(states) % 128 == words).all()
    word, found = np.array(states) % 64, []
    for ahead in range(1, 41):
        counts = np.bincount(word * 64 + np.roll(word, -ahead), minlength=4096)
        counts[0] += 1  # the zero state
        found.append((counts == 16).all())
    np.testing.assert_array_equal(found, ranks(np.arange(1, 41), config) == 12)
    assert True in found
    assert False in found


def test_coincidences_are_as_frequent_as_the_product_of_probabilities():
    """10**5 slots of 8 x 8 lines, all means within 5 standard deviations of independent slots."""
    config, slots = PulseTrainConfig(rows=500, columns=120), 100_000
    side = np.repeat(bf16([[1.0, 0.7, 0.5, 0.3, 0.1, 0.03, 0.01, 0.002]]), 400, axis=0)
    chance = thresholds(side[:1], bf16([1.0]), 12)[0] / 4096
    x, delta = np.zeros((400, 500), np.uint16), np.zeros((400, 120), np.uint16)
    x[:, 7:480:60], delta[:, 3::15] = side, side
    trains = pulse_trains(x, delta, managed([250] * 400), 0xBEEF, config)
    rows, columns = trains.rows[:, 7:480:60].astype(np.float64), trains.columns[:, 3::15]
    for found, mean in (
        (rows.mean(0), chance),
        (columns.mean(0), chance),
        (rows.T @ columns / slots, np.outer(chance, chance)),
    ):
        sigma = np.sqrt(mean * (1 - mean) / slots)
        assert (np.abs(found - mean) <= 5 * sigma).all()
    assert trains.rows.sum() == rows.sum()


def test_mean_update_is_the_learning_rate():
    """Pulses of 3000 pairs of vectors in all, against ``rate * x * delta`` of each crosspoint.

    The scales are up to 4 % off (see the test of update management) and thresholds half a part in
    4096; then the sum of Bernoulli trials has a variance below its mean.
    """
    rng, config = np.random.default_rng(3), PulseTrainConfig(rows=4, columns=3)
    x, delta = rng.normal(size=(1, 4)), rng.normal(size=(1, 3))
    x, delta = (np.repeat(bf16(side), 3000, axis=0) for side in (x, delta))
    value = [np.array([float(BF16.decode(n)) for n in side[0].tolist()]) for side in (x, delta)]
    scales = update_management(
        (x & 0x7FFF).max(1), (delta & 0x7FFF).max(1), BF16.encode(5.0), PulsedUpdateConfig()
    )
    trains = pulse_trains(x, delta, scales, 5, config)
    pulses = trains.rows.T.astype(np.int64) @ trains.columns
    mean = 3000 * 5 * np.abs(np.outer(*value))
    quantum = 3000 * int(scales.slots[0]) / 4096
    assert (np.abs(pulses - mean) <= 0.04 * mean + quantum + 5 * np.sqrt(mean)).all()


def test_bad_arrays_are_refused():
    config = PulseTrainConfig(rows=2, columns=2)
    good, two = np.zeros((1, 2), np.uint16), managed([1])
    with pytest.raises(ValueError, match=r"^x must be n vectors of at most 2, not \(1, 3\)$"):
        pulse_trains(np.zeros((1, 3), np.uint16), good, two, 1, config)
    with pytest.raises(ValueError, match=r"^delta and slots must be 1, not 2 and 1$"):
        pulse_trains(good, np.zeros((2, 2), np.uint16), two, 1, config)
    with pytest.raises(ValueError, match=r"^words must have shape \(1, 4\), not \(1, 3\)$"):
        pulse_trains(good, good, two, 1, config, np.zeros((1, 3), np.uint16))
