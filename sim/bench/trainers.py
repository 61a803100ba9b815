"""Training of aihwkit's network for MNIST by our own means, one step at a time."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from models.config.macro import MacroConfig
from models.config.memristor import MemristorConfig
from models.config.network import TrainingConfig
from models.config.presets import NETWORKS
from models.digital.golden import DigitalUnits, GoldenUnits
from models.systems.memristor import MemristorSystem
from models.trainer.learner import Learner, ReferenceLearner
from models.trainer.network import Network
from models.trainer.optimizer import SGD
from sim.bench.settings import Unequal
from sim.kernel.units import RtlUnits
from sim.toolchain import setup

BATCH = 8
RATE = 0.05
SEED = 1
NETWORK = NETWORKS["lenet_aihwkit"]
MULTILEVEL = MacroConfig(slice_bits=8, rows=512, columns=512)
BIT_SERIAL = MacroConfig()
BIT_SERIAL_LARGE = MacroConfig(rows=512, columns=512)
WARM = 2  # steps before golden models and RTL part: ranges are set, chi is filled

Step = Callable[[int], int]


def batches(path: Path) -> Callable[[int], tuple[np.ndarray, np.ndarray]]:
    """Give batches of ``BATCH`` by number, over and over, from a file of samples."""
    with np.load(path) as file:
        images, labels = file["images"], file["labels"]
    count = len(labels) // BATCH

    def batch(number: int) -> tuple[np.ndarray, np.ndarray]:
        start = number % count * BATCH
        return images[start : start + BATCH], labels[start : start + BATCH]

    return batch


def _config(macro: MacroConfig) -> MemristorConfig:
    training = TrainingConfig(epochs=1, batch_size=BATCH, learning_rate=RATE)
    return MemristorConfig(network=NETWORK, training=training, macro=macro)


def steps_of(learner: Learner, path: Path) -> Step:
    """Give steps of a learner on the samples of a file."""
    batch = batches(path)

    def step(number: int) -> int:
        learner.train_step(*batch(number), RATE)
        return BATCH

    return step


def _fp32(path: Path) -> Step:
    network = Network(NETWORK, SEED)
    return steps_of(ReferenceLearner(network, SGD(network.parameters(), 0.0)), path)


def _golden(macro: MacroConfig, path: Path) -> Step:
    config = _config(macro)
    return steps_of(MemristorSystem(config, GoldenUnits(config.tile), SEED), path)


def _rtl(macro: MacroConfig, path: Path) -> Step:
    """Go on with compiled RTL where golden models stopped; Unequal if a step of both differs."""
    setup()
    config, batch = _config(macro), batches(path)
    golden = MemristorSystem(config, GoldenUnits(config.tile), SEED)
    for number in range(WARM):
        golden.train_step(*batch(number), RATE)
    units: DigitalUnits = RtlUnits(config.tile, golden.random_state)
    rtl = MemristorSystem(config, units, SEED)
    rtl.load_state(golden.state())
    for system in (golden, rtl):
        system.train_step(*batch(WARM), RATE)
    ours, theirs = golden.state(), rtl.state()
    wrong = [name for name in ours if not np.array_equal(ours[name], theirs[name])]
    if wrong:
        raise Unequal(f"training on RTL and on golden models differ in {', '.join(wrong)}")
    return steps_of(rtl, path)


STEPS: dict[str, Callable[[Path], Step]] = {
    "fp32": _fp32,
    "multilevel_512x512": partial(_golden, MULTILEVEL),
    "bit_serial_256x64": partial(_golden, BIT_SERIAL),
    "bit_serial_512x512": partial(_golden, BIT_SERIAL_LARGE),
    "rtl_multilevel_512x512": partial(_rtl, MULTILEVEL),
}
