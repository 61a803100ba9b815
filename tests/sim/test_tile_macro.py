import ctypes
import dataclasses
import itertools

import numpy as np
import pytest

from models.analog.device import LARGEST, on_grid
from models.analog.macro import AnalogMacro, draw_converters, sum_type
from models.config.analog import AdcConfig, DeviceConfig
from models.config.macro import MacroConfig
from sim.cosim.macro_bfm import IdealMacro, MacroBfm
from sim.cosim.pin_model import RULES
from sim.kernel import tile_wrapper
from sim.kernel.build import compiled
from sim.kernel.tile import GEOMETRY
from sim.kernel.tile_macro import SENSE, Called, CompiledAnalog

PINS = {
    "one bit": MacroConfig(rows=64, columns=32, adc_count=16),
    "odd columns, two bits": MacroConfig(rows=20, columns=30, adc_count=10, slice_bits=2),
    "wide, deep converters": MacroConfig(
        rows=6, columns=48, adc_count=6, adc_bits=12, range_count=16
    ),
    "sums in float64": MacroConfig(rows=48, columns=24, adc_count=12, slice_bits=5, range_count=5),
}
DEVICES = {
    "typical": DeviceConfig(),
    "no pedestal, no noise": DeviceConfig(g_min_s=0.0, read_noise=0.0),
    "noisy": DeviceConfig(g_min_s=7e-6, read_noise=0.37),
}
ADCS = {
    "typical": AdcConfig(),
    "bad": AdcConfig(offset_lsb=11.0, gain_spread=0.2, inl_lsb=7.0, noise_lsb=3.3),
    "ideal": AdcConfig(offset_lsb=0.0, gain_spread=0.0, inl_lsb=0.0, noise_lsb=0.0),
}


class Case:
    """One macro with random and extreme drives."""

    def __init__(self, pins, device, adc, seed=1):
        rng = np.random.default_rng(seed)
        self.rng, self.pins = rng, pins
        self.macro = AnalogMacro(pins, device, adc, draw_converters(adc, pins.adc_count, rng))
        self.conductance = on_grid(LARGEST * rng.random((pins.rows, pins.columns)))
        self.conductance[rng.random(self.conductance.shape) < 0.1] = LARGEST

    def drives(self, transpose, count):
        """Levels and noise; nothing and everything driven first."""
        driven, sensed = self.pins.rows, self.pins.columns
        driven, sensed = (sensed, driven) if transpose else (driven, sensed)
        high = 2**self.pins.slice_bits
        levels = self.rng.integers(0, high, (count, driven))
        levels[0], levels[1] = 0, high - 1
        levels[2:] *= self.rng.random((count - 2, driven)) < 0.5
        noise = self.rng.standard_normal((count, sensed), np.float32)
        noise[:2, :2] = [[0, -0.0], [40, -40]]
        return levels, noise


def held_by_cpp(macro, conductance, levels, noise, transpose, adc_range):
    physics = CompiledAnalog(macro, conductance, noise)
    call = SENSE(ctypes.cast(physics.function, ctypes.c_void_p).value)
    held = np.full(noise.shape, np.nan, np.float32)
    for sample, row in enumerate(held):
        given = np.ascontiguousarray(levels[sample])
        shared = given.ctypes.data, row.ctypes.data
        assert not call(physics.argument, sample, transpose, adc_range, *shared)
    return held


def differing(case, other, transpose, adc_range, count=8):
    """Held inputs of numpy that are not, bit for bit, those of ``other`` in C++."""
    levels, noise = case.drives(transpose, count)
    options = {"transpose": transpose, "adc_range": adc_range}
    wanted = case.macro.sense(levels, case.conductance, noise=noise, **options)
    got = held_by_cpp(other, case.conductance, levels, noise, **options)
    return int((got.view(np.uint32) != wanted.view(np.uint32)).sum())


@pytest.mark.parametrize("adc", ADCS.values(), ids=ADCS)
@pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES)
@pytest.mark.parametrize("pins", PINS.values(), ids=PINS)
def test_cpp_holds_the_very_numbers_of_numpy(pins, device, adc):
    case = Case(pins, device, adc)
    for transpose, adc_range in itertools.product((False, True), range(pins.range_count)):
        assert differing(case, case.macro, transpose, adc_range) == 0


def test_both_types_of_sums_are_covered():
    assert {sum_type(pins) for pins in PINS.values()} == {np.float32, np.float64}


@pytest.mark.parametrize("what", ["g_min_s", "read_noise", "noise_lsb", "gain", "offset", "inl"])
def test_a_slightly_other_parameter_is_seen(what):
    case = Case(PINS["one bit"], DEVICES["noisy"], ADCS["bad"])
    macro = case.macro
    device, adc, converters = macro.device, macro.adc, macro.converters
    if what in ("g_min_s", "read_noise"):
        device = dataclasses.replace(device, **{what: getattr(device, what) * (1 + 1e-5)})
    elif what == "noise_lsb":
        adc = dataclasses.replace(adc, noise_lsb=adc.noise_lsb * (1 + 1e-5))
    else:
        part = getattr(converters, what).copy()
        part[3] = np.nextafter(part[3], np.float32(9))
        converters = converters._replace(**{what: part})
    other = AnalogMacro(macro.macro, device, adc, converters)
    assert differing(case, other, False, 1, 200) > 0
    assert differing(case, macro, False, 1, 200) == 0


def test_arrays_are_checked():
    case = Case(PINS["one bit"], DeviceConfig(), AdcConfig())
    macro, noise = case.macro, np.zeros((1, 1, 32), np.float32)
    with pytest.raises(TypeError, match=r"^noise must be of float32, not float64$"):
        CompiledAnalog(macro, case.conductance, noise.astype(np.float64))
    with pytest.raises(
        ValueError, match=r"^conductance must have shape \(64, 32\), not \(32, 64\)$"
    ):
        CompiledAnalog(macro, case.conductance.T, noise)
    short = macro.converters._replace(inl=np.zeros(3, np.float32))
    other = AnalogMacro(macro.macro, macro.device, macro.adc, short)
    with pytest.raises(ValueError, match=r"^converters\.inl must have shape \(16,\), not \(3,\)$"):
        CompiledAnalog(other, case.conductance, noise)


def test_noise_that_is_missing_fails():
    case = Case(PINS["one bit"], DeviceConfig(), AdcConfig())
    physics = CompiledAnalog(case.macro, case.conductance, np.zeros((1, 1, 32), np.float32))
    call = SENSE(ctypes.cast(physics.function, ctypes.c_void_p).value)
    levels, held = np.zeros(64, np.int64), np.zeros(64, np.float32)
    shared = levels.ctypes.data, held.ctypes.data
    results = [call(physics.argument, *at, 0, *shared) for at in ((0, 0), (1, 0), (0, 1))]
    assert results == [0, 1, 1]
    with pytest.raises(ValueError, match=r"^noise must have a number for each sensed line, not 32"):
        physics.fail()


# Random pins through the class of tile_pins.h, without a tile.
TRACE = """
#include "tile_pins.h"
extern "C" __attribute__((visibility("default"))) void trace(
    const Geometry* g, int64_t cycles, const uint32_t* plain, const uint32_t* drive,
    const uint32_t* trial, int64_t limit, Sense sense, int64_t* levels, float* held,
    uint32_t* answers, int16_t* accepted, int64_t* errors, int64_t* counts) {
    Macro macro(*g, levels, held);
    Pins pins(*g);
    for (int64_t n = 0; n < cycles; ++n, plain += 5) {
        if (n % (cycles / 2) == 0) macro.begin(limit, sense, nullptr);
        pins.transpose = plain[0], pins.phase = plain[1], pins.adc_range = plain[2];
        pins.sample = plain[3], pins.mux = plain[4];
        std::copy(drive + 2 * n, drive + 2 * n + 2, pins.drive.begin());
        std::copy(trial + 2 * n, trial + 2 * n + 2, pins.trial.begin());
        macro.cycle(n, pins);
        answers[n] = macro.comparator[0];
    }
    std::copy(macro.accepted.begin(), macro.accepted.end(), accepted);
    std::copy(macro.errors.begin(), macro.errors.end(), errors);
    counts[0] = macro.accepted.size(), counts[1] = macro.errors.size();
}
"""
CYCLES = 600
# 3 mux groups of 4 settings, 3 ranges of 4, 8 rows beside 12 columns; fields across words
SHAPE = MacroConfig(
    **{"rows": 8, "columns": 12, "adc_count": 4, "adc_bits": 11},
    **{"slice_bits": 3, "range_count": 3, "settle_cycles": 3},
)
HIGH = {"transpose": 2, "phase": 2, "adc_range": 4, "sample": 2, "mux": 4}


def random_pins(rng):
    """Pins of every cycle, most often as in the one before."""
    values = {name: rng.integers(0, high, CYCLES) for name, high in HIGH.items()}
    values["drive"] = rng.integers(0, 2**36, CYCLES) & rng.choice([2**24 - 1, 2**36 - 1], CYCLES)
    codes = rng.integers(0, 2**11, (CYCLES, 4)) & rng.choice([127, 2**11 - 1], (CYCLES, 4))
    values["trial"] = codes @ 2 ** (11 * np.arange(4))
    for name, drawn in values.items():
        keep = rng.random(CYCLES) < (0.5 if name in ("mux", "trial") else 0.9)
        for n in np.flatnonzero(keep[1:]) + 1:
            drawn[n] = drawn[n - 1]
    values["sample"] &= rng.random(CYCLES) < 0.05
    return values


def by_bfm(values, macro, conductance, noise):
    bfm, answers = MacroBfm(macro), []
    for cycle, pins in enumerate(zip(*values.values(), strict=True)):
        if cycle % (CYCLES // 2) == 0:  # results are those of the second half
            bfm.begin(conductance, noise)
        now = dict(zip(values, map(int, pins), strict=True))
        bfm.watch(cycle, {k: now[k] for k in ("drive", "transpose", "phase", "adc_range")})
        if now["sample"]:
            bfm.sample(cycle, now["mux"], now["trial"])
        answers.append(bfm.compare(now["mux"], now["trial"]))
    return answers, np.array(bfm.accepted), bfm.errors


def by_cpp(values, macro, conductance, noise):
    text = (tile_wrapper.HERE / "tile_pins.h").read_text()
    library = ctypes.CDLL(str(compiled({"unit.cpp": TRACE, "tile_pins.h": text})))
    levels, held = np.zeros(SHAPE.lines, np.int64), np.zeros(SHAPE.lines, np.float32)
    physics = Called(macro, conductance, noise, levels, held)
    geometry = np.array([getattr(SHAPE, name) for name in GEOMETRY])
    plain = np.stack([values[name] for name in HIGH], axis=1).astype(np.uint32)
    drive, trial = (values[name].view(np.uint32) for name in ("drive", "trial"))
    answers = np.zeros(CYCLES, np.uint32)
    accepted, errors = np.zeros(CYCLES * SHAPE.lines, np.int16), np.zeros(8 * CYCLES, np.int64)
    counts, limit = np.zeros(2, np.int64), len(noise) * noise.shape[1]
    arrays = geometry, CYCLES, plain, drive, trial, limit, physics.function
    library.trace(*map(argument, (*arrays, levels, held, answers, accepted, errors, counts)))
    broken = [
        RULES[rule].format(number) for rule, number in errors[: counts[1]].reshape(-1, 2).tolist()
    ]
    groups = SHAPE.group_count, SHAPE.adc_count
    return answers.tolist(), accepted[: counts[0]].reshape(-1, *groups), broken


def argument(value):
    if isinstance(value, np.ndarray):
        return ctypes.c_void_p(value.ctypes.data)
    return ctypes.c_int64(value) if isinstance(value, int) else value


def test_pins_of_any_kind_as_the_bus_functional_model_sees_them():
    seen = []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        conductance = rng.integers(0, 3, (8, 12)).astype(np.float32)
        noise = np.rint(rng.standard_normal((4, 2, 12))).astype(np.float32)
        case = random_pins(rng), IdealMacro(SHAPE, 1.0), conductance, noise
        (answers, accepted, errors), wanted = by_cpp(*case), by_bfm(*case)
        assert answers == wanted[0], f"seed {seed}"
        assert np.array_equal(accepted, wanted[1]), f"seed {seed}"
        assert errors == wanted[2], f"seed {seed}"
        seen += errors
    for rule in RULES:
        assert any(error.startswith(rule.split("{")[0]) for error in seen), rule
