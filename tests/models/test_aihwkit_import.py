import re
from dataclasses import replace

import pytest

from models.config.aihwkit_import import from_aihwkit
from models.config.pulsed import PulsedDeviceConfig
from models.config.pulsed_presets import PULSED_DEVICES

# As dataclasses.asdict gives them in aihwkit 1.1.0.
DRIFT = {
    **{"nu": 0.0, "t_0": 1.0, "reset_tol": 1e-07, "nu_dtod": 0.0, "nu_std": 0.0, "wg_ratio": 1.0},
    **{"g_offset": 0.0, "w_offset": 0.0, "nu_k": 0.0, "log_g0": 0.0, "w_noise_std": 0.0},
}
BASE = {
    **{"construction_seed": 0, "corrupt_devices_prob": 0.0, "corrupt_devices_range": 0.1},
    **{"diffusion": 0.0, "diffusion_dtod": 0.0, "drift": DRIFT, "dw_min": 0.001},
    **{"dw_min_dtod": 0.3, "dw_min_dtod_log_normal": False, "dw_min_std": 0.3},
    **{"enforce_consistency": True, "lifetime": 0.0, "lifetime_dtod": 0.0, "perfect_bias": False},
    **{"reset": 0.0, "reset_dtod": 0.0, "reset_std": 0.01, "up_down": 0.0, "up_down_dtod": 0.01},
    **{"w_max": 0.6, "w_max_dtod": 0.3, "w_min": -0.6, "w_min_dtod": 0.3, "count_pulses": False},
}
WRITE = {"write_noise_std": 0.0, "apply_write_noise_on_set": True}
REVERSE = {"reverse_up": False, "reverse_down": False, "reverse_offset": 0.01}
LINEAR = BASE | {
    **{"gamma_up": 0.0, "gamma_down": 0.0, "gamma_up_dtod": 0.05, "gamma_down_dtod": 0.05},
    **{"allow_increasing": False, "mean_bound_reference": True, "mult_noise": True},
    **WRITE,
    **REVERSE,
}
SOFT = BASE | {"mult_noise": True} | WRITE | REVERSE
REFERENCE = BASE | {
    **{"mult_noise": False, **WRITE, "slope_up_dtod": 0.0, "slope_down_dtod": 0.0},
    **{"reference_mean": 0.0, "reference_std": 0.0, "subtract_symmetry_point": False},
}
EXPONENTIAL = BASE | {
    **{"A_up": 0.00081, "A_down": 0.36833, "gamma_up": 12.44625, "gamma_down": 12.78785},
    **{"a": 0.244, "b": 0.2425, "dw_min_std_add": 0.0, "dw_min_std_slope": 0.0, **WRITE},
}
POWER = BASE | WRITE | {"pow_gamma": 1.0, "pow_gamma_dtod": 0.1, "pow_up_down": 0.0}
POWER |= {"pow_up_down_dtod": 0.0}
RERAM_ES = EXPONENTIAL | {
    **{"dw_min": 0.00135, "dw_min_dtod": 0.2, "dw_min_std": 5.0, "up_down": 0.259359},
    **{"up_down_dtod": 0.05, "w_max": 1.0, "w_min": -1.0, "A_up": -1.18445, "A_down": -0.081404},
    **{"gamma_up": 5.0, "gamma_down": 5.0, "a": -0.5, "b": -0.5, "write_noise_std": 75.0},
}
RERAM_SB = REFERENCE | {
    **{"dw_min": 0.002, "dw_min_std": 3.75, "w_max": 1.25, "w_max_dtod": 0.24, "w_min": -0.75},
    **{"w_min_dtod": 0.4, "write_noise_std": 56},
}
RERAM_OM = REFERENCE | {
    **{"corrupt_devices_range": 0.01, "dw_min": 0.0949, "dw_min_dtod": 0.7829},
    **{"dw_min_dtod_log_normal": True, "dw_min_std": 0.4158, "w_max": 1.0, "w_max_dtod": 0.3499},
    **{"w_min": -1.0, "w_min_dtod": 0.5695, "write_noise_std": 1.4113, "reference_std": 0.05},
    **{"subtract_symmetry_point": True},
}
CAPACITOR = LINEAR | {
    **{"dw_min": 0.005, "dw_min_dtod": 0.1, "lifetime": 1e6, "lifetime_dtod": 0.3},
    **{"up_down_dtod": 0.06, "w_max": 1.0, "w_max_dtod": 0.07, "w_min": -1.0, "w_min_dtod": 0.07},
    **{"gamma_up": 0.05, "gamma_down": 0.05, "gamma_up_dtod": 0.01, "gamma_down_dtod": 0.01},
    **{"mult_noise": False},
}
GOKMEN = BASE | {"dw_min": 0.0016, "w_max": 1.0, "w_min": -1.0}
PCM_DEVICE = EXPONENTIAL | {
    **{"dw_min": 0.01, "dw_min_dtod": 0.2, "dw_min_std": 0.6, "reset": 0.01, "reset_dtod": 0.02},
    **{"up_down_dtod": 0.05, "w_max": 2.0, "w_max_dtod": 0.1, "w_min": 0.0, "w_min_dtod": 0.0},
    **{"A_up": -27.235, "A_down": -2.235, "gamma_up": 2.5, "gamma_down": 2.5, "a": -1.0, "b": 0.0},
    **{"dw_min_std_add": 0.042, "dw_min_std_slope": 0.108},
}
UPDATE = {"desired_bl": 31, "update_management": True, "update_bl_management": True}
PCM = {
    **{"unit_cell_devices": [PCM_DEVICE, dict(PCM_DEVICE)], "construction_seed": 0},
    **{"refresh_every": 1, "units_in_mbatch": True, "refresh_upper_thres": 0.75},
    **{"refresh_lower_thres": 0.25, "refresh_forward": {"inp_res": 0.01}, "copy_inverted": False},
    "refresh_update": UPDATE,
}


@pytest.mark.parametrize(
    ("name", "parameters", "preset"),
    [
        ("ReRamESPresetDevice", RERAM_ES, "reram_es"),
        ("ReRamSBPresetDevice", RERAM_SB, "reram_sb"),
        ("ReRamArrayOMPresetDevice", RERAM_OM, "reram_array_om"),
        ("CapacitorPresetDevice", CAPACITOR, "capacitor"),
        ("GokmenVlasovPresetDevice", GOKMEN, "gokmen_vlasov"),
        ("PCMPresetUnitCell", PCM, "pcm"),
    ],
)
def test_presets_come_out_as_ours(name, parameters, preset):
    wanted = PULSED_DEVICES[preset]
    for found in (
        from_aihwkit(parameters, name),
        from_aihwkit({"class": name} | parameters),
        from_aihwkit(parameters),
    ):
        assert replace(found, source=wanted.source) == wanted
    assert from_aihwkit(parameters, name).source == f"aihwkit, {name}"


@pytest.mark.parametrize(
    ("name", "parameters", "kind"),
    [
        ("ConstantStepDevice", BASE, "constant_step"),
        ("LinearStepDevice", LINEAR, "linear_step"),
        ("SoftBoundsDevice", SOFT, "soft_bounds"),
        ("SoftBoundsReferenceDevice", REFERENCE, "soft_bounds_reference"),
        ("ExpStepDevice", EXPONENTIAL, "exp_step"),
        ("PowStepDevice", POWER, "power_step"),
    ],
)
def test_defaults_of_aihwkit_are_ours(name, parameters, kind):
    noise = "additive" if kind == "soft_bounds_reference" else "multiplicative"
    wanted = PulsedDeviceConfig(
        kind=kind, stuck_range=0.1, cycle_noise=noise, source=f"aihwkit, {name}"
    )
    assert from_aihwkit(parameters, name) == wanted
    assert from_aihwkit({}, name) == wanted


def test_drift_and_a_partial_dictionary():
    found = from_aihwkit({"drift": {"nu": 0.1, "t_0": 3.0, "nu_dtod": 0.2}}, "SoftBoundsDevice")
    assert (found.drift_nu, found.drift_t0, found.drift_nu_dtod) == (0.1, 3.0, 0.2)
    still = from_aihwkit({"drift": {"nu": 0.0, "w_noise_std": 0.2}}, "SoftBoundsDevice")
    assert still.drift_nu == 0


def test_refresh_of_a_pair():
    changed = {"refresh_every": 3, "refresh_upper_thres": 0.9, "refresh_lower_thres": 0.1}
    found = from_aihwkit(PCM | changed | {"refresh_update": UPDATE | {"desired_bl": 7}})
    assert (found.refresh_every, found.refresh_upper, found.refresh_lower) == (3, 0.9, 0.1)
    assert (found.one_sided, found.refresh_bl) == (True, 7)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("LinearStepDevice", {"gamma_down_dtod": 0.1}, "gamma_down_dtod must be 0.05, not 0.1"),
        ("LinearStepDevice", {"reverse_up": True}, "reverse_up must be False, not True"),
        (
            "LinearStepDevice",
            {"allow_increasing": True},
            "allow_increasing must be False, not True",
        ),
        (
            "SoftBoundsDevice",
            {"enforce_consistency": False},
            "enforce_consistency must be True, not",
        ),
        ("SoftBoundsDevice", {"perfect_bias": True}, "perfect_bias must be False, not True"),
        ("SoftBoundsDevice", {"p_max": 3}, "p_max must be a known parameter of soft_bounds, not 3"),
        ("ExpStepDevice", {"drift": {"nu": 1, "nu_k": 2}}, "drift.nu_k must be 0.0, not 2"),
        ("ExpStepDevice", {"drift": {"mu": 1}}, "drift.mu must be a known parameter, not 1"),
        ("VectorUnitCell", {}, "class must be one of ConstantStepDevice, "),
        ("SoftBoundsDevice", {"w_max": -1.0}, "w_max must be between 0.001 and 1000, not -1.0"),
        (None, {"diffusion": 0.0}, "class must be given where dw_min is not, not None"),
        (None, PCM | {"copy_inverted": True}, "copy_inverted must be False, not True"),
        (None, PCM | {"units_in_mbatch": False}, "units_in_mbatch must be True, not False"),
        (None, PCM | {"extra": 1}, "extra must be a known parameter of a unit cell, not 1"),
        (
            None,
            PCM | {"refresh_update": {"update_management": False}},
            "refresh_update.update_management must be True, not False",
        ),
        (None, {"unit_cell_devices": []}, "unit_cell_devices must be two equal devices, not []"),
        (
            None,
            PCM | {"unit_cell_devices": [PCM_DEVICE, BASE]},
            "unit_cell_devices must be two equal devices, not [",
        ),
    ],
)
def test_what_is_not_modelled(name, parameters, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        from_aihwkit(parameters, name)


def test_the_given_parameters_stay_as_they_are():
    parameters = {"class": "LinearStepDevice", **LINEAR}
    before = repr(parameters)
    from_aihwkit(parameters)
    assert repr(parameters) == before
