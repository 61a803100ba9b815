from dataclasses import replace

import numpy as np
import pytest

from models.analog.device import on_grid
from models.analog.macro import lsb
from models.config.analog import AdcConfig, DeviceConfig
from models.config.macro import MacroConfig
from models.config.memristor import MappingConfig, MemristorConfig, UpdateConfig
from models.config.network import LayerConfig, NetworkConfig
from models.config.presets import ADCS
from models.digital.golden import GoldenUnits
from models.systems.counters import Counters
from models.systems.crossbar_layer import CrossbarLayer, content_key
from models.systems.range_control import RangeControl

QUIET = DeviceConfig(read_noise=0.0, g_min_s=0.0, bound_spread=0.0, step_spread=0.0)
BIG = MacroConfig(rows=32, columns=64, adc_count=16, adc_bits=12, range_count=3)
TINY = replace(BIG, rows=8, columns=16, adc_count=8)
INPUTS, OUTPUTS = 27, 20  # 4 tiny macros down, 3 across, none of the last ones full


def config(macro=BIG, device=QUIET, adc=ADCS["ideal"], **parts):
    network = NetworkConfig(
        name="one",
        input_shape=(1, 1, INPUTS),
        layers=(LayerConfig(kind="linear", units=OUTPUTS),),
    )
    return MemristorConfig(network=network, macro=macro, device=device, adc=adc, **parts)


def layer(seed=1, weight=None, **parts):
    made = config(**parts)
    if weight is None:
        weight = np.random.default_rng(seed).uniform(-0.5, 0.5, (OUTPUTS, INPUTS))
    return CrossbarLayer(0, weight, made, GoldenUnits(made.tile), seed, Counters())


def codes(shape, low=-255):
    return np.random.default_rng(9).integers(low, 256, shape).astype(np.int16)


def coarse(one, unit):
    """Conductances of whole ``unit``, and inputs half an LSB above what the converter rounds."""
    one.conductance = on_grid(np.rint(one.conductance / unit) * unit)
    for place, (converters, gain, offset) in one.lines.items():
        half = converters._replace(offset=converters.offset + np.float32(0.5))
        one.lines[place] = half, gain, offset
    return one.conductance[:, 0::2].astype(float) - one.conductance[:, 1::2]


@pytest.mark.parametrize("slice_bits", [1, 2])
def test_many_small_macros_give_the_sums_of_one_big_one(slice_bits):
    """Both must give the product itself: ideal parts, every sum is whole converter LSB."""
    for macro, shape in ((BIG, (1, 1)), (TINY, (4, 3))):
        one = layer(macro=replace(macro, slice_bits=slice_bits, dac_bits=6))
        g = coarse(one, lsb(one.config.macro, 0) * 4)
        unit = lsb(one.config.macro, 0) / 256
        assert (one.tile_rows, one.tile_columns) == shape
        assert one.forward_unit == one.backward_unit == pytest.approx(unit * one.weight_range)
        for signed in (False, True):
            x = codes((15, INPUTS), low=-252 * signed) // 4
            partials = one.forward(x, ("a",), signed=signed)
            assert partials.shape == (15, OUTPUTS, shape[0])
            assert np.array_equal(partials.sum(axis=2) * unit, x @ g)
        x = codes((15, OUTPUTS), low=-252) // 4
        partials = one.backward(x, ("a",))
        assert partials.shape == (15, INPUTS, shape[1])
        assert np.array_equal(partials.sum(axis=2) * unit, x @ g.T)


@pytest.mark.parametrize("adc_range", [1, 2])
def test_a_finer_range_gives_the_same_product_until_it_saturates(adc_range):
    one = layer(weight=np.random.default_rng(1).uniform(-0.1, 0.1, (OUTPUTS, INPUTS)))
    one.conductance = one.conductance - np.float32(0.4)
    g = coarse(one, lsb(BIG, 0))
    one.forward_range.value = -adc_range
    x = codes((6, INPUTS))
    found = one.forward(x, ("a",), signed=True).sum(axis=2) * lsb(BIG, adc_range) / 256
    assert np.array_equal(found, x @ g)
    assert one.counters["adc_saturations"] == 0


def test_first_weights_are_written_within_the_range():
    weight = np.linspace(-9, 9, OUTPUTS * INPUTS).reshape(OUTPUTS, INPUTS)
    one = layer(weight=weight)
    limit = 4 / np.sqrt(INPUTS)
    assert one.weight_range == limit
    assert one.weight() == pytest.approx(np.clip(weight.T, -limit, limit), abs=limit * 2**-14)
    spread = layer(device=DeviceConfig(bound_spread=0.3))
    assert np.all(spread.conductance <= spread.devices.bound)


def test_calibration_undoes_gain_and_offset():
    """To half a register step: 2**-9 of a gain of 8 fraction bits, 2**-9 LSB of an offset."""
    adc = AdcConfig(offset_lsb=3.0, gain_spread=0.02)
    one = layer(adc=adc)
    found, true = one.calibration(one.places[0]), one.converters[0, 0]
    gain, offset = (register / 256 for register in found)
    assert np.abs(gain * true.gain - 1).max() <= 2**-9 * 1.1
    assert np.abs(offset * true.gain + true.offset - 0.5).max() <= 2**-9 * 1.1
    raw = layer(adc=adc, mapping=MappingConfig(calibrated=False))
    assert [set(part.tolist()) for part in raw.calibration(raw.places[0])] == [{256}, {0}]


def test_converters_of_lines_repeat_group_by_group():
    one = layer(macro=replace(BIG, adc_count=8), adc=AdcConfig())
    converters, gain, offset = one.lines[0, 0]
    assert len(gain) == len(offset) == len(converters.gain) == 64
    assert np.array_equal(converters.offset[8:16], converters.offset[:8])
    assert len(np.unique(converters.offset)) == 8


def test_draws_go_by_key():
    noisy = {"macro": TINY, "device": DeviceConfig(), "adc": AdcConfig()}
    x, y = codes((2000, INPUTS)), codes((2000, OUTPUTS))
    found = []
    for order in (1, -1):
        one = layer(**noisy)
        passed = {"x": lambda one=one: one.forward(x, ("a",), signed=True)}
        passed["y"] = lambda one=one: one.backward(y, ("a",))
        found.append(({name: passed[name]() for name in "xy"[::order]}, one))
    for name in "xy":
        assert np.array_equal(found[0][0][name], found[1][0][name])
    assert found[0][1].counters == found[1][1].counters
    assert vars(found[0][1].forward_range) == vars(found[1][1].forward_range)
    again = found[0][1].forward(x, ("b",), signed=True)
    assert not np.array_equal(again, found[0][0]["x"])


def test_conductances_change_as_a_whole_and_products_follow():
    for macro in (BIG, replace(BIG, slice_bits=4)):  # sums in float32 and in float64
        one = layer(macro=macro)
        with pytest.raises(ValueError, match="read-only"):
            one.conductance[0, 0] = 1
        assert np.array_equal(one.operand, one.conductance)
        before, kept = one.conductance.copy(), one.state()["conductance"]
        x, delta = codes((4, INPUTS)), codes((4, OUTPUTS), low=-255)
        one.update(x, delta, one.chi_exponent + 12, 0)
        assert not np.array_equal(one.conductance, before)
        assert np.array_equal(one.operand, one.conductance)
        assert np.array_equal(kept, before)
        one.conductance = np.asfortranarray(before)
        assert np.array_equal(one.operand, before)
        one.update(x, delta, one.chi_exponent + 12, 1)
        assert np.array_equal(one.operand, one.conductance)
        assert not np.array_equal(one.conductance, before)


def test_blocks_have_noise_of_their_own():
    one = layer(device=DeviceConfig(read_noise=0.1), adc=AdcConfig())
    same = np.repeat(codes((1, INPUTS)), 3000, axis=0)
    sums = one.forward(same, ("a",), signed=True)
    assert len(np.unique(sums[:, 0, 0])) > 500


@pytest.mark.parametrize("transpose", [False, True])
def test_counters(transpose):
    """12 macros, 5 vectors, 8 slices; the transposed pass always has two phases."""
    one = layer(macro=TINY)
    if transpose:
        one.backward(codes((5, OUTPUTS)), ("a",))
        drives, driven, sensed, sums = 5 * 8 * 2, 2 * OUTPUTS * 4, INPUTS * 3, 5 * INPUTS * 3
    else:
        one.forward(codes((5, INPUTS), low=0), ("a",), signed=False)
        drives, driven, sensed, sums = 5 * 8, INPUTS * 3, 2 * OUTPUTS * 4, 5 * OUTPUTS * 4
    assert one.counters == {
        **{"dac_drives": drives * driven, "array_samples": drives * 12},
        **{"adc_conversions": drives * sensed, "adc_conversions_range_0": drives * sensed},
        **{"adc_saturations": 0, "partial_sums": sums},
    }


def test_nothing_driven_is_not_read():
    one = layer()
    assert not one.forward(np.zeros((3, INPUTS), np.int16), ("a",), signed=False).any()
    assert not one.counters


def test_saturations_are_counted_once():
    one = layer(weight=np.full((OUTPUTS, INPUTS), 9.0))
    one.forward_range.value = -2
    x = np.full((4, INPUTS), 1, np.int16)  # the plus columns saturate in the last slice
    for passed in (1, 2, 3):
        one.forward(x, ("a",), signed=False)
        assert one.counters["adc_saturations"] == passed * 4 * OUTPUTS
    assert one.counters["adc_conversions_range_2"] == 3 * 4 * 8 * 2 * OUTPUTS


def test_an_update_by_hand():
    """A change of some pulses on one weight: SET on its plus column, RESET on its minus."""
    device = replace(QUIET, cycle_spread=0.0, asymmetry_spread=0.0)
    one = layer(weight=np.zeros((OUTPUTS, INPUTS)), device=device)
    x, delta = np.zeros((1, INPUTS), np.int16), np.zeros((1, OUTPUTS), np.int16)
    x[0, 3], delta[0, 7] = 200, -100
    exponent = int(np.floor(np.log2(one.pulse_weight / 20000))) + 2
    wanted = 20000 * 2.0**exponent / one.pulse_weight
    count = int(wanted)
    assert 2 <= count <= 4
    counts = one.update(x, delta, exponent, 0)
    assert counts[3, 7] == count
    assert np.count_nonzero(counts) == 1
    rest = one.chi[3, 7] * 2.0**one.chi_exponent / one.pulse_weight
    assert rest == pytest.approx(wanted - count, abs=1e-5)
    step = (1 - (1 - 1 / 128) ** count) * 0.5
    assert one.conductance[3, 14] == pytest.approx(0.5 + step, abs=2**-14)
    assert one.conductance[3, 15] == pytest.approx(0.5 - step, abs=2**-14)
    assert np.count_nonzero(one.conductance != 0.5) == 2
    assert one.counters == {
        **{"program_pulses": 2 * count, "devices_programmed": 2},
        "update_products": INPUTS * OUTPUTS,
    }


@pytest.mark.parametrize("threshold", [1.0, 2.0])
def test_update_registers(threshold):
    one = layer(update=UpdateConfig(threshold=threshold))
    shift, _, register = one.update_registers(one.chi_exponent + 5)
    assert shift == 5
    assert register * 2.0**one.chi_exponent == pytest.approx(threshold * one.pulse_weight, rel=1e-6)
    assert 2**20 <= register / threshold < 2**21


def test_range_control():
    control = RangeControl(0, -3, 1, 255)
    for seen, value in [
        (255 * [0], 0),  # nothing seen: stays
        (999 * [50] + [255], 0),  # one in 1,000 may saturate
        (998 * [50] + [255, 255], 1),
        ([-255, 3], 1),  # at its bound
        ([115], 1),  # 0.45 of full scale
        ([114], 0),
        ([-3], -1),
        ([-114], -2),
        ([1], -3),
        ([1], -3),
        ([255], -2),
    ]:
        before = control.value
        control.add(control.see(np.array(seen, np.int16)))
        assert control.move() == (value != before)
        assert control.value == value
    control.add(control.see(np.array([255])))
    control.clear()
    assert not control.move()


def test_the_lsb_follows_the_range_register():
    one = layer()
    for value in (0, -1, -2):
        one.backward_range.value = value
        assert one.backward_unit == lsb(BIG, -value) * one.weight_range / 256


def test_content_keys():
    first = np.arange(4.0)
    assert content_key(first) == content_key(first.copy())
    assert content_key(first) != content_key(first[::-1])
