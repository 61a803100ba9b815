"""Named presets, each with its source and how sure it is."""

from dataclasses import replace

from models.config.analog import AdcConfig, DeviceConfig
from models.config.macro import MacroConfig
from models.config.memristor import MemristorConfig
from models.config.network import LayerConfig, NetworkConfig, TrainingConfig


def _conv(units: int, kernel: int, padding: int = 0) -> LayerConfig:
    return LayerConfig(kind="conv", units=units, kernel=kernel, padding=padding)


def _linear(units: int) -> LayerConfig:
    return LayerConfig(kind="linear", units=units)


_RELU, _POOL = LayerConfig(kind="relu"), LayerConfig(kind="maxpool", kernel=2)


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
    "lenet_aihwkit": NetworkConfig(
        name="lenet_aihwkit",
        input_shape=(1, 28, 28),
        layers=(
            *(_conv(16, 5), _RELU, _POOL),
            *(_conv(32, 5), _RELU, _POOL),
            *(_linear(128), _RELU),
            _linear(10),
        ),
    ),
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
        source="aihwkit ReRamArrayOM, spreads and step confirmed in its code; "
        "the rest are proposals",
    ),
    # aihwkit EcRamMO numbers (papers.md B3.4): dw_min 2.8e-4 on a range of 2.
    "ecram_mo": DeviceConfig(
        states=7143,
        step_spread=0.1,
        cycle_spread=2.0,
        bound_spread=0.05,
        asymmetry_spread=0.01,
        read_noise=0.005,
        source="aihwkit EcRamMO, step and spreads confirmed in its code; soft bounds replace its "
        "linear slopes, the rest are proposals",
    ),
}

MACROS = {
    "michigan_65nm": MacroConfig(),
    "small": MacroConfig(rows=64, columns=32, adc_count=16),
}

ADCS = {
    "typical": AdcConfig(),
    "ideal": AdcConfig(offset_lsb=0.0, gain_spread=0.0, inl_lsb=0.0, noise_lsb=0.0),
}

SOURCES = {
    "digits_cnn": "ours, for the embedded digits",
    "lenet5": "LeCun et al., Proc. IEEE 86(11), 1998; ReLU and max pooling as is usual today",
    "lenet5_cifar": "LeNet-5 for colour images of 32x32",
    "lenet_aihwkit": "LeNet of aihwkit's MNIST example: conv 16 and 32 of 5x5, linear 512-128-10; "
    "ReLU here, tanh in aihwkit (the tiles have no tanh)",
    "mlp": "three fully connected layers, 784-256-128-10",
    "bulk": DEVICES["bulk"].source,
    "filamentary": DEVICES["filamentary"].source,
    "ecram_mo": DEVICES["ecram_mo"].source,
    "michigan_65nm": "256x64 cells, 256 8-b bit-serial DACs, 32 8-b ADCs of the 65 nm MLC ReRAM "
    "macro of JSSC 60(8) 2995-3007, 2025 (found in a note that quotes it); transposed reads, "
    "ranges and program port are ours",
    "small": "ours, for quick tests",
    "typical": "proposal: offsets of 1 LSB, 1 % gain, 0.3 LSB of INL and noise (target unknown)",
    "ideal": "no imperfection but the resolution",
}


def memristor(shape: tuple[int, ...] = (1, 8, 8)) -> MemristorConfig:
    """Give the default configuration for images of ``shape`` (channels, height, width)."""
    training = TrainingConfig()
    if shape == (1, 8, 8):
        network = NETWORKS["digits_cnn"]
        training = replace(training, epochs=2, batch_size=16, learning_rate=0.2)
    elif shape == (1, 28, 28):
        network = NETWORKS["lenet5"]
        training = replace(training, epochs=3, batch_size=64)
    elif shape == (3, 32, 32):
        network = NETWORKS["lenet5_cifar"]
        training = replace(training, epochs=5, batch_size=64)
    else:
        raise ValueError(f"input_shape must be that of a known data set, not {shape!r}")
    return MemristorConfig(network=network, training=training)
