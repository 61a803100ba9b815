"""What the configuration of the system `chopped` accepts and derives."""

from dataclasses import replace

import pytest

from models.config.chopped import ChoppedConfig, DigitalConfig, SchemeConfig
from models.config.mvm import MvmConfig
from models.config.network import LayerConfig, NetworkConfig
from models.config.presets import NETWORKS
from models.config.pulsed import PulsedUpdateConfig
from models.config.toml import dumps, overridden

CONFIG = ChoppedConfig(network=NETWORKS["lenet_aihwkit"])


def test_one_tile_serves_every_layer():
    assert CONFIG.shapes() == ((26, 16), (401, 32), (513, 128), (129, 10))
    assert (CONFIG.tile.macro.rows, CONFIG.tile.macro.columns) == (513, 128)
    assert CONFIG.tile.follows
    assert not replace(CONFIG, scheme=SchemeConfig(algorithm="cttv2")).tile.follows


@pytest.mark.parametrize(
    ("scheme", "chopping", "in_chance", "waits"),
    [
        ({"algorithm": "ttv2"}, "none", 0, False),
        ({"algorithm": "cttv2"}, "regular", 0, False),
        ({"algorithm": "cttv2", "chopping": "random"}, "random", 6554, False),
        ({"algorithm": "agad"}, "regular", 0, True),
        ({"algorithm": "cttv2", "in_chop_prob": 0.0}, "none", 0, False),
    ],
)
def test_choppers_follow_from_the_scheme(scheme, chopping, in_chance, waits):
    sequencer = replace(CONFIG, scheme=SchemeConfig(**scheme)).sequencer
    assert (sequencer.chopping, sequencer.in_chance) == (chopping, in_chance)
    assert sequencer.waits == waits


def test_period_and_rate_of_the_mean():
    scheme = SchemeConfig(in_chop_prob=0.02, tail_weightening=5.0)
    assert (scheme.period, scheme.beta) == (50, 0.1)
    assert SchemeConfig(in_chop_prob=0.5, tail_weightening=5.0).beta == 1.0


def test_text_and_back():
    changed = overridden(CONFIG, {"scheme": {"algorithm": "ttv2"}, "digital": {"adc_count": 8}})
    assert changed.scheme.algorithm == "ttv2"
    assert changed.tile.macro.adc_count == 8
    assert "algorithm" in dumps(changed)


CONV = LayerConfig(kind="conv", units=4, kernel=3)
TANH = NetworkConfig(
    name="tanh",
    input_shape=(1, 8, 8),
    layers=(CONV, LayerConfig(kind="tanh"), LayerConfig(kind="linear", units=2)),
)
WIDE = NetworkConfig(
    name="wide", input_shape=(1, 32, 32), layers=(LayerConfig(kind="linear", units=2),)
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": WIDE}, r"^inputs and bias of weighted layer 0 must be between 1 and 1024"),
        ({"network": TANH}, r"^network.layers\[1\].kind must be a supported step after conv"),
        ({"read": MvmConfig()}, "^read.noise_management must be one of none, not 'abs_max'$"),
        (
            {"backward": MvmConfig(adc_bits=8)},
            "^backward.adc_bits must be that of forward, 9, not 8$",
        ),
        ({"forward": MvmConfig(passes="summed")}, "^forward.passes must be one of one"),
        ({"update": PulsedUpdateConfig(desired_bl=200)}, "^update.desired_bl must be between 1"),
        (
            {"update": PulsedUpdateConfig(resolution=0.1)},
            "^update.resolution must be 0.0, not 0.1$",
        ),
        ({"weight_scaling": 2.0}, "^weight_scaling must be between 0 and 1, not 2.0$"),
        ({"digital": DigitalConfig(state_width=17, fraction_bits=8)}, "^state_width must be at"),
    ],
)
def test_bad_values_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"algorithm": "adam"}, "^algorithm must be one of sgd, ttv1, ttv2, cttv2, agad, not"),
        ({"algorithm": "agad", "out_chop_prob": 0.1}, "^out_chop_prob must be 0 for agad"),
        ({"algorithm": "agad", "in_chop_prob": 0.0}, "^in_chop_prob must be above 0 for agad"),
        ({"transfer_every": 0}, "^transfer_every must be between 1 and 65535, not 0$"),
        ({"momentum": 1.0}, "^momentum must be between 0 and 0.99, not 1.0$"),
    ],
)
def test_bad_schemes_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        SchemeConfig(**changes)
