"""Named presets of analog products, each with its source and how sure it is."""

from dataclasses import replace

from models.config.mvm import MvmConfig

# aihwkit ends after a factor above 1000 or a step above 1/4: its last factors are 1024 and 32.
_DEFAULT = MvmConfig(largest_reduction=1024, coarsest_step=0.25)
_PRESET = replace(_DEFAULT, output_bound=20.0, output_noise=0.1)

MVMS = {
    "default": _DEFAULT,
    "preset_io": _PRESET,
    "standard_io": replace(_DEFAULT, dac_bits=8, adc_bits=8, output_bound=10.0, output_noise=0.04),
    "transfer": replace(_PRESET, noise_management="none", bound_management="none"),
    "ideal": MvmConfig(
        dac_bits=0,
        adc_bits=0,
        output_bound=1000.0,
        output_noise=0.0,
        bound_management="none",
        sums="float32",
    ),
}

SOURCES = {
    "default": "aihwkit IOParameters, confirmed in its code: steps 0.0159 and 0.0471",
    "preset_io": "aihwkit PresetIOParameters, confirmed in its code: step at the ADC 0.0784",
    "standard_io": "aihwkit StandardIOParameters: 8 and 8 bits, bound 10, noise 0.04",
    "transfer": "reads of the fast array in aihwkit's Tiki-Taka presets: its PresetIOParameters "
    "without noise and bound management",
    "ideal": "no imperfection but float32; outputs beyond 1000 times the largest input saturate",
}


def backward(config: MvmConfig) -> MvmConfig:
    """Return the config of errors that belongs to one of activations: no bound management."""
    return replace(config, bound_management="none")
