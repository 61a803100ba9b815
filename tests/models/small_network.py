"""A small network with every kind of step, and macros that it needs one or several of."""

from models.config.macro import MacroConfig
from models.config.network import LayerConfig, NetworkConfig

NETWORK = NetworkConfig(
    name="small",
    input_shape=(1, 8, 8),
    layers=(
        LayerConfig(kind="conv", units=5, kernel=3, padding=1),
        *(LayerConfig(kind="relu"), LayerConfig(kind="maxpool", kernel=2)),
        LayerConfig(kind="conv", units=4, kernel=2),
        LayerConfig(kind="relu"),
        LayerConfig(kind="linear", units=10),
    ),
)
MACRO = MacroConfig(rows=48, columns=32, adc_count=16)  # the last layer takes one
TINY = MacroConfig(rows=16, columns=16, adc_count=8)
