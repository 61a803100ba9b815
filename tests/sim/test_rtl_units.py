"""A training run on RTL kernels alone is the golden run, whatever runs the RTL."""

from dataclasses import replace

import numpy as np
import pytest

from models.config.memristor import UpdateConfig
from models.config.presets import MACROS, memristor
from models.digital.golden import GoldenUnits
from models.systems.memristor import MemristorSystem
from models.trainer.data import load
from sim.kernel.units import RtlUnits

pytestmark = [pytest.mark.cosim, pytest.mark.formal]

BACKENDS = ("verilator", "bitsliced")
RNG_SEED = 1


@pytest.fixture(scope="module", params=["fixed", "bf16"])
def config(request):
    update = UpdateConfig(variant=request.param, chunk=24)
    return replace(memristor(), macro=MACROS["small"], update=update)


@pytest.fixture(scope="module", params=BACKENDS)
def rtl(request, config):
    units = RtlUnits(config.tile, 1, request.param)
    units.build()
    return units


def test_training_on_rtl_is_the_golden_run(config, rtl):
    data, states = load(None), []
    for units in (GoldenUnits(config.tile), rtl):
        system = MemristorSystem(config, units, 3)
        for step in range(2):
            part = slice(12 * step, 12 * step + 12)
            system.train_step(data.train_images[part], data.train_labels[part], 0.2)
        states.append(system.state())
    assert set(states[0]) == set(states[1])
    for name, want in states[0].items():
        assert np.array_equal(want, states[1][name]), name
    assert (rtl.replayed > 0) == (rtl.backend == "bitsliced")


def test_corners(config, rtl):
    golden, rng = GoldenUnits(config.tile), np.random.default_rng(RNG_SEED)
    macro, interface = config.tile.macro, config.tile.adc_interface
    full = 2**macro.adc_bits
    held = rng.uniform(-3, full + 3, (700, 21)).astype(np.float32)
    held[:4] = np.array([-0.0, 0.999, full - 1, full])[:, None]
    held[4], held[5] = np.float32(1e30), np.float32(-1e30)
    assert np.array_equal(golden.sar(held), rtl.sar(held))
    codes = rng.integers(0, full, (40, macro.slice_count, 2, 32)).astype(np.uint8)
    codes[0], codes[1] = 0, full - 1
    gain = rng.integers(0, 2**interface.gain_width, 32)
    limit = 2 ** (interface.offset_width - 1) - 1
    offset = rng.integers(-limit, limit + 1, 32)
    gain[16:], offset[16:] = gain[:16], offset[:16]  # registers are those of converters
    for pair in (False, True):
        want = golden.adc_interface(codes, gain, offset, pair=pair)
        assert np.array_equal(want, rtl.adc_interface(codes, gain, offset, pair=pair))
    value = np.arange(2**16, dtype=np.uint16)
    random = rng.integers(0, 256, 2**16).astype(np.uint16)
    for words, exponent in ((None, -6), (random, -6), (None, 120), (random, -140)):
        want = golden.requantize(value, words, exponent=exponent)
        assert np.array_equal(want, rtl.requantize(value, words, exponent=exponent))
    partials = rng.integers(-(2**29), 2**29, (30, 20, 5))
    partials[0] = 2**31 - 1  # the sum wraps
    bias, mask = rng.integers(0, 2**16, (30, 20)).astype(np.uint16), rng.random((30, 20)) < 0.5
    for activation in range(3):
        settings = {"activation": activation, "exponent": 12}
        want = golden.post_process(partials, 0x3A01, bias, mask, **settings)
        got = rtl.post_process(partials, 0x3A01, bias, mask, **settings)
        assert all(np.array_equal(a, b) for a, b in zip(want, got, strict=True))
    pooled = rng.integers(-3, 4, (600, 4)).astype(np.int16)  # ties
    for want, got in zip(golden.max_pool(pooled), rtl.max_pool(pooled), strict=True):
        assert np.array_equal(want, got)


def test_nothing_gives_nothing(config, rtl):
    golden, empty = GoldenUnits(config.tile), np.zeros((0, 4), np.int16)
    for want, got in zip(golden.max_pool(empty), rtl.max_pool(empty), strict=True):
        assert want.shape == got.shape
    assert rtl.sar(np.zeros((0, 5), np.float32)).shape == (0, 5)


def test_random_words_go_on_and_start_anew(config, rtl):
    golden = GoldenUnits(config.tile)
    for state in (1, 12345):
        mine = theirs = state
        for count in (5, 0, 300):
            want, mine = golden.random_words(mine, count)
            got, theirs = rtl.random_words(theirs, count)
            assert np.array_equal(want, got)
            assert mine == theirs
