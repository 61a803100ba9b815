"""The analog product against a plain transcription, and the statistics of its noise."""

import numpy as np
import pytest

from models.analog.mvm import mvm, prepared
from models.config.mvm import MvmConfig
from models.config.toml import overridden, to_dict
from tests.models.plain_mvm import Plain

SILENT = {"output_noise": 0.0, "bound_management": "none"}


def generator(seed=1):
    return np.random.Generator(np.random.Philox(seed))


def arrays(n=40, inputs=24, outputs=17, seed=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, inputs)).astype(np.float32), rng.uniform(
        -0.6, 0.6, (inputs, outputs)
    )


CASES = {
    "defaults without noise": {},
    "clipped inputs": {"noise_management": "none"},
    "constant scale": {"noise_management": "constant", "constant": 0.7},
    "limited scale": {"constant": 1.1},
    "saturated outputs": {"output_bound": 0.8},
    "repeats": {"output_bound": 0.4, "bound_management": "iterative"},
    "repeats that end early": {
        "output_bound": 0.05,
        "bound_management": "iterative",
        "largest_reduction": 4,
    },
    "two bits": {"dac_bits": 2, "adc_bits": 2, "output_bound": 1.0},
    "no converters": {"dac_bits": 0, "adc_bits": 0, "sums": "float32"},
    "float32": {"sums": "float32", "adc_bits": 12},
}


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_without_noise(name, transpose):
    config = MvmConfig(**SILENT | CASES[name])
    x, weight = arrays()
    if transpose:
        x = arrays(inputs=17)[0]
    weights = prepared(weight, config)
    result = mvm(x, weights, generator(), config, transpose=transpose)
    plain = Plain(weights.T if transpose else weights, config)
    wanted, reads, saturated, _ = zip(*(plain.mvm(vector, None) for vector in x), strict=True)
    if config.sums == "exact":
        assert np.array_equal(result.y, wanted)
    else:  # a sum of float32 a hair from a half may be a code off
        off = ~np.isclose(result.y, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())
        assert off.mean() < 0.01
    assert result.y.dtype == np.float32
    assert (result.reads, result.saturated) == (sum(reads), sum(saturated))
    assert (result.reads > len(x)) == name.startswith("repeats")
    assert (result.saturated > 0) == (
        name in ("saturated outputs", "repeats that end early", "two bits")
    )


def test_zero_vectors_are_not_read():
    config = MvmConfig(output_noise=0.5)
    x, weight = arrays()
    x[3] = x[7] = 0
    result = mvm(x, prepared(weight, config), generator(), config)
    assert not result.y[[3, 7]].any()
    assert result.y[4].all()
    nothing = mvm(np.zeros_like(x), prepared(weight, config), generator(), config)
    assert (nothing.reads, nothing.saturated) == (0, 0)
    assert mvm(x[:0], prepared(weight, config), generator(), config).y.shape == (0, 17)


def test_output_noise():
    config = MvmConfig(output_noise=0.06, adc_bits=0)
    x, weight = arrays(n=4000)
    weights = prepared(weight, config)
    noisy = mvm(x, weights, generator(), config).y
    still = mvm(x, weights, generator(), MvmConfig(output_noise=0.0, adc_bits=0)).y
    noise = (noisy - still) / np.abs(x).max(axis=1, keepdims=True)  # 68,000 draws
    assert abs(noise.mean()) < 4 * 0.06 / np.sqrt(noise.size)
    assert noise.std() == pytest.approx(0.06, rel=0.012)
    assert np.corrcoef(noise[:, 0], noise[:, 1])[0, 1] == pytest.approx(0, abs=0.07)


def test_weight_noise_grows_with_the_input():
    settings = {"weight_noise": 0.02, "output_noise": 0.05, "adc_bits": 0}
    config = MvmConfig(**settings, noise_management="none")
    x, weight = arrays(n=1)
    for factor in (0.1, 0.9):
        given = np.repeat(np.clip(x, -1, 1) * np.float32(factor), 6000, axis=0)
        y = mvm(given, prepared(weight, config), generator(), config).y
        codes = np.rint(given[0] / config.input_step) * config.input_step
        wanted = np.hypot(0.05, 0.02 * np.linalg.norm(codes))
        assert y.std(axis=0).mean() == pytest.approx(wanted, rel=0.012)


def test_input_noise():
    config = MvmConfig(input_noise=0.03, output_noise=0.0, adc_bits=0, noise_management="none")
    x, weight = arrays(n=1)
    y = mvm(np.repeat(x, 6000, axis=0), prepared(weight, config), generator(), config).y
    wanted = 0.03 * np.linalg.norm(weight, axis=0)
    assert y.std(axis=0) == pytest.approx(wanted, rel=0.05)
    assert (y.std(axis=0) / wanted).mean() == pytest.approx(1, rel=0.012)


@pytest.mark.parametrize("input_noise", [0.0, 0.03])
def test_exact_sums_do_not_depend_on_order(input_noise):
    config = MvmConfig(input_noise=input_noise, adc_bits=0, output_noise=0.0, dac_bits=8)
    x, weight = arrays(n=9, inputs=512, outputs=30)
    weights = prepared(weight, config)
    assert np.abs(weights - weight).max() <= 2.0**-25
    assert np.array_equal(weights * 2.0**24, np.rint(weights * 2.0**24))
    y = mvm(x, weights, generator(), config).y
    order = np.random.default_rng(5).permutation(512)
    if not input_noise:  # draws go by place
        shuffled = mvm(x[:, order], weights[order], generator(), config).y
        assert np.array_equal(y, shuffled)
    chunks = [weights[:, :7], weights[:, 7:]]
    apart = [mvm(x, part, generator(), config).y for part in chunks]
    assert np.array_equal(y, np.concatenate(apart, axis=1))


def test_same_generator_same_result_in_either_sum():
    x, weight = arrays(n=50, inputs=300)
    results = [
        mvm(x, prepared(weight, config), generator(), config).y
        for config in (MvmConfig(), MvmConfig(), MvmConfig(sums="float32"))
    ]
    assert np.array_equal(results[0], results[1])
    off = np.abs(results[0] - results[2]) > 1e-5 * np.abs(results[0]).max()
    assert off.mean() < 0.001  # a code apart where a sum lies next to a half


def test_bad_arrays_and_toml():
    config = MvmConfig()
    x, weight = arrays()
    with pytest.raises(ValueError, match=r"^x must be of shape \(n, 24\), not \(40, 17\)$"):
        mvm(x[:, :17], prepared(weight, config), generator(), config)
    with pytest.raises(ValueError, match=r"^weight must be small enough for exact sums, not "):
        prepared(weight * 1e6, config)
    other = MvmConfig(dac_bits=5, sums="float32", constant=2.0)
    assert overridden(config, to_dict(other)) == other
