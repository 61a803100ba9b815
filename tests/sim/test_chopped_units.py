"""The units of pulsed training on RTL give what the golden twins give."""

import itertools
import tomllib
from dataclasses import replace

import numpy as np
import pytest

from models.config.chopped import SchemeConfig
from models.config.toml import overridden
from models.digital.bf16 import from_float32
from models.digital.chopped import GoldenChoppedUnits
from models.digital.sequencer import initial_state
from models.digital.transfer import TransferControl
from sim.kernel.chopped_units import RtlChoppedUnits, rounds
from sim.kernel.pulse_trains import lfsr_states
from sim.systems import CHOPPED
from tests.sim.chopped_tiny import TOML

pytestmark = pytest.mark.cosim

RNG_SEED = 1
CONFIG = overridden(CHOPPED.config((1, 8, 8)), tomllib.loads(TOML))
SHAPE = CONFIG.shapes()[0]
OTHER = replace(
    CONFIG,
    scheme=SchemeConfig(
        algorithm="cttv2",
        chopping="random",
        in_chop_prob=0.3,
        out_chop_prob=0.3,
        transfer_every=3,
        forget=False,
    ),
    digital=replace(CONFIG.digital, variant="bf16"),
)


def bf16(rng, shape, scale=1.0):
    """Random patterns, zeros among them."""
    values = rng.normal(0, scale, shape) * (rng.random(shape) < 0.8)
    return from_float32(values.astype(np.float32))


def flat(value):
    """Arrays and numbers in nested tuples, in order."""
    if isinstance(value, tuple):
        return [part for one in value for part in flat(one)]
    return [value]


def assert_equal(want, got):
    """Check values, shapes and what is missing."""
    for one, other in zip(flat(want), flat(got), strict=True):
        assert (one is None) == (other is None)
        if one is not None:
            assert np.shape(one) == np.shape(other)
            assert np.array_equal(one, other)


@pytest.fixture(scope="module", params=[CONFIG, OTHER], ids=["agad fixed", "cttv2 bf16"])
def both(request):
    rtl = RtlChoppedUnits(request.param)
    rtl.build()
    return GoldenChoppedUnits(request.param), rtl


def test_elementwise_units(both):
    golden, rtl = both
    rng = np.random.default_rng(RNG_SEED)
    values, others = bf16(rng, (40, 6)), bf16(rng, (40, 6))
    values[0] = [0x7F80, 0xFF80, 0x7FC0, 0x8000, 1, 0x7F7F]
    scale = bf16(rng, 40, 30.0)
    scale[1] = 0x7F80
    codes = rng.integers(-255, 256, (40, 6)).astype(np.int16)
    mask = rng.random((40, 6)) < 0.5
    for name, *given in (
        ("dac_codes", values, scale, 7),
        ("scaled", codes, scale),
        ("reciprocal", values[:, 0]),
        ("multiply", values[:, 0], others[:, 0]),
        ("add", values, others),
        ("relu", values),
        ("masked", values, mask),
        ("max_pool", values & 0x7FFF),
    ):
        assert_equal(getattr(golden, name)(*given), getattr(rtl, name)(*given))


def test_trains(both):
    golden, rtl = both
    rng = np.random.default_rng(RNG_SEED)
    for count, rate in ((0, 0x4000), (1, 0x4000), (40, 0x4270), (40, 0x3C00)):
        x, delta = bf16(rng, (count, SHAPE[0])), bf16(rng, (count, SHAPE[1]))
        x[1:2] = 0
        largest = [(side & 0x7FFF).max(axis=1) for side in (x, delta)]
        managed = golden.update_management(*largest, rate)
        assert_equal(managed, rtl.update_management(*largest, rate))
        want = golden.pulse_trains(x, delta, managed, 12345)
        assert_equal(want, rtl.pulse_trains(x, delta, managed, 12345))


def test_reads_and_transfers(both):
    golden, rtl = both
    rng = np.random.default_rng(RNG_SEED)
    config, follows = golden.config, golden.config.scheme.algorithm == "agad"
    state = initial_state(config.sequencer, 77)
    fixed = config.digital.variant == "fixed"
    kinds = (np.int64, np.int32) if fixed else (np.uint16, np.uint16)
    memories = [
        np.zeros(SHAPE, kinds[0]),
        *(np.zeros((2, *SHAPE), kinds[1]) if follows else [None] * 2),
    ]
    control = TransferControl(threshold=40000, step=30000, momentum=100, beta=400)
    if not fixed:
        control = TransferControl(step=0x3F40, momentum=0x3E80, scale=0x3C20, beta=0x3DCC)
    pulses = 0
    for vectors in (0, 1, 50, 100):
        want = golden.sequence(state, vectors, *SHAPE)
        assert_equal(want, rtl.sequence(state, vectors, *SHAPE))
        order, state = want
        z = rng.integers(-255, 256, (len(order.row), SHAPE[1])).astype(np.int16)
        run = golden.transfer(*memories, order.row, z, order, control)
        assert_equal(run, rtl.transfer(*memories, order.row, z, order, control))
        *memories, counts = run
        pulses += np.count_nonzero(counts)
    assert pulses > 10


def test_reads_of_a_row_stay_in_order():
    place = np.array([2, 0, 2, 1, 2, 0])
    assert [one.tolist() for one in rounds(place)] == [[0, 1, 3], [2, 5], [4]]
    assert rounds(place[:0]) == []


def test_states_of_the_register(both):
    golden, _ = both
    lfsr = golden.config.trains.lfsr
    states = lfsr_states(99, 6, lfsr)
    for before, after in itertools.pairwise(states):
        state = int(before)
        for _ in range(lfsr.word_bits):  # a Galois register, step by step
            state = state >> 1 ^ (lfsr.feedback if state & 1 else 0)
        assert state == after


@pytest.mark.formal
def test_bit_sliced_units():
    """The trains alone: the others are as those of the memristor."""
    golden, rtl = GoldenChoppedUnits(CONFIG), RtlChoppedUnits(CONFIG, "bitsliced")
    rng = np.random.default_rng(RNG_SEED)
    x, delta = bf16(rng, (60, SHAPE[0])), bf16(rng, (60, SHAPE[1]))
    managed = golden.update_management(
        *((side & 0x7FFF).max(axis=1) for side in (x, delta)), 0x4270
    )
    want = golden.pulse_trains(x, delta, managed, 5)
    assert_equal(want, rtl.pulse_trains(x, delta, managed, 5))
    assert rtl.replayed > 0
