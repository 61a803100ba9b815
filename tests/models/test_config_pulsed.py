import re
from dataclasses import replace

import pytest

from models.config.pulsed import KINDS, PULSE_TYPES, PulsedDeviceConfig, PulsedUpdateConfig
from models.config.toml import dumps, overridden, read

DEVICE, UPDATE = PulsedDeviceConfig(), PulsedUpdateConfig()
PAIR = PulsedDeviceConfig(one_sided=True, w_min=0.0, refresh_every=3)
EXP = PulsedDeviceConfig(kind="exp_step")
NO_POINT = "false but for soft bounds of single devices"


@pytest.mark.parametrize(
    "config",
    [
        DEVICE,
        replace(DEVICE, kind="linear_step", gamma_up=0.3, source='a "source"\n\u00b5'),
        PAIR,
        UPDATE,
        PulsedUpdateConfig(desired_bl=7, update_management=False, update_bl_management=False),
    ],
)
def test_a_config_written_as_toml_reads_back_equal(config, tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(dumps(config), encoding="utf-8")
    other = replace(DEVICE, dw_min=0.5) if isinstance(config, PulsedDeviceConfig) else UPDATE
    assert overridden(other, read(path)) == config


@pytest.mark.parametrize(
    ("config", "changes", "rule"),
    [
        (DEVICE, {"kind": "exp"}, f"one of {', '.join(KINDS)}"),
        (DEVICE, {"dw_min": 0.0}, "between 1e-06 and 1"),
        (DEVICE, {"dw_min": float("nan")}, "between 1e-06 and 1"),
        (DEVICE, {"w_max": -0.6}, "between 0.001 and 1000"),
        (DEVICE, {"w_min": 0.6}, "between -1000 and -0.001"),
        (DEVICE, {"dw_min_dtod": 2.1}, "between 0 and 2"),
        (DEVICE, {"w_max_dtod": -0.1}, "between 0 and 2"),
        (DEVICE, {"w_min_dtod": -0.1}, "between 0 and 2"),
        (DEVICE, {"up_down": -1.1}, "between -1 and 1"),
        (DEVICE, {"up_down_dtod": -1}, "between 0 and 2"),
        (DEVICE, {"gamma_up": -0.1}, "between 0 and 10"),
        (DEVICE, {"gamma_down": 11}, "between 0 and 10"),
        (DEVICE, {"gamma_dtod": 3}, "between 0 and 2"),
        (DEVICE, {"cycle_spread": 11.0}, "between 0 and 10"),
        (DEVICE, {"stuck_fraction": 1.5}, "between 0 and 1"),
        (UPDATE, {"desired_bl": 0}, "between 1 and 1000"),
        (DEVICE, {"cycle_noise": "none"}, "one of multiplicative, additive"),
        (DEVICE, {"power": 10.5}, "between 0 and 10"),
        (DEVICE, {"power_up_down": 1.5}, "between -1 and 1"),
        (DEVICE, {"exp_rate_up": -1.0}, "between 0 and 100"),
        (DEVICE, {"exp_gain_down": 1001.0}, "between -1000 and 1000"),
        (DEVICE, {"write_noise": -1.0}, "between 0 and 1000"),
        (DEVICE, {"lifetime": -1.0}, "between 0 and 1e+12"),
        (DEVICE, {"diffusion_dtod": 3.0}, "between 0 and 2"),
        (DEVICE, {"drift_nu": 1.1}, "between 0 and 1"),
        (DEVICE, {"drift_t0": 0.0}, "between 1e-09 and 1e+09"),
        (DEVICE, {"reference_mean": float("inf")}, "between -1000 and 1000"),
        (DEVICE, {"reset_std": -0.1}, "between 0 and 1000"),
        (DEVICE, {"stuck_range": -0.1}, "between 0 and 1000"),
        (DEVICE, {"refresh_every": -1}, "between 0 and 1000000"),
        (DEVICE, {"refresh_upper": 1.1}, "between -1 and 1"),
        (DEVICE, {"refresh_bl": 0}, "between 1 and 1000"),
        (PAIR, {"w_min": 0.001}, "between -1000 and 0"),
        (EXP, {"cycle_noise": "additive"}, "multiplicative for exp_step"),
        (EXP, {"subtract_symmetry_point": True}, NO_POINT),
        (PAIR, {"subtract_symmetry_point": True}, NO_POINT),
        (UPDATE, {"pulse_type": "mean"}, f"one of {', '.join(PULSE_TYPES)}"),
        (UPDATE, {"resolution": 1.5}, "between 0 and 1"),
        (UPDATE, {"delta_resolution": -0.5}, "between 0 and 1"),
    ],
)
def test_wrong_values(config, changes, rule):
    refuses(ValueError, config, changes, rule)


@pytest.mark.parametrize(
    ("config", "changes", "rule"),
    [
        (DEVICE, {"kind": 1}, "a string"),
        (DEVICE, {"cycle_spread": "a"}, "a number"),
        (DEVICE, {"source": 3}, "a string"),
        (DEVICE, {"dw_min_log_normal": 1}, "true or false"),
        (DEVICE, {"one_sided": "yes"}, "true or false"),
        (DEVICE, {"refresh_every": 1.0}, "an int"),
        (UPDATE, {"fixed_bl": 1}, "true or false"),
        (UPDATE, {"stochastic_rounding": 0}, "true or false"),
        (UPDATE, {"desired_bl": 3.0}, "an int"),
        (UPDATE, {"update_management": 1}, "true or false"),
        (UPDATE, {"update_bl_management": None}, "true or false"),
    ],
)
def test_values_of_a_wrong_kind(config, changes, rule):
    refuses(TypeError, config, changes, rule)


def refuses(error, config, changes, rule):
    ((name, value),) = changes.items()
    with pytest.raises(error, match=f"^{re.escape(f'{name} must be {rule}, not {value!r}')}$"):
        replace(config, **changes)
