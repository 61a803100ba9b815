from dataclasses import replace

import numpy as np
import pytest

from models.analog.device import GRID_BITS, draw_devices, on_grid, pulse
from models.analog.macro import (
    AnalogMacro,
    Converters,
    draw_converters,
    lsb,
    sense,
    sum_type,
    transfer,
)
from models.config.analog import AdcConfig, DeviceConfig
from models.config.macro import MacroConfig
from models.config.presets import ADCS
from models.digital.sar import sar

QUIET = DeviceConfig(read_noise=0.0, g_min_s=0.0)
IDEAL = ADCS["ideal"]
MACRO = MacroConfig(rows=64, columns=32, adc_count=16)
N = 200_000


def perfect(count):
    one, zero = np.ones(count, np.float32), np.zeros(count, np.float32)
    return Converters(one, zero, zero.copy())


def array(rng, macro, config=QUIET):
    """Conductances that have seen pulses."""
    shape = (macro.rows, macro.columns)
    devices = draw_devices(config, shape, rng)
    g = on_grid(devices.bound * rng.random(shape))
    return pulse(g, devices, rng.integers(-9, 10, shape), config, rng)


def drives(rng, macro, count, lines):
    return rng.integers(0, 2**macro.slice_bits, (count, lines))


def held(levels, g, macro, *, noise=None, device=QUIET, adc=IDEAL, converters=None, adc_range=0):
    kind, shape = sum_type(macro), (len(levels), g.shape[1])
    return sense(
        np.asarray(levels).astype(kind),
        g.astype(kind),
        transfer(converters or perfect(g.shape[1]), macro, adc_range),
        np.zeros(shape, np.float32) if noise is None else noise.copy(),
        macro=macro,
        device=device,
        adc=adc,
    )


GEOMETRIES = [
    MACRO,
    MacroConfig(),
    MacroConfig(rows=32, columns=128, adc_count=32, slice_bits=3),
    MacroConfig(rows=1024, columns=32, adc_count=32, adc_bits=12, slice_bits=4),
]


@pytest.mark.parametrize("macro", GEOMETRIES, ids=range(4))
@pytest.mark.parametrize("transpose", [False, True])
def test_sums_do_not_depend_on_order_batch_or_memory(macro, transpose):
    rng = np.random.default_rng([1, transpose])
    g = array(rng, macro)
    g = g.T if transpose else g
    levels = drives(rng, macro, 40, len(g))
    noise = rng.standard_normal((40, g.shape[1]), np.float32)
    device, adc = DeviceConfig(), AdcConfig()
    parts = {"device": device, "adc": adc, "adc_range": 3}
    parts["converters"] = draw_converters(adc, g.shape[1], rng)
    whole = held(levels, g, macro, noise=noise, **parts)
    for memory in (np.ascontiguousarray(g), np.asfortranarray(g)):
        assert np.array_equal(held(levels, memory, macro, noise=noise, **parts), whole)
    order = rng.permutation(len(g))
    assert np.array_equal(held(levels[:, order], g[order], macro, noise=noise, **parts), whole)
    for size in (1, 7, 39):
        split = [
            held(levels[n : n + size], g, macro, noise=noise[n : n + size], **parts)
            for n in range(0, 40, size)
        ]
        assert np.array_equal(np.concatenate(split), whole)


@pytest.mark.parametrize("macro", GEOMETRIES, ids=range(4))
def test_the_largest_sums_are_exact(macro):
    """Against integers: conductances are whole numbers of 2**-GRID_BITS."""
    rng = np.random.default_rng(2)
    g = on_grid(1.5 - rng.random((macro.lines, 8)) / 1000)
    levels = np.full((1, macro.lines), 2**macro.slice_bits - 1)
    whole = np.rint(g.astype(float) * 2**GRID_BITS).astype(np.int64)
    kind = sum_type(macro)
    found = levels.astype(kind) @ g.astype(kind)
    assert np.array_equal(found.astype(float) * 2**GRID_BITS, levels @ whole)


def test_a_single_precision_sum_is_taken_only_where_it_is_exact():
    assert sum_type(MacroConfig()) is np.float32
    assert sum_type(MacroConfig(rows=352)) is np.float64  # 352 * 1.5 * 2**15 > 2**24
    assert sum_type(MacroConfig(slice_bits=2)) is np.float64


def test_lsb():
    """Range 0 fits all rows fully driven at full conductance; each further one halves it."""
    assert lsb(MACRO, 0) * 2**8 == 64
    assert lsb(MACRO, 3) * 2**8 == 8
    assert lsb(replace(MACRO, slice_bits=2, adc_bits=10), 1) * 2**10 == 64 * 3 / 2


@pytest.mark.parametrize("adc_range", range(6))
@pytest.mark.parametrize("transpose", [False, True])
def test_an_ideal_converter_gives_exact_codes(adc_range, transpose):
    """Powers of two: nothing is rounded but the sum by the converter."""
    rng = np.random.default_rng([3, adc_range])
    g = array(rng, MACRO)
    g = g.T if transpose else g
    levels = drives(rng, MACRO, 50, len(g))
    whole = levels @ np.rint(g.astype(float) * 2**GRID_BITS).astype(np.int64)
    expected = np.minimum(whole * 2 ** (8 + adc_range) // (64 * 2**GRID_BITS), 255)
    codes = sar(held(levels, g, MACRO, adc_range=adc_range), 8)
    assert np.array_equal(codes, expected)
    assert codes.max() > 40


def straight(v, macro=MACRO):
    """Drive and conductances for inputs of ``v`` whole LSB."""
    v = np.asarray(v)
    levels = np.arange(macro.rows)[None, :] < -(-v[:, None] // 4)  # a full row is 4 LSB
    g = np.ones((macro.rows, 1), np.float32)
    return levels, g


def test_offset_gain_and_bend_shift_the_input_as_stated():
    v = np.arange(0, 257, 4.0)
    levels, g = straight(v)
    assert held(levels, g, MACRO)[:, 0] == pytest.approx(v)
    for gain, offset, inl in [(1, 3.25, 0), (1.05, 0, 0), (1, 0, 2), (0.97, -4, -1.5)]:
        parts = Converters(*(np.full(1, x, np.float32) for x in (gain, offset, inl)))
        found = held(levels, g, MACRO, converters=parts)[:, 0]
        bend = 4 * inl * (v / 256) * (1 - v / 256)
        assert found == pytest.approx(gain * v + bend + offset, abs=1e-4)
    assert bend[len(v) // 2] == -1.5  # largest at mid-scale, none at the ends
    assert bend[0] == bend[-1] == 0


def test_each_line_has_its_own_converter():
    levels, _ = straight([100])
    g = np.ones((64, 3), np.float32)
    parts = Converters(*np.array([[1, 0.5, 1], [0, 0, 7], [0, 0, 0]], np.float32))
    assert held(levels, g, MACRO, converters=parts)[0].tolist() == [100, 50, 107]


def test_the_pedestal_adds_the_same_to_every_column():
    device = replace(QUIET, g_min_s=1e-6, g_max_s=51e-6)
    levels, g = straight([200])
    assert held(levels, 0 * g, MACRO, device=device)[0, 0] == pytest.approx(200 / 50)


@pytest.mark.parametrize(
    ("slice_bits", "levels", "squares"), [(1, [1, 0, 1, 1], 3), (2, [3, 0, 2, 1], 14)]
)
def test_noise_of_devices_and_converter(slice_bits, levels, squares):
    """n = 200,000; 5 standard errors of the standard deviation."""
    macro = replace(MACRO, slice_bits=slice_bits)
    rng, g = np.random.default_rng(4), np.full((4, N), 0.5, np.float32)
    noise = rng.standard_normal((1, N), np.float32)
    for read, converter in [(0.02, 0), (0, 0.4), (0.02, 0.4)]:
        parts = {
            "device": replace(QUIET, read_noise=read),
            "adc": replace(IDEAL, noise_lsb=converter),
        }
        found = held([levels], g, macro, noise=noise, adc_range=2, **parts).astype(float)
        current = sum(levels) * 0.5 / lsb(macro, 2)
        spread = np.hypot(read * np.sqrt(squares) / lsb(macro, 2), converter)
        assert found.std() == pytest.approx(spread, rel=5 / np.sqrt(2 * N))
        assert found.mean() == pytest.approx(current, abs=5 * spread / np.sqrt(N) + 1e-4)


def test_spread_over_converters():
    """n = 200,000; 5 standard errors."""
    config = AdcConfig(offset_lsb=2.0, gain_spread=0.03, inl_lsb=0.5)
    drawn = draw_converters(config, N, np.random.default_rng(5))
    for values, mean, spread in zip(drawn, (1, 0, 0), (0.03, 2.0, 0.5), strict=True):
        values = values.astype(float)
        assert values.mean() == pytest.approx(mean, abs=5 * spread / np.sqrt(N))
        assert values.std() == pytest.approx(spread, rel=5 / np.sqrt(2 * N))
    assert np.abs(np.corrcoef(drawn) - np.eye(3)).max() < 5 / np.sqrt(N)


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("macro", [MACRO, MacroConfig(rows=32, columns=96, slice_bits=2)])
def test_the_macro_senses_what_a_part_of_it_senses(macro, transpose):
    """A layer that fills a corner: lines that are not driven add nothing, bit for bit."""
    rng, device, adc = np.random.default_rng(6), DeviceConfig(), AdcConfig()
    converters = draw_converters(adc, macro.adc_count, rng)
    g = array(rng, macro)
    driven, sensed = (14, 27) if transpose else (27, 14)
    lines = (macro.columns, macro.rows) if transpose else (macro.rows, macro.columns)
    levels = np.zeros((20, lines[0]), np.int64)
    levels[:, :driven] = drives(rng, macro, 20, driven)
    noise = rng.standard_normal((20, lines[1]), np.float32)
    before = noise.copy()
    model = AnalogMacro(macro, device, adc, converters)
    whole = model.sense(levels, g, transpose=transpose, adc_range=2, noise=noise)
    assert np.array_equal(noise, before)
    assert whole.shape == (20, lines[1])
    g = g.T if transpose else g
    line = np.arange(sensed) % macro.adc_count
    parts = {"device": device, "adc": adc, "adc_range": 2}
    parts["converters"] = Converters(*(part[line] for part in converters))
    part = held(levels[:, :driven], g[:driven, :sensed], macro, noise=noise[:, :sensed], **parts)
    assert np.array_equal(whole[:, :sensed], part)
