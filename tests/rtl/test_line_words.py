import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from models.config.chopped_units import PulseTrainConfig
from models.config.units import LfsrConfig
from models.digital.bf16 import from_float32
from models.digital.pulse_trains import pulse_trains, thresholds
from models.digital.update_management import Managed
from rtl_gen.line_words import Parities, word_masks


def parity(states, masks):
    """Sums over GF(2) of the bits of states [n] in masks [...]: [n, ...]."""
    masks = np.array(masks, np.uint32)
    picked = states.reshape(-1, *[1] * masks.ndim) & masks
    return np.bitwise_count(picked) & 1


@pytest.mark.parametrize("width", [16, 24, 32])
def test_masks_give_the_words_of_the_twin(width):
    """Integer polynomials against the twin's tables: 2048 lines at several thresholds."""
    lfsr = LfsrConfig(width=width, word_bits=16 if width == 32 else 7)
    config = (
        PulseTrainConfig(rows=1024, columns=1024, lfsr=lfsr)
        if width == 32
        else (PulseTrainConfig(rows=40, columns=30, random_bits=9, lfsr=lfsr))
    )
    rng, bits = np.random.default_rng(width), config.random_bits
    values = from_float32(rng.random((12, config.rows + config.columns)).astype(np.float32))
    one = from_float32(np.ones(1, np.float32))
    states, masks = rng.integers(1, 2**width, 12).astype(np.uint32), word_masks(config)
    words = parity(states, masks) @ (1 << np.arange(bits))
    managed = Managed(np.ones(1, np.uint8), one, one)
    for state, value, word in zip(states.tolist(), values, words, strict=True):
        x, delta = value[None, : config.rows], value[None, config.rows :]
        trains = pulse_trains(x, delta, managed, state, config)
        fires = word < thresholds(value[None], one, bits)[0]
        np.testing.assert_array_equal(np.hstack([trains.rows[0], trains.columns[0]]), fires)


@pytest.mark.parametrize("width", [16, 24, 32])
def test_parities_of_any_subset(width):
    rng, m, value = np.random.default_rng(width), Module(), Signal(width)
    masks = [0, 1, 2 ** (width - 1), 2**width - 1, *rng.integers(0, 2**width, 200).tolist()]
    parities, out = Parities(m, value, "parity"), Signal(len(masks))
    m.d.comb += [out[place].eq(parities.of(mask)) for place, mask in enumerate(masks)]

    async def bench(ctx):
        for state in [0, 2**width - 1, *rng.integers(0, 2**width, 50).tolist()]:
            ctx.set(value, state)
            expected = sum((state & mask).bit_count() % 2 << n for n, mask in enumerate(masks))
            assert ctx.get(out) == expected

    sim = Simulator(m)
    sim.add_testbench(bench)
    sim.run()
