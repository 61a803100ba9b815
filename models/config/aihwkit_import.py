"""Device parameters of aihwkit, as plain dictionaries, as our config; aihwkit is not needed."""

from collections.abc import Mapping
from typing import Any

from models.config.pulsed import PulsedDeviceConfig

COMMON = {
    "corrupt_devices_prob": "stuck_fraction",
    "corrupt_devices_range": "stuck_range",
    "diffusion": "diffusion",
    "diffusion_dtod": "diffusion_dtod",
    "dw_min": "dw_min",
    "dw_min_dtod": "dw_min_dtod",
    "dw_min_dtod_log_normal": "dw_min_log_normal",
    "dw_min_std": "cycle_spread",
    "lifetime": "lifetime",
    "lifetime_dtod": "lifetime_dtod",
    "reset": "reset",
    "reset_dtod": "reset_dtod",
    "reset_std": "reset_std",
    "up_down": "up_down",
    "up_down_dtod": "up_down_dtod",
    "w_max": "w_max",
    "w_max_dtod": "w_max_dtod",
    "w_min": "w_min",
    "w_min_dtod": "w_min_dtod",
    "write_noise_std": "write_noise",
}
OWN = {
    "constant_step": {},
    "linear_step": {
        "gamma_up": "gamma_up",
        "gamma_down": "gamma_down",
        "gamma_up_dtod": "gamma_dtod",
        "mean_bound_reference": "mean_bound_reference",
    },
    "soft_bounds": {},
    "soft_bounds_reference": {
        "slope_up_dtod": "slope_up_dtod",
        "slope_down_dtod": "slope_down_dtod",
        "reference_mean": "reference_mean",
        "reference_std": "reference_std",
        "subtract_symmetry_point": "subtract_symmetry_point",
    },
    "exp_step": {
        "A_up": "exp_gain_up",
        "A_down": "exp_gain_down",
        "gamma_up": "exp_rate_up",
        "gamma_down": "exp_rate_down",
        "a": "exp_slope",
        "b": "exp_offset",
        "dw_min_std_add": "exp_std_add",
        "dw_min_std_slope": "exp_std_slope",
    },
    "power_step": {
        "pow_gamma": "power",
        "pow_gamma_dtod": "power_dtod",
        "pow_up_down": "power_up_down",
        "pow_up_down_dtod": "power_up_down_dtod",
    },
}
CLASSES = {
    "ConstantStepDevice": "constant_step",
    "LinearStepDevice": "linear_step",
    "SoftBoundsDevice": "soft_bounds",
    "SoftBoundsReferenceDevice": "soft_bounds_reference",
    "ExpStepDevice": "exp_step",
    "PowStepDevice": "power_step",
    "ReRamESPresetDevice": "exp_step",
    "ReRamSBPresetDevice": "soft_bounds_reference",
    "ReRamArrayOMPresetDevice": "soft_bounds_reference",
    "ReRamArrayHfO2PresetDevice": "soft_bounds_reference",
    "CapacitorPresetDevice": "linear_step",
    "EcRamPresetDevice": "linear_step",
    "EcRamMOPresetDevice": "linear_step",
    "IdealizedPresetDevice": "constant_step",
    "GokmenVlasovPresetDevice": "constant_step",
    "PCMPresetDevice": "exp_step",
}
PAIRS = ("OneSidedUnitCell", "PCMPresetUnitCell")
NOISY = ("linear_step", "soft_bounds", "soft_bounds_reference")  # with a choice of the noise
# Without effect on the device: seeds, statistics, what programming does (rng of `placed`).
FREE = ("construction_seed", "count_pulses", "apply_write_noise_on_set", "reverse_offset")
# Known, but only with these values.
FIXED = {
    "enforce_consistency": True,
    "perfect_bias": False,
    "allow_increasing": False,
    "reverse_up": False,
    "reverse_down": False,
}
FIXED_DRIFT = {"nu_std": 0.0, "nu_k": 0.0, "g_offset": 0.0, "w_offset": 0.0, "w_noise_std": 0.0}
FREE_DRIFT = ("reset_tol", "wg_ratio", "log_g0", *FIXED_DRIFT)
STUCK_RANGE = 0.1  # default of 1.1.0, tighter than ours


def from_aihwkit(parameters: Mapping[str, Any], name: str | None = None) -> PulsedDeviceConfig:
    """Device of aihwkit 1.1 as a config.

    Parameters
    ----------
    parameters : mapping
        ``dataclasses.asdict`` of a device or preset device of aihwkit, or of a one-sided unit cell
        of two equal ones; missing values are the defaults of the device, not of a preset. Reads
        of a refresh have no error here, whatever ``refresh_forward`` says.
    name : str, optional
        Name of its class; may also stand under the key ``class``. Without it the parameters tell
        the class.

    Raises
    ------
    ValueError
        For a class that is not modelled, an unknown parameter, or one whose value is not modelled.
    """
    values = dict(parameters)
    name = name or values.pop("class", None)
    values.pop("class", None)
    if name is not None and name not in (*CLASSES, *PAIRS):
        raise ValueError(f"class must be one of {', '.join((*CLASSES, *PAIRS))}, not {name!r}")
    if name in PAIRS or (name is None and "unit_cell_devices" in values):
        return PulsedDeviceConfig(**_pair(values), source=f"aihwkit, {name or PAIRS[0]}")
    kind = CLASSES[name] if name else _kind(values)
    return PulsedDeviceConfig(**_device(values, kind), source=f"aihwkit, {name or kind}")


def _kind(values: Mapping[str, Any]) -> str:
    """Kind of device that has such parameters."""
    if "dw_min" not in values:
        raise ValueError(f"class must be given where dw_min is not, not {None!r}")
    if "A_up" in values:
        return "exp_step"
    if "pow_gamma" in values:
        return "power_step"
    if "subtract_symmetry_point" in values:
        return "soft_bounds_reference"
    if "gamma_up" in values:
        return "linear_step"
    return "soft_bounds" if "mult_noise" in values else "constant_step"


def _device(values: dict[str, Any], kind: str) -> dict[str, Any]:
    """Our parameters of one device."""
    names = COMMON | OWN[kind]
    found: dict[str, Any] = {"kind": kind, "stuck_range": STUCK_RANGE}
    found |= _drift(values.pop("drift", {}))
    if kind in NOISY:
        multiplicative = values.pop("mult_noise", kind != "soft_bounds_reference")
        found["cycle_noise"] = "multiplicative" if multiplicative else "additive"
    if kind == "linear_step":
        spread = values.get("gamma_up_dtod", 0.05)
        _must("gamma_down_dtod", values.pop("gamma_down_dtod", 0.05), spread)
    for name, value in values.items():
        if name in FIXED:
            _must(name, value, FIXED[name])
        elif name in names:
            found[names[name]] = value
        elif name not in FREE:
            raise ValueError(f"{name} must be a known parameter of {kind}, not {value!r}")
    return found


def _drift(values: Mapping[str, Any]) -> dict[str, Any]:
    """Our parameters of drift; without an exponent aihwkit ignores all others."""
    for name in values:
        if name not in ("nu", "nu_dtod", "t_0", *FREE_DRIFT):
            raise ValueError(f"drift.{name} must be a known parameter, not {values[name]!r}")
    if not values.get("nu", 0.0):
        return {}
    for name, value in FIXED_DRIFT.items():
        _must(f"drift.{name}", values.get(name, value), value)
    names = {"nu": "drift_nu", "nu_dtod": "drift_nu_dtod", "t_0": "drift_t0"}
    return {names[name]: values[name] for name in names if name in values}


def _pair(values: dict[str, Any]) -> dict[str, Any]:
    """Our parameters of a one-sided unit cell."""
    devices = values.pop("unit_cell_devices", [])
    if len(devices) not in (1, 2) or any(dict(each) != dict(devices[0]) for each in devices):
        raise ValueError(f"unit_cell_devices must be two equal devices, not {devices!r}")
    device = dict(devices[0])
    name = device.pop("class", None)
    found = _device(device, CLASSES[name] if name else _kind(device)) | {"one_sided": True}
    _must("copy_inverted", values.pop("copy_inverted", False), False)
    if values.get("refresh_every"):
        _must("units_in_mbatch", values.get("units_in_mbatch", True), True)
    update = values.pop("refresh_update", {})
    for name in ("update_management", "update_bl_management"):
        _must(f"refresh_update.{name}", update.get(name, True), True)
    names = {
        "refresh_every": "refresh_every",
        "refresh_upper_thres": "refresh_upper",
        "refresh_lower_thres": "refresh_lower",
    }
    for name, value in values.items():
        if name in names:
            found[names[name]] = value
        elif name not in ("refresh_forward", "units_in_mbatch", "construction_seed"):
            raise ValueError(f"{name} must be a known parameter of a unit cell, not {value!r}")
    return found | {"refresh_bl": update.get("desired_bl", 31)}


def _must(name: str, value: Any, wanted: Any) -> None:
    if value != wanted:
        raise ValueError(f"{name} must be {wanted!r}, not {value!r}")
