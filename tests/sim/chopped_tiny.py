"""The smallest network of pulsed training that has every step, for the embedded digits."""

from pathlib import Path

from models.config.chopped import ChoppedConfig
from models.config.toml import overridden, read
from sim.systems import CHOPPED

TOML = """
[network]
name = "tiny"
input_shape = [1, 8, 8]
layers = [
    { kind = "conv", units = 2, kernel = 3 },
    { kind = "relu" },
    { kind = "maxpool", kernel = 6 },
    { kind = "linear", units = 10 },
]
[training]
epochs = 1
train_samples = 32
test_samples = 40
batch_size = 8
[scheme]
fast_lr = 1.0
auto_granularity = 20.0
in_chop_prob = 0.4
[digital]
adc_count = 4
"""


def written(folder: Path) -> Path:
    """Write the configuration; give its path."""
    path = folder / "tiny.toml"
    path.write_text(TOML)
    return path


def tiny(folder: Path) -> ChoppedConfig:
    """Give the configuration."""
    return overridden(CHOPPED.config((1, 8, 8)), read(written(folder)))
