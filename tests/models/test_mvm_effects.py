"""What bends outputs: values worked by hand, moments of noise and spreads."""

import numpy as np
import pytest

from models.analog.mvm import mvm, prepared
from models.analog.mvm_effects import Lines, draw_lines
from models.analog.mvm_read import read
from models.config.mvm import MvmConfig

BARE = {
    "adc_bits": 0,
    "output_noise": 0.0,
    "noise_management": "none",
    "bound_management": "none",
}


def generator(seed=1):
    return np.random.Generator(np.random.Philox(seed))


def product(x, weight, values, lines=None):
    """Outputs of one vector without converter, and of its transposed array."""
    config = MvmConfig(**BARE | values)
    given, w = np.array([x], np.float32), np.array(weight, float)
    y = mvm(given, prepared(w, config), generator(), config, lines=lines).y[0]
    if lines is not None and lines.asymmetry is not None:
        lines = lines._replace(asymmetry=lines.asymmetry.T)
    turned = prepared(w.T, config)
    other = mvm(given, turned, generator(), config, transpose=True, lines=lines).y[0]
    assert np.array_equal(y, other)
    return y


@pytest.mark.parametrize("sums", ["exact", "float32"])
def test_wires(sums):
    """Four inputs of 1, weights of 1, a ratio of 8: a = 4/8 * 4 = 2, c = 0.4 - 0.8 + 1 = 0.6.

    The places count 0, 7/16, 12/16, 15/16 (0 the farthest), 34/16 in all: 4 - 0.6 * 34/16.
    """
    values = {"ir_drop": 1.0, "ir_drop_ratio": 8.0, "sums": sums}
    assert product([1] * 4, [[1.0]] * 4, values)[0] == pytest.approx(4 - 0.6 * 34 / 16, rel=1e-6)
    half = product([1] * 4, [[1.0]] * 4, values | {"ir_drop": 0.5})[0]
    assert half == pytest.approx(4 - 0.3 * 34 / 16, rel=1e-6)
    # Currents add by magnitude: a = 4/8 * 2 = 1, c = 0.35; the places count with signs.
    y = product([1, -1, 0, 0], [[1.0], [1.0], [1.0], [1.0]], values)[0]
    assert y == pytest.approx(0 + 0.35 * 7 / 16, rel=1e-6)
    y = product([0, 0, 1, 1], [[1.0], [1.0], [1.0], [-1.0]], values)[0]
    assert y == pytest.approx(0 - 0.35 * (12 - 15) / 16, rel=1e-6)


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({"voltage_offset": 0.1}, [1.6, -0.9]),
        ({"series_resistance": 0.5}, [2 / 2, -1 / 1.5]),
        ({"series_resistance": 0.5, "largest_series": 0.75}, [2 / 1.75, -1 / 1.5]),
        ({"series_resistance": 0.5, "voltage_offset": 0.1}, [1.6 / 2, -0.9 / 1.5]),
        # Reference line: weights of -1/2 take 1/2 * (1 + 1/3) off; inputs sum up to 4/3.
        (
            {"voltage_offset": 0.1, "offset_weight": -0.5},
            [0.8 * (2 + 2 / 3) - 1.2 * 2 / 3, 0.9 * (-1 + 2 / 3) - 1.1 * 2 / 3],
        ),
        (
            {"series_resistance": 0.5, "offset_weight": -0.5},
            [(8 / 3) / (1 + 4 / 3) - (2 / 3) / (4 / 3), (-1 / 3) / (7 / 6) - (2 / 3) / (4 / 3)],
        ),
    ],
)
def test_offsets_and_series_resistance(values, wanted):
    """Outputs of 2 and -1; offsets of 0.2 and 0.1."""
    offset = np.array([0.2, 0.1]) if "voltage_offset" in values else np.zeros(2)
    lines = Lines(offset, np.zeros(2), None)
    weight = [[2.0, -2.0], [0.0, 3.0]]
    y = product([1, 1 / 3], weight, {"dac_bits": 3} | values, lines)  # 1/3 is a code of 3 bits
    assert y == pytest.approx(wanted, rel=1e-6)


def test_compression():
    """Half of the output at the bound for 1; the slope is 1 at half the bound when calibrated."""
    values = {"output_bound": 4.0, "nonlinearity": 1.0}
    y = product([1, 1], [[4.0, -4.0, 1.0], [0.0, 0.0, 0.0]], values)
    assert y == pytest.approx([2, -2, 0.8], rel=1e-6)
    calibrated = values | {"slope_calibration": 0.5}
    step = 1 / 1024
    y = product([1], [[2.0 - step, 2.0 + step]], calibrated)
    assert (y[1] - y[0]) / (2 * step) == pytest.approx(1, rel=2e-3)
    unbent = {"series_resistance": 0.1, "slope_calibration": 0.5, "output_bound": 10.0}
    y = product([1], [[1.0]], unbent)
    assert y[0] == pytest.approx(1 / 1.1 * 1.5**2, rel=1e-6)


@pytest.mark.parametrize("passes", ["summed", "separate"])
def test_negative_inputs_meet_other_weights(passes):
    values = {"passes": passes, "read_asymmetry": 0.1}
    lines = Lines(np.zeros(2), np.zeros(2), np.array([[1.5, 1.0], [0.5, 2.0]]))
    y = product([1, -1], [[1.0, 2.0], [3.0, 4.0]], values, lines)
    assert y == pytest.approx([1 - 1.5, 2 - 8], rel=1e-6)
    y = product([-1, 1], [[1.0, 2.0], [3.0, 4.0]], values, lines)
    assert y == pytest.approx([-1.5 + 3, -2 + 4], rel=1e-6)


def test_the_sum_of_separate_codes_can_pass_the_bound():
    weight = prepared(np.array([[1.0], [1.0]]), MvmConfig())
    codes = np.array([[63, -63], [63, 63]], np.int8)
    for passes, wanted, over in (("summed", [0, 255], [0, 1]), ("separate", [0, 255], [2, 1])):
        config = MvmConfig(passes=passes, output_bound=0.9, output_noise=0.0)
        found = read(codes, weight, generator(), config)
        assert found.codes.ravel().tolist() == wanted
        assert found.over.tolist() == over
    weight = prepared(np.array([[1.0], [-1.0]]), config)
    assert read(codes, weight, generator(), config).codes.ravel().tolist() == [510, 0]


N = 60_000


def deviations(values, x, weight, shape=(2000, 30)):
    """Standard deviations of outputs without converter: N draws for each of ``x``."""
    config = MvmConfig(**BARE | values)
    w = prepared(np.repeat(np.array(weight, float)[:, None], shape[1], axis=1), config)
    given = np.repeat(np.array([x], np.float32), shape[0], axis=0)
    y = mvm(given, w, generator(), config).y.astype(float)
    assert y.size == N
    assert np.corrcoef(y[:, 0], y[:, 1])[0, 1] == pytest.approx(0, abs=5 / np.sqrt(shape[0]))
    return y.mean(), y.std()


# A standard deviation of N normal draws has a relative standard error of 1 / sqrt(2 N); 5 of them.
REL = 5 / np.sqrt(2 * N)


def test_read_noise_of_pcm():
    """x = 1, -1/3, weights 0.5 and -0.8: variance 0.1**2 (0.5 + 0.8 / 9) and that of the output."""
    values = {"dac_bits": 3, "weight_noise": 0.1, "weight_noise_kind": "pcm"}
    variance = 0.1**2 * (0.5 + 0.8 / 9)
    mean, deviation = deviations(values, [1, -1 / 3], [0.5, -0.8])
    assert mean == pytest.approx(0.5 + 0.8 / 3, abs=5 * deviation / np.sqrt(N))
    assert deviation == pytest.approx(np.sqrt(variance), rel=REL)
    both = deviations(values | {"output_noise": 0.05}, [1, -1 / 3], [0.5, -0.8])[1]
    assert both == pytest.approx(np.sqrt(variance + 0.05**2), rel=REL)


def test_weight_noise_is_compressed_and_output_noise_is_not():
    """At y = 1 with n = 1 the slope is 1/4; second-order terms are below 1 %."""
    values = {"output_bound": 10.0, "nonlinearity": 10.0, "weight_noise": 0.02}
    compressed = deviations(values, [1], [1.0])[1]
    assert compressed == pytest.approx(0.02 / 4, rel=REL + 0.01)
    alone = values | {"weight_noise": 0.0, "output_noise": 0.02}
    assert deviations(alone, [1], [1.0])[1] == pytest.approx(0.02, rel=REL)


@pytest.mark.parametrize(("passes", "times"), [("one", 1), ("summed", 1), ("separate", 2)])
def test_noise_of_passes(passes, times):
    """Separate passes add the variance of the output noise once each, that of weights once."""
    values = {"passes": passes, "output_noise": 0.05, "weight_noise": 0.1}
    deviation = deviations(values, [1, -1], [0.3, 0.3])[1]
    assert deviation == pytest.approx(np.sqrt(times * 0.05**2 + 2 * 0.1**2), rel=REL)


def test_stochastic_dac_is_right_in_the_mean():
    """0.2 between the codes 0 and 1/3: up with a chance of 0.6; sums of one weight of 1."""
    config = MvmConfig(**BARE | {"dac_bits": 3, "dac_stochastic": True})
    x = np.full((N, 1), 0.2, np.float32)
    y = mvm(x, prepared(np.ones((1, 1)), config), generator(), config).y * 3
    assert set(np.rint(y).ravel().tolist()) == {0.0, 1.0}
    assert y.mean() == pytest.approx(0.6, abs=5 * np.sqrt(0.24 / N))
    assert not mvm(0 * x + 1, prepared(np.zeros((1, 1)), config), generator(), config).y.any()


def test_spreads_of_lines():
    """Draws over 30,000 lines; 5 standard errors. Half of the offsets are cut off at 0."""
    config = MvmConfig(
        passes="summed",
        read_asymmetry=0.2,
        voltage_offset=0.1,
        nonlinearity=0.6,
        nonlinearity_spread=0.25,
    )
    lines = draw_lines(config, (3, 30_000), generator())
    assert lines.offset.min() == 0
    assert (lines.offset == 0).mean() == pytest.approx(0.5, abs=5 * 0.5 / np.sqrt(30_000))
    assert np.square(lines.offset).mean() == pytest.approx(0.005, rel=5 * np.sqrt(5 / 30_000))
    bent = lines.compression * 12
    assert bent.mean() == pytest.approx(0.6, abs=5 * 0.15 / np.sqrt(30_000))
    assert bent.std() == pytest.approx(0.15, rel=5 / np.sqrt(60_000))
    assert bent.min() >= 0
    assert lines.asymmetry is not None
    assert lines.asymmetry.shape == (3, 30_000)
    assert lines.asymmetry.mean() == pytest.approx(1, abs=5 * 0.2 / np.sqrt(90_000))
    assert lines.asymmetry.std() == pytest.approx(0.2, rel=5 / np.sqrt(180_000))
    turned = draw_lines(config, (3, 7), generator(), transpose=True)
    assert turned.offset.shape == turned.compression.shape == (3,)
    assert turned.asymmetry is not None
    assert turned.asymmetry.shape == (3, 7)
    assert draw_lines(MvmConfig(), (3, 7), generator()).asymmetry is None
