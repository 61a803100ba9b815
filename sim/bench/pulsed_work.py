"""Pulsed training with the settings of aihwkit's ``build_config``, one step at a time."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from models.config.chopped import ChoppedConfig, DigitalConfig, SchemeConfig
from models.config.mvm import MvmConfig
from models.config.network import NetworkConfig
from models.config.presets import NETWORKS
from models.config.pulsed import PulsedDeviceConfig, PulsedUpdateConfig
from models.digital.chopped import GoldenChoppedUnits
from models.systems.chopped import ChoppedSystem
from sim.bench.trainers import SEED, Step, steps_of

ALGORITHMS = ("agad", "cttv2", "ttv2")
SHAPES = {"lenet": NETWORKS["lenet_aihwkit"], "fc": NETWORKS["mlp"]}
# SoftBoundsReferenceDevice with its defaults; reads of the fast array as all others.
DEVICE = PulsedDeviceConfig(kind="soft_bounds_reference", cycle_noise="additive")
FORWARD = MvmConfig(sums="float32")  # as aihwkit sums
READ = MvmConfig(noise_management="none", bound_management="none", sums="float32")


def config(algorithm: str, network: NetworkConfig, source: str) -> ChoppedConfig:
    """Take the settings of ``build_config``: a threshold of one step, a learning rate of 0.1."""
    return ChoppedConfig(
        network=network,
        scheme=SchemeConfig(algorithm=algorithm, auto_granularity=0.0),
        fast=DEVICE,
        slow=DEVICE,
        forward=FORWARD,
        backward=MvmConfig(bound_management="none", sums="float32"),
        read=READ,
        update=PulsedUpdateConfig(desired_bl=5),
        digital=DigitalConfig(source=source),
    )


def _work(algorithm: str, network: NetworkConfig, source: str, path: Path) -> Step:
    made = config(algorithm, network, source)
    return steps_of(ChoppedSystem(made, GoldenChoppedUnits(made), SEED), path)


STEPS: dict[str, Callable[[Path], Step]] = {
    f"{algorithm}_{name}": partial(_work, algorithm, network, "philox")
    for name, network in SHAPES.items()
    for algorithm in ALGORITHMS
} | {"agad_lenet_lfsr": partial(_work, "agad", SHAPES["lenet"], "lfsr")}
