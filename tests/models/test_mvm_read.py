"""The analog part of products: codes in, codes out, recomputed from draws, held inputs, rows."""

import numpy as np
import pytest

from models.analog.mvm import mvm
from models.analog.mvm_effects import draw_lines
from models.analog.mvm_read import Draws, held, prepared, read, sense
from models.config.mvm import MvmConfig
from models.digital.sar import sar
from tests.models.plain_mvm import Plain

QUIET = {"output_noise": 0.0}


def generator(seed=1):
    return np.random.Generator(np.random.Philox(seed))


def case(config, n=12, shape=(23, 17), seed=3, transpose=False):
    """Codes, prepared weights, lines."""
    rng = generator(seed)
    largest, driven = config.largest_input, shape[1 if transpose else 0]
    codes = rng.integers(-largest, largest + 1, (n, driven)).astype(np.int16)
    weight = prepared(rng.uniform(-0.8, 0.8, shape), config)
    return codes, weight, draw_lines(config, shape, rng, transpose=transpose)


CASES = {
    "defaults": {},
    "no noise": QUIET,
    "small bound": {"output_bound": 1.0},
    "weight noise": {"weight_noise": 0.05},
    "weight noise alone": {"weight_noise": 0.05, **QUIET},
    "input noise": {"input_noise": 0.05, **QUIET},
    "read noise of pcm": {"weight_noise": 0.1, "weight_noise_kind": "pcm"},
    "stochastic adc": {"adc_stochastic": True},
    "16 bits, stochastic": {"adc_stochastic": True, "adc_bits": 16, "output_bound": 2.0},
    "two bits": {"dac_bits": 2, "adc_bits": 2, "output_bound": 2.0},
    "twelve bits": {"dac_bits": 12, "adc_bits": 12},
    "ir drop": {"ir_drop": 500.0},
    "ir drop with input noise": {"ir_drop": 500.0, "input_noise": 0.02},
    "offsets": {"voltage_offset": 0.1},
    "series resistance": {"series_resistance": 0.2},
    "bounded series resistance": {"series_resistance": 0.2, "largest_series": 0.1},
    "reference line": {
        "voltage_offset": 0.1,
        "series_resistance": 0.02,
        "largest_series": 0.3,
        "offset_weight": -1.0,
    },
    "nonlinearity": {"nonlinearity": 0.5},
    "calibrated": {
        "nonlinearity": 0.5,
        "nonlinearity_spread": 0.3,
        "slope_calibration": 0.5,
        "series_resistance": 0.01,
    },
    "weight noise before nonlinearity": {"nonlinearity": 0.5, "weight_noise": 0.05},
    "summed passes": {"passes": "summed", "read_asymmetry": 0.1, "weight_noise": 0.05},
    "separate passes": {"passes": "separate", "read_asymmetry": 0.1, "weight_noise": 0.05},
    "everything, summed": {
        "passes": "summed",
        "read_asymmetry": 0.1,
        "input_noise": 0.02,
        "weight_noise": 0.05,
        "weight_noise_kind": "pcm",
        "ir_drop": 200.0,
        "voltage_offset": 0.1,
        "series_resistance": 0.02,
        "nonlinearity": 0.3,
        "nonlinearity_spread": 0.3,
        "adc_stochastic": True,
        "output_bound": 3.0,
    },
}
CASES["everything, separate"] = CASES["everything, summed"] | {"passes": "separate"}


def plainly(codes, weight, draws, config, lines, transpose):
    """Held inputs and codes of the reference, [conversions, n, sensed] and [n, sensed]."""
    turned = weight.T if transpose else weight
    asymmetry = lines.asymmetry
    if transpose and asymmetry is not None:
        asymmetry = asymmetry.T
    plain = Plain(turned, config, (lines.offset, lines.compression, asymmetry))
    inputs, results = [], []
    for k, code in enumerate(codes):
        one = {}
        for name, part in draws._asdict().items():
            if part is not None:
                one[name] = part[k] if name == "input" else part[:, k]
        inputs.append(plain.held(code, one))
        results.append(np.sum([plain.codes(part) for part in inputs[-1]], axis=0))
    return np.array(inputs).swapaxes(0, 1), np.array(results)


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_against_the_plain_reference(name, transpose):
    config = MvmConfig(**CASES[name])
    codes, weight, lines = case(config, transpose=transpose)
    options = {"transpose": transpose, "lines": lines}
    found = read(codes, weight, generator(), config, keep=True, **options)
    inputs, wanted = plainly(codes, weight, found.draws, config, lines, transpose)
    given = held(codes, weight, found.draws, config, **options)
    assert given.dtype == np.float32
    # The order of float64 operations differs: the last bit of a float32 may.
    if config.is_plain:
        assert np.array_equal(found.codes, wanted)
        assert np.array_equal(given, inputs[0])
    else:
        given = given.reshape(inputs.shape)
        # With input noise the |w| of this variance lie on a grid of 2**-12: 1e-4 of the noise.
        coarse = config.weight_noise_kind == "pcm" and config.input_noise > 0
        assert np.allclose(given, inputs, rtol=2e-7, atol=5e-3 * coarse)
        assert np.count_nonzero(found.codes != wanted) <= np.count_nonzero(given != inputs)
        assert (found.codes != wanted).mean() < 0.005
    limit = config.largest_output
    parts = np.floor(given).astype(int).reshape(inputs.shape) - 2 ** (config.adc_bits - 1)
    assert np.array_equal(found.over, (np.abs(parts) == limit).sum(axis=(0, 2)))
    assert found.codes.dtype == np.int16


@pytest.mark.parametrize("name", ["ir drop", "reference line", "calibrated", "nonlinearity"])
def test_effects_are_visible_in_the_codes(name):
    """Otherwise the comparison above would prove nothing."""
    config = MvmConfig(**QUIET | CASES[name] | {"output_bound": 2.0})
    codes, weight, lines = case(config)
    still = read(codes, weight, generator(), MvmConfig(**QUIET, output_bound=2.0)).codes
    assert (read(codes, weight, generator(), config, lines=lines).codes != still).mean() > 0.5


@pytest.mark.parametrize("name", CASES)
def test_codes_recomputed_one_by_one(name):
    config = MvmConfig(**CASES[name])
    codes, weight, lines = case(config)
    found = read(codes, weight, generator(), config, lines=lines, keep=True)
    again = sense(codes, weight, found.draws, config, lines=lines)
    assert np.array_equal(again, found.codes)
    for k in range(len(codes)):
        draws = found.draws.of(slice(k, k + 1))
        one = sense(codes[k : k + 1], weight, draws, config, lines=lines)
        assert np.array_equal(one[0], found.codes[k])
    picked = np.array([7, 2, 5])
    some = sense(codes[picked], weight, found.draws.of(picked), config, lines=lines)
    assert np.array_equal(some, found.codes[picked])
    other = read(codes, weight, generator(2), config, lines=lines).codes
    assert np.array_equal(other, found.codes) == (name == "no noise")


@pytest.mark.parametrize("transpose", [False, True])
def test_1024_lines(transpose):
    config = MvmConfig(output_bound=40.0, input_noise=0.01)
    codes, weight, _ = case(config, n=5, shape=(1024, 1024))
    found = read(codes, weight, generator(), config, transpose=transpose, keep=True)
    some = np.arange(0, 1024, 64)
    plain = Plain((weight.T if transpose else weight)[:, some].tolist(), config)
    for k, code in enumerate(codes):
        output = found.draws.output[:, k, some]
        wanted = plain.held(code, {"input": found.draws.input[k], "output": output})
        assert np.array_equal(found.codes[k, some], plain.codes(wanted[0]))


@pytest.mark.parametrize("sums", ["exact", "float32"])
@pytest.mark.parametrize("bits", [2, 8, 9, 12])
def test_a_successive_approximation_of_the_held_input_gives_the_code(bits, sums):
    config = MvmConfig(adc_bits=bits, output_bound=3.0, sums=sums)
    codes, weight, _ = case(config, n=200)
    found = read(codes, weight, generator(), config, keep=True)
    given = held(codes, weight, found.draws, config)
    assert given.min() >= 1
    assert given.max() <= 2**bits - 0.5
    assert np.array_equal(sar(given, bits).astype(int) - 2 ** (bits - 1), found.codes)
    trial = np.zeros(given.shape, int)
    for bit in reversed(range(bits)):
        trial |= np.where(given >= (trial | 1 << bit), 1 << bit, 0)
    assert np.array_equal(trial - 2 ** (bits - 1), found.codes)
    assert abs(found.codes).max() == config.largest_output


def test_halves_are_rounded_up_and_bounds_hold():
    """One weight of 1; a DAC step is half an ADC step: codes by hand."""
    config = MvmConfig(dac_bits=5, adc_bits=4, input_bound=0.5, output_bound=7 / 15, **QUIET)
    assert config.output_step == pytest.approx(2 * config.input_step)
    given = np.array([[-15], [-14], [-13], [-3], [-2], [-1], [0], [1], [3], [13], [15]], np.int8)
    found = read(given, prepared(np.ones((1, 1)), config), generator(), config)
    assert found.codes.ravel().tolist() == [-7, -7, -6, -1, -1, 0, 0, 1, 2, 7, 7]
    assert found.over.tolist() == [1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 1]


def test_what_is_not_a_number_saturates():
    config = MvmConfig(**QUIET)
    weight = np.array([[np.nan, np.inf, -np.inf]])
    codes = np.array([[1], [-1]], np.int8)
    found = read(codes, weight, generator(), config)
    assert found.codes.tolist() == [[255, 255, -255], [255, -255, 255]]
    assert found.over.tolist() == [3, 3]
    x, one = np.array([[np.nan], [1.0]], np.float32), prepared(np.ones((1, 1)), config)
    y = mvm(x, one, generator(), config).y
    assert np.isnan(y[0, 0])
    assert y[1, 0] == pytest.approx(1, abs=0.03)


def test_stochastic_rounding_is_right_in_the_mean():
    """A sum of 0.3 ADC steps, 60,000 draws: within 5 standard errors; whole steps never move."""
    config = MvmConfig(dac_bits=5, adc_bits=4, adc_stochastic=True, output_bound=7.0, **QUIET)
    weight = prepared(np.repeat([[0.3], [2.0]], 300, axis=1), config)
    codes = np.repeat(np.array([[15, 0], [-15, 0], [0, 15], [0, 0]], np.int8), 200, axis=0)
    found = read(codes, weight, generator(), config).codes.reshape(4, 60_000)
    error = 5 * np.sqrt(0.21 / 60_000)
    assert found[0].mean() == pytest.approx(0.3, abs=error)
    assert found[1].mean() == pytest.approx(-0.3, abs=error)
    assert set(found[0].tolist()) == {0, 1}
    assert set(found[1].tolist()) == {-1, 0}
    # 2.0 / 1 lies on the code but for the rounding of 15 / 15 in float64
    assert (found[2] == 2).mean() > 0.9999
    assert not found[3].any()


def test_bad_arguments():
    config = MvmConfig()
    codes, weight, _ = case(config)
    with pytest.raises(ValueError, match=r"^codes must be of shape \(n, 17\), not \(12, 23\)$"):
        read(codes, weight, generator(), config, transpose=True)
    bare = MvmConfig(adc_bits=0)
    with pytest.raises(ValueError, match=r"^adc_bits must be at least 2 for codes, not 0$"):
        read(codes, weight, generator(), bare)
    for name, value in (("voltage_offset", 0.1), ("nonlinearity_spread", 0.1)):
        spread = MvmConfig(**{name: value}, nonlinearity=0.1)
        message = f"^lines must be given for a {name} above 0, not None$"
        with pytest.raises(ValueError, match=message):
            sense(codes, weight, Draws(None, None, None, None), spread)
