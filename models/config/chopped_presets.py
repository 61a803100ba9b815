"""Named presets of pulsed training, each with its source, and its default configuration."""

from dataclasses import replace
from typing import Any

from models.config import mvm_presets
from models.config.chopped import ChoppedConfig, SchemeConfig
from models.config.network import TrainingConfig
from models.config.presets import NETWORKS
from models.config.pulsed import PulsedDeviceConfig, PulsedUpdateConfig

Values = dict[str, Any]


def _scheme(algorithm: str, desired_bl: int, **values: Any) -> Values:
    """Nested values of a configuration."""
    return {
        "scheme": {"algorithm": algorithm} | values,
        "update": {"desired_bl": desired_bl},
    }


# papers.md E3.3: read in aihwkit's build_config and in its configuration presets.
_BUILT = "numbers of aihwkit's build_config, for LeNet on MNIST"
_PRESETS: dict[str, tuple[Values, str]] = {
    "sgd": (
        {"scheme": {"algorithm": "sgd"}},
        "stochastic pulsed updates of the weights themselves; the other numbers stay",
    ),
    "ttv1": (
        {"scheme": {"algorithm": "ttv1"}},
        "Gokmen and Haensch, Front. Neurosci. 14:103, 2020; the other numbers stay",
    ),
    "ttv2": (
        {"scheme": {"algorithm": "ttv2"}},
        "Gokmen, Front. Artif. Intell. 4:699148, 2021; the other numbers stay",
    ),
    "cttv2": (
        {"scheme": {"algorithm": "cttv2"}},
        "c-TTv2 of Rasch et al. 2024; the other numbers stay",
    ),
    "agad": (
        {"scheme": {"algorithm": "agad"}},
        "AGAD of Rasch et al. 2024; the other numbers stay",
    ),
    "ttv2_built": (_scheme("ttv2", 5, fast_lr=0.1, auto_granularity=1000.0), _BUILT),
    "cttv2_built": (
        _scheme("cttv2", 5, fast_lr=0.1, auto_granularity=1000.0, in_chop_prob=0.1),
        _BUILT,
    ),
    "agad_built": (
        _scheme(
            "agad",
            5,
            fast_lr=0.1,
            auto_granularity=1000.0,
            in_chop_prob=0.1,
            tail_weightening=5.0,
        ),
        _BUILT,
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

_LARGER: dict[tuple[int, ...], tuple[str, int]] = {
    (1, 28, 28): ("lenet_aihwkit", 3),
    (3, 32, 32): ("lenet5_cifar", 5),
}


def chopped(shape: tuple[int, ...] = (1, 8, 8)) -> ChoppedConfig:
    """Give the default configuration for images of ``shape`` (channels, height, width).

    Schemes are those of aihwkit's ``build_config``. The digits are few and their arrays small: for
    them trains are longer and choppers slower, by trial (92 % after 8 epochs).
    """
    if shape == (1, 8, 8):
        fast = PulsedDeviceConfig(
            kind="soft_bounds_reference",
            cycle_noise="additive",
            subtract_symmetry_point=True,
            dw_min=0.01,
            w_max=1.0,
            w_min=-1.0,
        )
        return ChoppedConfig(
            network=NETWORKS["digits_cnn"],
            training=TrainingConfig(epochs=8, batch_size=16, learning_rate=0.2),
            scheme=SchemeConfig(fast_lr=0.2, auto_granularity=200.0, in_chop_prob=0.2),
            fast=fast,
            slow=replace(fast, dw_min=0.02),
            update=PulsedUpdateConfig(desired_bl=31),
        )
    if shape not in _LARGER:
        raise ValueError(f"input_shape must be that of a known data set, not {shape!r}")
    name, epochs = _LARGER[shape]
    training = TrainingConfig(epochs=epochs, batch_size=8)
    update = PulsedUpdateConfig(desired_bl=5)
    return ChoppedConfig(network=NETWORKS[name], training=training, update=update)
