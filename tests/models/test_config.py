import re
from dataclasses import fields, replace

import pytest

from models.config import presets
from models.config.analog import AdcConfig, DeviceConfig
from models.config.checks import check_float
from models.config.macro import MacroConfig
from models.config.memristor import MappingConfig, MemristorConfig, UpdateConfig
from models.config.network import LayerConfig, NetworkConfig, TrainingConfig
from models.config.tile import TileConfig
from models.config.units import (
    AccumulateThresholdConfig,
    AdcInterfaceConfig,
    LfsrConfig,
    PostProcessConfig,
    RequantizeConfig,
)

CONV_LAYER = {"kind": "conv", "units": 4, "kernel": 3}
# (config, what else it needs, {field: (low, high)}); an int low bound means an int field
NUMBERS = [
    (
        DeviceConfig,
        {"g_min_s": 0.0},
        {
            **{"g_min_s": (0.0, 1.0), "g_max_s": (1e-12, 1.0)},
            **{"states": (2, 100000), "step_spread": (0.0, 2.0), "cycle_spread": (0.0, 10.0)},
            **{"bound_spread": (0.0, 2.0), "asymmetry_spread": (0.0, 2.0)},
            **{"read_noise": (0.0, 2.0), "stuck_fraction": (0.0, 1.0)},
        },
    ),
    (
        AdcConfig,
        {},
        {
            **{"offset_lsb": (0.0, 64.0), "gain_spread": (0.0, 0.2)},
            **{"inl_lsb": (0.0, 8.0), "noise_lsb": (0.0, 64.0)},
        },
    ),
    (
        MacroConfig,
        {"rows": 512, "columns": 512, "dac_bits": 12},
        {
            **{"rows": (2, 1024), "columns": (2, 1024), "adc_count": (2, 256)},
            **{"adc_bits": (2, 12), "dac_bits": (1, 12), "slice_bits": (1, 12)},
            **{"range_count": (1, 16), "count_width": (1, 8), "settle_cycles": (1, 255)},
        },
    ),
    (
        MappingConfig,
        {},
        {
            **{"weight_range": (0.5, 16.0), "gain_fraction_bits": (0, 12)},
            **{"random_bits": (1, 16)},
        },
    ),
    (
        UpdateConfig,
        {},
        {"chi_width": (32, 48), "chunk": (1, 1024), "threshold": (0.1, 100.0)},
    ),
    (LayerConfig, CONV_LAYER, {"units": (1, 65536), "kernel": (1, 64), "padding": (0, 16)}),
    (
        LayerConfig,
        {"kind": "relu"},
        {"units": (0, 0), "kernel": (0, 0), "padding": (0, 0)},
    ),
    (
        LayerConfig,
        {"kind": "maxpool", "kernel": 2},
        {"units": (0, 0), "kernel": (1, 64), "padding": (0, 0)},
    ),
    (
        LayerConfig,
        {"kind": "linear", "units": 2},
        {"units": (1, 65536), "kernel": (0, 0), "padding": (0, 0)},
    ),
    (
        TrainingConfig,
        {},
        {
            **{"epochs": (1, 10000), "batch_size": (1, 4096), "learning_rate": (1e-06, 10.0)},
            **{"momentum": (0.0, 0.999), "decay": (0.001, 1.0)},
            **{"train_samples": (0, 10**9), "test_samples": (0, 10**9)},
        },
    ),
    (
        TileConfig,
        {},
        {"gain_fraction_bits": (0, 12), "random_bits": (1, 16), "sum_width": (26, 40)},
    ),
    (RequantizeConfig, {}, {"code_width": (2, 48), "random_bits": (1, 16)}),
    (
        PostProcessConfig,
        {},
        {"sum_width": (8, 48), "code_width": (2, 16), "random_bits": (1, 16)},
    ),
    (
        AdcInterfaceConfig,
        {"dac_bits": 12},
        {
            **{"adc_count": (2, 256), "adc_bits": (2, 12), "group_count": (1, 256)},
            **{"dac_bits": (1, 12), "slice_bits": (1, 12), "gain_fraction_bits": (0, 12)},
        },
    ),
    (
        AccumulateThresholdConfig,
        {"chunk": 1},
        {
            **{"code_width": (2, 12), "chi_width": (16, 48), "acc_width": (8, 48)},
            **{"count_width": (1, 8), "chunk": (1, 4096)},
        },
    ),
    (LfsrConfig, {}, {"width": (16, 32), "word_bits": (1, 16)}),
]
CASES = [(kind, base, name, bounds) for kind, base, row in NUMBERS for name, bounds in row.items()]
IDS = [f"{kind.__name__}-{name}-{n}" for n, (kind, _, name, _) in enumerate(CASES)]

BOOLS = [
    (MappingConfig, "stochastic_error"),
    (MappingConfig, "calibrated"),
    (UpdateConfig, "keep_remainder"),
    (AccumulateThresholdConfig, "keep_remainder"),
]
CHOICES = [
    (LayerConfig, "kind", "conv, linear, relu, tanh, maxpool, avgpool"),
    (UpdateConfig, "variant", "fixed, bf16"),
    (UpdateConfig, "scheme", "push_pull, plus_only"),
    (TileConfig, "scheme", "push_pull, plus_only"),
    (AccumulateThresholdConfig, "variant", "fixed, bf16"),
]


def refuses(kind, error, message, /, **values):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        kind(**values)


@pytest.mark.parametrize(("kind", "base", "name", "bounds"), CASES, ids=IDS)
def test_numbers_of_a_wrong_kind_or_out_of_range(kind, base, name, bounds):
    low, high = bounds
    what = "an int" if isinstance(low, int) else "a number"
    wrong = ("1", None, True, 1.5) if isinstance(low, int) else ("1", None, True)
    for value in wrong:
        refuses(kind, TypeError, f"{name} must be {what}, not {value!r}", **base | {name: value})
    step = 1 if isinstance(low, int) else high / 1000
    beyond = [low - step, high + step] + [float("nan"), float("inf")] * isinstance(low, float)
    shown = (low, high) if isinstance(low, int) else (f"{low:g}", f"{high:g}")
    for value in beyond:
        message = f"{name} must be between {shown[0]} and {shown[1]}, not {value!r}"
        refuses(kind, ValueError, message, **base | {name: value})


def test_every_number_of_every_config_is_in_the_table():
    covered = {(kind, name) for kind, _, name, _ in CASES}
    covered |= set(BOOLS) | {(kind, name) for kind, name, _ in CHOICES}
    for kind in {kind for kind, *_ in CASES}:
        for field in fields(kind):
            if field.name not in ("source", "milestones", "macro", "update", "format"):
                assert (kind, field.name) in covered


def test_both_ends_of_a_range_are_allowed():
    for value in (0.5, 16.0, 16):
        assert MappingConfig(weight_range=value).weight_range == value
    check_float("x", 0.0, 0.0, 0.0)
    for value in (2, 48):
        assert RequantizeConfig(code_width=value).code_width == value


@pytest.mark.parametrize(("kind", "name"), BOOLS)
def test_switches(kind, name):
    for value in (1, "true", None):
        refuses(kind, TypeError, f"{name} must be true or false, not {value!r}", **{name: value})


@pytest.mark.parametrize(("kind", "name", "known"), CHOICES)
def test_choices(kind, name, known):
    refuses(kind, TypeError, f"{name} must be a string, not 3", **{name: 3})
    refuses(kind, ValueError, f"{name} must be one of {known}, not 'cnv'", **{name: "cnv"})


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        (
            DeviceConfig,
            {"g_min_s": 0.5, "g_max_s": 0.5},
            "g_max_s must be above g_min_s 0.5, not 0.5",
        ),
        (MacroConfig, {"adc_count": 3}, "adc_count must be a multiple of 2, not 3"),
        (MacroConfig, {"rows": 48}, "rows must be a multiple of 32, not 48"),
        (MacroConfig, {"columns": 48}, "columns must be a multiple of 32, not 48"),
        (
            MacroConfig,
            {"dac_bits": 2, "slice_bits": 3},
            "slice_bits must be between 1 and 2, not 3",
        ),
        (AdcInterfaceConfig, {"adc_count": 5}, "adc_count must be even, not 5"),
        (LfsrConfig, {"width": 17}, "width must be one of 16, 24, 32, not 17"),
        (
            AccumulateThresholdConfig,
            {"acc_width": 22},
            "acc_width must be at least 23 for chunk 64, not 22",
        ),
        (
            TileConfig,
            {"macro": MacroConfig(dac_bits=7)},
            "update.code_width must be the macro's 8, not 9",
        ),
        (
            TileConfig,
            {"macro": MacroConfig(count_width=3)},
            "update.count_width must be the macro's 3, not 4",
        ),
        (TrainingConfig, {"milestones": (0.7, 0.2)}, "milestones must be rising, not (0.7, 0.2)"),
        (TrainingConfig, {"milestones": (1.5,)}, "milestones must be between 0 and 1, not 1.5"),
    ],
)
def test_rules_between_values(kind, values, message):
    refuses(kind, ValueError, message, **values)


@pytest.mark.parametrize("name", [field.name for field in fields(MemristorConfig)])
def test_parts_of_a_wrong_kind(name):
    parts = {
        field.name: getattr(presets.memristor(), field.name) for field in fields(MemristorConfig)
    }
    wanted = type(parts[name]).__name__
    refuses(MemristorConfig, TypeError, f"{name} must be a {wanted}, not 3", **parts | {name: 3})


def test_other_wrong_kinds():
    for name, wanted in (("macro", "MacroConfig"), ("update", "AccumulateThresholdConfig")):
        refuses(TileConfig, TypeError, f"{name} must be a {wanted}, not {{}}", **{name: {}})
    refuses(RequantizeConfig, TypeError, "format must be a FloatFormat, not 'BF16'", format="BF16")
    message = "milestones must be a tuple, not [0.5]"
    refuses(TrainingConfig, TypeError, message, milestones=[0.5])
    refuses(DeviceConfig, TypeError, "source must be a string, not 3", source=3)
    refuses(TrainingConfig, TypeError, "milestones must be a number, not '1'", milestones=("1",))


def test_derived_numbers():
    assert DeviceConfig(g_min_s=0.25, g_max_s=0.75).pedestal == 0.5
    macro = MacroConfig(rows=64, columns=128, adc_count=32, dac_bits=8, slice_bits=3)
    assert (macro.pairs, macro.lines, macro.group_count) == (64, 128, 4)
    assert (macro.slice_count, macro.code_width) == (3, 9)
    assert sum(width for _, width in macro.program_fields()) == 6 + 7 + 1 + 4
    widths = {pin.name: pin.width for pin in macro.pins()}
    assert (widths["drive"], widths["mux"], widths["trial"]) == (128 * 3, 2, 32 * 8)
    schedule = TrainingConfig(learning_rate=1.0, decay=0.5, milestones=(0.5, 0.75))
    assert [schedule.rate(step, 8) for step in range(8)] == [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25]


@pytest.mark.parametrize("shape", [(1, 8, 8), (1, 28, 28), (3, 32, 32)])
def test_the_default_configuration_fits_its_images(shape):
    config = presets.memristor(shape)
    assert config.network.input_shape == shape
    assert config.network.shapes()[-1] == (10,)
    assert hash(config) == hash(presets.memristor(shape))
    assert config.tile.macro is config.macro


def test_no_configuration_for_other_images():
    message = "input_shape must be that of a known data set, not (1, 9, 9)"
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        presets.memristor((1, 9, 9))


def test_presets():
    for table, kind in (
        (presets.NETWORKS, NetworkConfig),
        (presets.DEVICES, DeviceConfig),
        (presets.MACROS, MacroConfig),
        (presets.ADCS, AdcConfig),
    ):
        assert all(type(value) is kind for value in table.values())
        assert all(replace(value) == value for value in table.values())
    assert all(network.name == name for name, network in presets.NETWORKS.items())
    assert all(device.source for device in presets.DEVICES.values())
    assert presets.ADCS["ideal"] == AdcConfig(
        offset_lsb=0.0, gain_spread=0.0, inl_lsb=0.0, noise_lsb=0.0
    )
