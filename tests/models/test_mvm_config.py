"""Checks and presets of analog products."""

import pytest

from models.config.mvm import RANGES, MvmConfig
from models.config.mvm_presets import MVMS, SOURCES, backward
from models.config.toml import overridden, to_dict


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"dac_bits": 1}, "dac_bits must be 0 or at least 2, not 1"),
        ({"dac_bits": 13}, "dac_bits must be between 0 and 12, not 13"),
        ({"adc_bits": 17}, "adc_bits must be between 0 and 16, not 17"),
        ({"sums": "exact", "dac_bits": 0}, "sums must be float32 without dac_bits, not 'exact'"),
        (
            {"noise_management": "constant"},
            r"constant must be above 0 for noise_management constant, not 0\.0",
        ),
        ({"passes": "two"}, "passes must be one of one, summed, separate, not 'two'"),
        ({"weight_noise_kind": "x"}, "weight_noise_kind must be one of constant, pcm, not 'x'"),
        (
            {"noise_management": "max"},
            "noise_management must be one of none, abs_max, constant, average_abs_max, "
            "abs_max_np_sum, not 'max'",
        ),
        (
            {"bound_management": "shift"},
            "bound_management must be one of none, iterative, iterative_worst_case, not 'shift'",
        ),
        ({"largest_reduction": 1}, "largest_reduction must be between 2 and 65536, not 1"),
        ({"read_asymmetry": 0.1}, r"read_asymmetry must be 0 for passes one, not 0\.1"),
        (
            {"adc_stochastic": True, "adc_bits": 0},
            "adc_stochastic must be false without adc_bits, not True",
        ),
        (
            {"dac_stochastic": True, "dac_bits": 0, "sums": "float32"},
            "dac_stochastic must be false without dac_bits, not True",
        ),
        (
            {"passes": "separate", "adc_bits": 16},
            "adc_bits must be below 16 for passes separate, not 16",
        ),
        ({"sums": "float64"}, "sums must be one of exact, float32, not 'float64'"),
    ],
)
def test_bad_values(values, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        MvmConfig(**values)


@pytest.mark.parametrize("name", RANGES)
def test_ranges(name):
    low, high = RANGES[name]
    base = {"passes": "summed", "constant": 1.0}
    for value in (low, high):
        assert getattr(MvmConfig(**base | {name: value}), name) == value
    for value in (low - 1e-9 - abs(low), high * 1.001 + 1e-6, float("nan")):
        message = f"^{name} must be between {low:g} and {high:g}, not {value!r}$"
        with pytest.raises(ValueError, match=message.replace("+", r"\+")):
            MvmConfig(**base | {name: value})


@pytest.mark.parametrize("name", ["dac_stochastic", "adc_stochastic"])
def test_kinds(name):
    with pytest.raises(TypeError, match=f"^{name} must be true or false, not 1$"):
        MvmConfig(**{name: 1})
    with pytest.raises(TypeError, match=r"^ir_drop must be a number, not '1'$"):
        MvmConfig(ir_drop="1")
    with pytest.raises(TypeError, match=r"^adc_bits must be an int, not 9\.0$"):
        MvmConfig(adc_bits=9.0)


def test_steps_of_the_presets():
    """As algorithms.md, section 2.3, gives them."""
    assert set(MVMS) == set(SOURCES)
    assert MVMS["default"].input_step == pytest.approx(0.0159, abs=5e-5)
    assert MVMS["default"].output_step == pytest.approx(0.0471, abs=5e-5)
    assert MVMS["preset_io"].output_step == pytest.approx(40 / 510)  # 0.0784, not 0.0787
    assert MVMS["standard_io"].output_step == pytest.approx(10 / 127)
    assert MvmConfig().ir_drop_ratio == pytest.approx(5.714e5, rel=1e-4)
    assert MVMS["transfer"].reductions == ()
    assert backward(MVMS["preset_io"]).reductions == ()
    assert MVMS["preset_io"].reductions == (2, 4, 8, 16, 32)
    for config in MVMS.values():
        assert overridden(MvmConfig(), to_dict(config)) == config


def test_plain_configs():
    for values in ({}, {"weight_noise": 0.1}, {"input_noise": 0.1}, {"dac_stochastic": True}):
        assert MvmConfig(**values).is_plain
    for values in (
        {"ir_drop": 1.0},
        {"voltage_offset": 0.1},
        {"series_resistance": 0.1},
        {"nonlinearity": 0.1},
        {"passes": "separate"},
        {"adc_stochastic": True},
        {"weight_noise": 0.1, "weight_noise_kind": "pcm"},
    ):
        assert not MvmConfig(**values).is_plain
