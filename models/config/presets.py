"""Named presets, each with its source and how sure it is."""

from dataclasses import replace

from models.config.analog import AdcConfig, DeviceConfig
from models.config.macro import MacroConfig
from models.config.memristor import MemristorConfig
from models.config.network import LayerConfig, NetworkConfig, TrainingConfig

_STEPS = {
    "relu": LayerConfig(kind="relu"),
    "tanh": LayerConfig(kind="tanh"),
    "maxpool": LayerConfig(kind="maxpool", kernel=2),
    "avgpool": LayerConfig(kind="avgpool", kernel=2),
}


def _conv(units: int, kernel: int, padding: int = 0) -> LayerConfig:
    return LayerConfig(kind="conv", units=units, kernel=kernel, padding=padding)


def _linear(units: int) -> LayerConfig:
    return LayerConfig(kind="linear", units=units)


_RELU, _POOL = _STEPS["relu"], _STEPS["maxpool"]


def _lenet5(name: str, input_shape: tuple[int, ...], padding: int) -> NetworkConfig:
    return NetworkConfig(
        name=name,
        input_shape=input_shape,
        layers=(
            *(_conv(6, 5, padding), _RELU, _POOL),
            *(_conv(16, 5), _RELU, _POOL),
            *(_linear(120), _RELU),
            *(_linear(84), _RELU),
            _linear(10),
        ),
    )


NETWORKS = {
    "digits_cnn": NetworkConfig(
        name="digits_cnn",
        input_shape=(1, 8, 8),
        layers=(*(_conv(8, 3), _RELU, _POOL), *(_linear(32), _RELU), _linear(10)),
    ),
    # LeCun et al., Proc. IEEE 86(11), 1998, with ReLU and max pooling as is usual today.
    "lenet5": _lenet5("lenet5", (1, 28, 28), 2),
    "lenet5_cifar": _lenet5("lenet5_cifar", (3, 32, 32), 0),
    "mlp": NetworkConfig(
        name="mlp",
        input_shape=(1, 28, 28),
        layers=(_linear(256), _RELU, _linear(128), _RELU, _linear(10)),
    ),
}

DEVICES = {
    "bulk": DeviceConfig(),
    # aihwkit ReRamArrayOM numbers (papers.md B3.4): dw_min 0.0949 on a range of 2, spreads as
    # there; write noise and the log-normal form are not modelled.
    "filamentary": DeviceConfig(
        states=21,
        step_spread=0.78,
        cycle_spread=0.416,
        bound_spread=0.35,
        asymmetry_spread=0.1,
        read_noise=0.01,
        source="aihwkit ReRamArrayOM, confirmed in its code; g range and read noise are proposals",
    ),
    # aihwkit EcRamMO numbers (papers.md B3.4): dw_min 2.8e-4 on a range of 2.
    "ecram_mo": DeviceConfig(
        states=7143,
        step_spread=0.1,
        cycle_spread=2.0,
        bound_spread=0.05,
        asymmetry_spread=0.01,
        read_noise=0.005,
        source="aihwkit EcRamMO, confirmed in its code; soft bounds replace its linear slopes",
    ),
}

MACROS = {
    # 65 nm MLC ReRAM macro, JSSC 60(8) 2995-3007, 2025 (papers.md B3.3, found): 256x64 cells,
    # 256 8-b bit-serial DACs, 32 8-b ADCs. Transposed reads are ours: not in the source.
    "michigan_65nm": MacroConfig(),
    "small": MacroConfig(rows=64, columns=32, adc_count=16),
}

ADCS = {"typical": AdcConfig(), "ideal": AdcConfig(
    offset_lsb=0.0, gain_spread=0.0, inl_lsb=0.0, noise_lsb=0.0
)}


def memristor(shape: tuple[int, ...] = (1, 8, 8)) -> MemristorConfig:
    """Give the default configuration for images of ``shape`` (channels, height, width)."""
    training = TrainingConfig()
    if shape == (1, 8, 8):
        network = NETWORKS["digits_cnn"]
        training = replace(training, epochs=1, batch_size=32)
    elif shape == (1, 28, 28):
        network = NETWORKS["lenet5"]
        training = replace(training, epochs=3, batch_size=64)
    elif shape == (3, 32, 32):
        network = NETWORKS["lenet5_cifar"]
        training = replace(training, epochs=5, batch_size=64)
    else:
        raise ValueError(f"input_shape must be that of a known data set, not {shape!r}")
    return MemristorConfig(network=network, training=training)
