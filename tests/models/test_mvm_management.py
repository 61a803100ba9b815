"""Noise and bound management: scales, repeats, reads, against the plain reference."""

import numpy as np
import pytest

from models.analog.mvm import mvm, prepared
from models.analog.mvm_effects import draw_lines
from models.config.mvm import MvmConfig
from tests.models.plain_mvm import Plain

NP_SUM = {"noise_management": "abs_max_np_sum"}
WORST = {"bound_management": "iterative_worst_case"}
MEAN = {"noise_management": "average_abs_max"}
CASES = {
    "iterative": {"output_bound": 0.7},
    "until the largest reduction": {"output_bound": 0.05, "largest_reduction": 5},
    "until the coarsest step": {"output_bound": 0.01, "coarsest_step": 0.05},
    "worst case": {"output_bound": 0.7, **WORST},
    "worst case, limited": {"output_bound": 0.02, "coarsest_step": 0.05, **WORST},
    "worst case, assumed too small": {"output_bound": 0.3, "assumed_weight": 0.05, **WORST},
    "worst case after np sum": {"output_bound": 0.5, "assumed_weight": 0.1, **WORST, **NP_SUM},
    "worst case of none": {"output_bound": 0.7, **WORST, "noise_management": "none"},
    "np sum": {"output_bound": 0.5, **NP_SUM},
    "np sum, limited": {"output_bound": 0.05, "coarsest_step": 0.02, "constant": 0.6, **NP_SUM},
    "np sum without repeats": {"output_bound": 0.5, "bound_management": "none", **NP_SUM},
    "running mean": {"average_decay": 0.2, **MEAN},
    "running mean, repeats": {"average_decay": 0.2, "output_bound": 0.5, **MEAN},
    "constant": {"noise_management": "constant", "constant": 0.7, "output_bound": 0.7},
    "output scale": {"output_scale": 0.37, "output_bound": 0.7},
    "stochastic rounding": {"dac_stochastic": True, "adc_stochastic": True, "output_bound": 0.7},
    "noise of inputs and weights": {
        "input_noise": 0.02,
        "weight_noise": 0.05,
        "dac_stochastic": True,
        "output_bound": 0.7,
    },
    "separate passes": {"passes": "separate", "output_bound": 0.5},
    "all effects": {
        "passes": "summed",
        "read_asymmetry": 0.1,
        "ir_drop": 100.0,
        "voltage_offset": 0.05,
        "series_resistance": 0.02,
        "offset_weight": -1.0,
        "nonlinearity": 0.4,
        "nonlinearity_spread": 0.2,
        "weight_noise": 0.05,
        "output_bound": 0.7,
        "assumed_weight": 0.1,
        **WORST,
        **NP_SUM,
    },
}


def generator(seed=1):
    return np.random.Generator(np.random.Philox(seed))


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_vectors_one_by_one(name, transpose):
    """With all noise: the draws of single vectors are known, so every output must be equal."""
    config = MvmConfig(**CASES[name])
    rng = generator(3)
    shape = (14, 9)
    x = rng.normal(size=(30, shape[transpose])).astype(np.float32)
    x[4] = 0
    x[5] *= 0.001
    weight = prepared(rng.uniform(-0.6, 0.6, shape), config)
    lines = draw_lines(config, shape, rng, transpose=transpose)
    factor = lines.asymmetry
    factor = factor.T if transpose and factor is not None else factor
    turned = weight.T if transpose else weight
    plain = Plain(turned, config, (lines.offset, lines.compression, factor))
    average = other = None
    repeats = wrong = 0
    for k, vector in enumerate(x):
        options = {"transpose": transpose, "lines": lines, "average": average}
        found = mvm(vector[None], weight, generator(k), config, **options)
        y, reads, saturated, other = plain.mvm(vector, generator(k), other)
        average = found.average
        assert average == other
        assert (found.reads, found.saturated) == (reads, saturated)
        wrong += np.count_nonzero(found.y[0] != y)
        repeats = max(repeats, reads - 1)
    assert wrong <= (3 if name == "all effects" else 0)  # sums in another order, near a half
    assert (repeats > 0) == (name not in ("running mean", "np sum without repeats"))
    assert (average is not None) == name.startswith("running")


@pytest.mark.parametrize("name", CASES)
def test_a_batch_without_noise_is_its_vectors(name):
    silent = {"output_noise": 0.0, "input_noise": 0.0, "weight_noise": 0.0}
    rounding = {"dac_stochastic": False, "adc_stochastic": False}
    config = MvmConfig(**CASES[name] | silent | rounding)
    rng = generator(3)
    x = rng.normal(size=(40, 14)).astype(np.float32)
    x[7] = 0
    weight = prepared(rng.uniform(-0.6, 0.6, (14, 9)), config)
    lines = draw_lines(config, weight.shape, rng)
    whole = mvm(x, weight, rng, config, lines=lines)
    average, parts = None, []
    for vector in x:
        parts.append(mvm(vector[None], weight, rng, config, lines=lines, average=average))
        average = parts[-1].average
    assert np.array_equal(whole.y, np.concatenate([part.y for part in parts]))
    assert whole.reads == sum(part.reads for part in parts)
    assert whole.saturated == sum(part.saturated for part in parts)
    assert whole.average == average


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ({}, (2, 4, 8, 16, 32, 64, 128, 256, 512)),
        ({"largest_reduction": 8}, (2, 4, 8)),
        ({"largest_reduction": 1024, "coarsest_step": 0.25}, (2, 4, 8, 16, 32)),
        ({"coarsest_step": 0.25, "dac_bits": 4}, (2, 4)),
        ({"coarsest_step": 0.25, "dac_bits": 0, "sums": "float32", "largest_reduction": 4}, (2, 4)),
        ({"largest_reduction": 4, **WORST}, (1, 2, 4)),
        ({"largest_reduction": 4, **WORST, **NP_SUM}, (2, 4)),
        ({"bound_management": "none"}, ()),
    ],
)
def test_factors_of_repeats(values, wanted):
    """A step of 7 bits is 1/126 of the range: 16 steps are below 1/4, 32 above."""
    assert MvmConfig(**values).reductions == wanted


def test_reads_are_the_latency():
    """Outputs of 1, 3 and 9 at a bound of 1: two, three and five reads; zeros none."""
    config = MvmConfig(output_bound=1.0, output_noise=0.0)
    weight = prepared(np.ones((12, 1)), config)
    x = np.zeros((4, 12), np.float32)
    for k, count in enumerate((1, 3, 9)):
        x[k, :count] = 0.5
    found = mvm(x, weight, generator(), config)
    assert found.reads == 2 + 3 + 5
    assert found.saturated == 0
    assert found.y.ravel() == pytest.approx([0.5, 1.5, 4.5, 0.0], rel=0.02)
    single = [mvm(vector[None], weight, generator(), config).reads for vector in x]
    assert single == [2, 3, 5, 0]


def test_saturation_of_either_sign_counts():
    config = MvmConfig(output_bound=0.5, output_noise=0.0, bound_management="none")
    weight = prepared(np.array([[1.0, -1.0, 0.1]]), config)
    found = mvm(np.array([[1.0], [-1.0]], np.float32), weight, generator(), config)
    assert found.saturated == 4
    assert found.y[:, :2].tolist() == [[0.5, -0.5], [-0.5, 0.5]]
    again = MvmConfig(output_bound=0.5, output_noise=0.0)
    for sign in (1, -1):
        given = np.array([[sign]], np.float32)
        one = mvm(given, prepared(np.array([[1.0]]), again), generator(), again)
        assert one.reads == 3


def test_running_mean_by_hand():
    config = MvmConfig(output_noise=0.0, average_decay=0.25, adc_bits=0, **MEAN)
    x = np.array([[0.0], [2.0], [0.0], [4.0], [-1.0]], np.float32)
    weight = prepared(np.ones((1, 1)), config)
    found = mvm(x, weight, generator(), config)
    assert found.average == 0.75 * 2.5 + 0.25 * 1  # 2, then 2.5, then 2.125
    assert found.y.ravel() == pytest.approx([0, 2, 0, 2.5, -1], abs=0.02)  # 4 is clipped
    assert found.reads == 3
    assert mvm(x[:1], weight, generator(), config).average is None
    later = mvm(x[3:], weight, generator(), config, average=2.0)
    assert later.average == found.average
    assert np.array_equal(later.y, found.y[3:])
    other = MvmConfig(output_noise=0.0)
    assert mvm(x, weight, generator(), other).average is None


def test_worst_case_needs_fewer_reads():
    """64 inputs of 1 on weights of 0.6: 38.4 at a bound of 12 needs a factor of 4 or 3.2."""
    weight = np.full((64, 1), 0.55)
    x = np.ones((1, 64), np.float32)
    for management, reads in (("iterative", 3), ("iterative_worst_case", 2)):
        config = MvmConfig(bound_management=management, output_noise=0.0)
        found = mvm(x, prepared(weight, config), generator(), config)
        assert found.reads == reads
        assert found.y[0, 0] == pytest.approx(64 * 0.55, rel=0.02)  # 1 / 4 is code 16, not 15.75
    config = MvmConfig(**NP_SUM, output_noise=0.0)
    assert mvm(x, prepared(weight, config), generator(), config).reads == 1
