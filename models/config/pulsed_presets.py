"""Named pulsed devices, each with its source and how sure it is.

Numbers are those of aihwkit's presets (1.1.0, confirmed in its code); how well they fit the devices
of the papers that the presets name was not checked here.
"""

from typing import Any

from models.config.pulsed import PulsedDeviceConfig

_STUCK: dict[str, Any] = {"stuck_range": 0.1}  # no stuck devices in any preset; where they would be
_FIT = "; parameters confirmed in aihwkit 1.1.0, the fit to the device is theirs"
_ARRAY: dict[str, Any] = {
    "kind": "soft_bounds_reference",
    "dw_min_log_normal": True,
    "w_max": 1.0,
    "w_min": -1.0,
    "cycle_noise": "additive",
    "reference_std": 0.05,
    "subtract_symmetry_point": True,
    "stuck_range": 0.01,
}
_GOKMEN: dict[str, Any] = {"kind": "constant_step", "w_max": 1.0, "w_min": -1.0} | _STUCK
_ECRAM: dict[str, Any] = {
    "kind": "linear_step",
    "dw_min_dtod": 0.1,
    "w_max_dtod": 0.05,
    "w_min_dtod": 0.05,
} | _STUCK

PULSED_DEVICES = {
    "reram_es": PulsedDeviceConfig(
        kind="exp_step",
        dw_min=0.00135,
        w_max=1.0,
        w_min=-1.0,
        dw_min_dtod=0.2,
        up_down=0.259359,
        up_down_dtod=0.05,
        exp_gain_up=-1.18445,
        exp_gain_down=-0.081404,
        exp_rate_up=5.0,
        exp_rate_down=5.0,
        exp_slope=-0.5,
        exp_offset=-0.5,
        cycle_spread=5.0,
        write_noise=75.0,
        **_STUCK,
        source="aihwkit ReRamESPresetDevice, ReRAM of Gong et al., Nat. Commun. 2018" + _FIT,
    ),
    "reram_sb": PulsedDeviceConfig(
        kind="soft_bounds_reference",
        dw_min=0.002,
        w_max=1.25,
        w_min=-0.75,
        w_max_dtod=0.24,
        w_min_dtod=0.4,
        cycle_spread=3.75,
        cycle_noise="additive",
        write_noise=56.0,
        **_STUCK,
        source="aihwkit ReRamSBPresetDevice, loose fit to Gong et al., Nat. Commun. 2018, at its "
        "symmetry point" + _FIT,
    ),
    "reram_array_om": PulsedDeviceConfig(
        dw_min=0.0949,
        dw_min_dtod=0.7829,
        w_max_dtod=0.3499,
        w_min_dtod=0.5695,
        cycle_spread=0.4158,
        write_noise=1.4113,
        **_ARRAY,
        source="aihwkit ReRamArrayOMPresetDevice, ReRAM array with optimised material" + _FIT,
    ),
    "reram_array_hfo2": PulsedDeviceConfig(
        dw_min=0.4622,
        dw_min_dtod=0.7125,
        w_max_dtod=0.4295,
        w_min_dtod=0.599,
        cycle_spread=0.2174,
        write_noise=0.5841,
        **_ARRAY,
        source="aihwkit ReRamArrayHfO2PresetDevice, ReRAM array of HfO2" + _FIT,
    ),
    "capacitor": PulsedDeviceConfig(
        kind="linear_step",
        dw_min=0.005,
        w_max=1.0,
        w_min=-1.0,
        dw_min_dtod=0.1,
        w_max_dtod=0.07,
        w_min_dtod=0.07,
        up_down_dtod=0.06,
        gamma_up=0.05,
        gamma_down=0.05,
        gamma_dtod=0.01,
        cycle_noise="additive",
        lifetime=1e6,
        lifetime_dtod=0.3,
        **_STUCK,
        source="aihwkit CapacitorPresetDevice, Li et al., VLSI 2018; the lifetime in mini-batches "
        "is an assumption" + _FIT,
    ),
    "ecram": PulsedDeviceConfig(
        dw_min=0.002,
        w_max=1.1724,
        w_min=-0.8276,
        gamma_up=0.1153,
        gamma_down=0.5085,
        **_ECRAM,
        source="aihwkit EcRamPresetDevice, Li ECRAM of Tang et al., IEDM 2018" + _FIT,
    ),
    "ecram_mo": PulsedDeviceConfig(
        dw_min=2.8214e-4,
        w_max=1.1714,
        w_min=-0.8286,
        gamma_up=0.4152,
        gamma_down=0.7342,
        cycle_spread=2.0,
        **_ECRAM,
        source="aihwkit EcRamMOPresetDevice, metal-oxide ECRAM of Kim et al., IEDM 2019" + _FIT,
    ),
    "idealized": PulsedDeviceConfig(
        dw_min=0.0002,
        up_down_dtod=0.0,
        **_GOKMEN,
        source="aihwkit IdealizedPresetDevice: Gokmen & Vlasov 2016 with 10,000 states and no "
        "asymmetry" + _FIT,
    ),
    "gokmen_vlasov": PulsedDeviceConfig(
        dw_min=0.0016,
        **_GOKMEN,
        source="aihwkit GokmenVlasovPresetDevice: Gokmen & Vlasov, Front. Neurosci. 2016, scaled "
        "to a range of 2" + _FIT,
    ),
    "pcm": PulsedDeviceConfig(
        kind="exp_step",
        one_sided=True,
        refresh_every=1,
        dw_min=0.01,
        w_max=2.0,
        w_min=0.0,
        dw_min_dtod=0.2,
        w_max_dtod=0.1,
        w_min_dtod=0.0,
        up_down_dtod=0.05,
        exp_gain_up=-27.235,
        exp_gain_down=-2.235,
        exp_rate_up=2.5,
        exp_rate_down=2.5,
        exp_slope=-1.0,
        exp_offset=0.0,
        exp_std_add=0.042,
        exp_std_slope=0.108,
        cycle_spread=0.6,
        reset=0.01,
        reset_dtod=0.02,
        **_STUCK,
        source="aihwkit PCMPresetUnitCell, one-sided pair refreshed each mini-batch; Nandakumar et "
        "al., Front. Neurosci. 2020" + _FIT,
    ),
    # The devices of the offset experiment: 2 / dw_min states, additive noise (papers.md E3, E4).
    "softbounds_20": PulsedDeviceConfig(
        kind="soft_bounds_reference",
        dw_min=0.1,
        w_max=1.0,
        w_min=-1.0,
        up_down_dtod=0.1,
        cycle_noise="additive",
        source="20 states on a range of 2, asymmetry 0.1 (caption of Fig. 4, Rasch et al. 2024); "
        "spreads of 0.3 of steps, cycles and bounds are our own choice, theirs are not known",
    ),
}
