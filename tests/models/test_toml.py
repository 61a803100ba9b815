import re
import subprocess
import sys
from dataclasses import replace

import pytest

from models.config import presets
from models.config.analog import DeviceConfig
from models.config.tile import TileConfig
from models.config.toml import (
    ConfigError,
    config_hash,
    dumps,
    overridden,
    parse_override,
    read,
    to_dict,
)
from models.config.units import AccumulateThresholdConfig

BASE = presets.memristor()
TABLES = (presets.NETWORKS, presets.DEVICES, presets.MACROS, presets.ADCS)
SYSTEMS = {str(s): presets.memristor(s) for s in ((1, 8, 8), (1, 28, 28), (3, 32, 32))}
PRESETS = {name: value for table in (*TABLES, SYSTEMS) for name, value in table.items()}
CHANGED = replace(
    BASE,
    training=replace(BASE.training, milestones=(0.1, 0.2, 0.9), learning_rate=1e-05),
    update=replace(BASE.update, variant="bf16", keep_remainder=False, threshold=2.5),
    device=replace(BASE.device, source='a "quoted" \\ source\nof two lines, \u00b5S'),
)


def refuses(values, message, config=BASE):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        overridden(config, values)


def other(config):
    """Another config of the same kind, to be overridden."""
    return next(value for value in (*PRESETS.values(), CHANGED) if type(value) is type(config))


@pytest.mark.parametrize("name", PRESETS)
def test_what_is_written_reads_back_equal(name, tmp_path):
    config = PRESETS[name]
    path = tmp_path / "config.toml"
    path.write_text(dumps(config), encoding="utf-8")
    found = overridden(other(config), read(path))
    assert found == config
    assert hash(found) == hash(config)
    assert config_hash(found) == config_hash(config)


def test_every_kind_of_value_reads_back_equal(tmp_path):
    path = tmp_path / "config.toml"
    path.write_text(dumps(CHANGED), encoding="utf-8")
    assert overridden(BASE, read(path)) == CHANGED


def test_nested_configs_with_defaults_read_back_equal(tmp_path):
    config = TileConfig(update=AccumulateThresholdConfig(variant="bf16"), scheme="plus_only")
    path = tmp_path / "tile.toml"
    path.write_text(dumps(config), encoding="utf-8")
    assert overridden(TileConfig(), read(path)) == config


def test_an_override_changes_only_what_it_names():
    found = overridden(BASE, {"macro": {"adc_bits": 6}, "device": {"read_noise": 0}})
    macro, device = replace(BASE.macro, adc_bits=6), replace(BASE.device, read_noise=0.0)
    assert found == replace(BASE, macro=macro, device=device)
    assert type(found.device.read_noise) is float
    assert BASE.macro.adc_bits == 8


def test_lists_replace_tuples_whole():
    found = overridden(BASE, {"training": {"milestones": [0, 0.5]}})
    assert found.training.milestones == (0.0, 0.5)
    assert type(found.training.milestones[0]) is float
    assert overridden(BASE, {"training": {"milestones": []}}).training.milestones == ()


def test_a_list_of_tables_replaces_the_layers():
    layers = [{"kind": "linear", "units": 12}, {"kind": "relu"}, {"kind": "linear", "units": 10}]
    found = overridden(BASE, {"network": {"layers": layers}})
    assert [(layer.kind, layer.units) for layer in found.network.layers] == [
        ("linear", 12),
        ("relu", 0),
        ("linear", 10),
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"macro": {"adc_bit": 6}}, "unknown name macro.adc_bit: did you mean macro.adc_bits?"),
        ({"devise": {}}, "unknown name devise: did you mean device?"),
        (
            {"adc": {"xyz": 1}},
            "unknown name adc.xyz: known are offset_lsb, gain_spread, inl_lsb, noise_lsb",
        ),
        ({"macro": 3}, "macro must be a table, not 3"),
        ({"macro": {"adc_bits": 13}}, "macro.adc_bits must be between 2 and 12, not 13"),
        ({"macro": {"adc_bits": 6.0}}, "macro.adc_bits must be an int, not 6.0"),
        ({"macro": {"adc_bits": True}}, "macro.adc_bits must be an int, not True"),
        ({"device": {"read_noise": "low"}}, "device.read_noise must be a number, not 'low'"),
        ({"device": {"read_noise": True}}, "device.read_noise must be a number, not True"),
        ({"update": {"variant": "f16"}}, "update.variant must be one of fixed, bf16, not 'f16'"),
        ({"training": {"milestones": 0.5}}, "training.milestones must be a list, not 0.5"),
        (
            {"training": {"milestones": [0.9, 0.5]}},
            "training.milestones must be rising, not (0.9, 0.5)",
        ),
        ({"network": {"input_shape": [1, 8]}}, "network.input_shape must be 3 numbers, not (1, 8)"),
        ({"network": {"layers": "linear"}}, "network.layers must be a list, not 'linear'"),
        ({"network": {"layers": [3]}}, "network.layers[0] must be a table, not 3"),
        (
            {"network": {"layers": [{"kind": "linear", "unit": 3}]}},
            "unknown name network.layers[0].unit: did you mean network.layers[0].units?",
        ),
        (
            {"network": {"layers": [{"kind": "linear", "units": 0}]}},
            "network.layers[0].units must be between 1 and 65536, not 0",
        ),
        (
            {"network": {"layers": [{"kind": "relu"}, {"kind": "linear", "units": 10}]}},
            "network.layers[0].kind must be a supported step after the input "
            "(conv or linear, then relu, then maxpool), not 'relu'",
        ),
    ],
)
def test_errors_name_the_dotted_name(values, message):
    refuses(values, message)


def test_a_table_of_a_list_must_be_complete():
    with pytest.raises(ConfigError, match=r"^network\.layers\[0\]\..*'kind'$"):
        overridden(BASE, {"network": {"layers": [{"units": 3}]}})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a.b.c=6", {"a": {"b": {"c": 6}}}),
        ("a=-1.5e-3", {"a": -1.5e-3}),
        (" a.b = true", {"a": {"b": True}}),
        ("a=plus_only", {"a": "plus_only"}),
        ("a= two words ", {"a": "two words"}),
        ('a="6"', {"a": "6"}),
        ("a=[0.5, 0.75]", {"a": [0.5, 0.75]}),
        ("a=[{kind='relu'}]", {"a": [{"kind": "relu"}]}),
        ("a=b=c", {"a": "b=c"}),
        ("a=", {"a": ""}),
    ],
)
def test_overrides(text, value):
    assert parse_override(text) == value


@pytest.mark.parametrize("text", ["", "a", "=3", "a..b=3", ".a=3", "a.=3"])
def test_overrides_that_are_none(text):
    with pytest.raises(
        ConfigError, match=f"^{re.escape(f'--set must be NAME=VALUE, not {text!r}')}$"
    ):
        parse_override(text)


def test_files_that_cannot_be_used(tmp_path):
    path = tmp_path / "none.toml"
    with pytest.raises(
        ConfigError, match=r"none\.toml: cannot be read: No such file or directory$"
    ):
        read(path)
    for content in (b"a = ", b"\xff\xfe"):
        path.write_bytes(content)
        with pytest.raises(ConfigError, match=rf"^{re.escape(str(path))}: must be TOML: "):
            read(path)


def test_equal_configs_have_one_hash_in_every_process():
    code = (
        "from models.config.presets import memristor\n"
        "from models.config.toml import config_hash\n"
        "print(config_hash(memristor()))"
    )
    command = [sys.executable, "-c", code]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    assert found == config_hash(presets.memristor()) == config_hash(BASE)
    assert re.fullmatch("[0-9a-f]{16}", found)


def test_the_hash_of_a_known_config():
    """By hand: sha256sum of the JSON of the values, sorted by name, without spaces."""
    assert config_hash(presets.ADCS["ideal"]) == "512c0e584877315b"


CHANGES = [
    *("network.name=x", "network.input_shape=[1, 8, 9]", "training.milestones=[0.5]"),
    *("training.epochs=77", "training.decay=0.31", "macro.rows=512", "macro.columns=512"),
    *("macro.adc_bits=7", "macro.slice_bits=2", "device.states=127", "device.source=x"),
    *("device.read_noise=0.0050000001", "adc.noise_lsb=0", "mapping.calibrated=false"),
    *("mapping.stochastic_error=false", "update.variant=bf16", "update.keep_remainder=false"),
    *("update.threshold=1.01", "update.scheme=plus_only", "update.chunk=63"),
]


def test_every_change_changes_the_hash():
    hashes = {config_hash(overridden(BASE, parse_override(text))) for text in CHANGES}
    assert len(hashes | {config_hash(BASE)}) == len(CHANGES) + 1


def test_values_are_plain():
    assert to_dict(BASE)["training"]["milestones"] == [0.5, 0.75]
    assert to_dict(BASE)["network"]["layers"][0]["kind"] == "conv"


def test_a_device_of_a_preset_is_told_from_another():
    hashes = {config_hash(device) for device in presets.DEVICES.values()}
    assert len(hashes) == len(presets.DEVICES)
    assert config_hash(DeviceConfig()) == config_hash(presets.DEVICES["bulk"])
