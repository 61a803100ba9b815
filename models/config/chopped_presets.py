"""Named presets of pulsed training, each with its source, and its default configuration."""

from dataclasses import replace
from typing import Any

from models.config import mvm_presets
from models.config.chopped import ChoppedConfig, SchemeConfig
from models.config.network import TrainingConfig
from models.config.presets import NETWORKS
from models.config.pulsed import PulsedUpdateConfig

Values = dict[str, Any]


def _scheme(algorithm: str, desired_bl: int, **values: Any) -> Values:
    """Nested values of a configuration."""
    return {
        "scheme": {"algorithm": algorithm} | values,
        "update": {"desired_bl": desired_bl},
    }


# papers.md E3.3: read in aihwkit's build_config and in its configuration presets.
_PRESETS: dict[str, tuple[Values, str]] = {
    "sgd": (_scheme("sgd", 5), "stochastic pulsed updates of the weights themselves, trains of 5"),
    "ttv1": (
        _scheme("ttv1", 5, fast_lr=0.1),
        "Gokmen and Haensch, Front. Neurosci. 14:103, 2020; fast_lr of aihwkit's build_config",
    ),
    "ttv2": (
        _scheme("ttv2", 5, fast_lr=0.1, auto_granularity=1000.0),
        "Gokmen, Front. Artif. Intell. 4:699148, 2021; numbers of aihwkit's build_config",
    ),
    "cttv2": (
        _scheme("cttv2", 5, fast_lr=0.1, auto_granularity=1000.0, in_chop_prob=0.1),
        "Rasch et al. 2024; numbers of aihwkit's build_config",
    ),
    "agad": (
        _scheme(
            "agad",
            5,
            fast_lr=0.1,
            auto_granularity=1000.0,
            in_chop_prob=0.1,
            tail_weightening=5.0,
        ),
        "Rasch et al. 2024; numbers of aihwkit's build_config",
    ),
    "ttv2_reram": (
        _scheme("ttv2", 31, fast_lr=0.5, auto_granularity=1000.0),
        "aihwkit's TTv2 presets for ReRAM (c-TTv2 with in_chop_prob 0)",
    ),
    "cttv2_reram": (
        _scheme("cttv2", 31, fast_lr=0.5, auto_granularity=1000.0, in_chop_prob=0.01),
        "aihwkit's ChoppedTTv2 presets for ReRAM",
    ),
    "cttv2_capacitor": (
        _scheme("cttv2", 31, fast_lr=0.1, auto_granularity=1000.0, in_chop_prob=0.01),
        "aihwkit's ChoppedTTv2 preset for capacitors",
    ),
    "cttv2_ecram": (
        _scheme("cttv2", 100, fast_lr=0.1, auto_granularity=500.0, in_chop_prob=0.01),
        "aihwkit's ChoppedTTv2 preset for ECRAM",
    ),
    "agad_reram": (
        _scheme(
            "agad",
            31,
            fast_lr=0.5,
            auto_granularity=1000.0,
            in_chop_prob=0.02,
            tail_weightening=5.0,
        ),
        "aihwkit's AGAD presets for ReRAM",
    ),
    "agad_capacitor": (
        _scheme(
            "agad",
            31,
            fast_lr=0.1,
            auto_granularity=1000.0,
            in_chop_prob=0.01,
            tail_weightening=20.0,
        ),
        "aihwkit's AGAD preset for capacitors",
    ),
    "agad_demo": (
        _scheme("agad", 5, fast_lr=0.1, auto_granularity=200.0, tail_weightening=5.0),
        "aihwkit's example 26, with devices of dw_min 0.1",
    ),
}
SCHEMES = {name: values for name, (values, _) in _PRESETS.items()}
SCHEME_SOURCES = {name: source for name, (_, source) in _PRESETS.items()}

# Forward, backward and reads have the same converters; reads manage neither noise nor bounds.
CONVERTERS = {
    name: {
        "forward": config,
        "backward": mvm_presets.backward(config),
        "read": replace(config, noise_management="none", bound_management="none"),
    }
    for name, config in mvm_presets.MVMS.items()
    if config.dac_bits and config.adc_bits and name != "transfer"
}
CONVERTER_SOURCES = mvm_presets.SOURCES


def chopped(shape: tuple[int, ...] = (1, 8, 8)) -> ChoppedConfig:
    """Give the default configuration for images of ``shape`` (channels, height, width)."""
    training = TrainingConfig()
    if shape == (1, 8, 8):
        network = NETWORKS["digits_cnn"]
        training = replace(training, epochs=2, batch_size=16, learning_rate=0.2)
    elif shape == (1, 28, 28):
        network = NETWORKS["lenet_aihwkit"]
        training = replace(training, epochs=3, batch_size=8)
    elif shape == (3, 32, 32):
        network = NETWORKS["lenet5_cifar"]
        training = replace(training, epochs=5, batch_size=8)
    else:
        raise ValueError(f"input_shape must be that of a known data set, not {shape!r}")
    return ChoppedConfig(
        network=network,
        training=training,
        scheme=SchemeConfig(),
        update=PulsedUpdateConfig(desired_bl=5),
    )
