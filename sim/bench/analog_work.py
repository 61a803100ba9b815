"""Our analog models at work on a 512x512 array: noisy products, pulsed updates."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from models.analog.mvm import mvm, prepared
from models.analog.pulsed import draw_pulsed_devices
from models.analog.stochastic_update import rank_one_update
from models.config.mvm import MvmConfig
from models.config.pulsed import PulsedDeviceConfig, PulsedUpdateConfig
from sim.bench.trainers import SEED, Step

SIDE = 512
BATCH = 64


def _mvm(_path: Path, sums: str) -> Step:
    """Products of a batch with the default converters and noise; the amount is products."""
    config = MvmConfig(sums=sums)
    rng = np.random.Generator(np.random.Philox(SEED))
    weight = prepared(0.1 * rng.standard_normal((SIDE, SIDE)), config)
    x = rng.uniform(-1, 1, (BATCH, SIDE)).astype(np.float32)

    def step(_number: int) -> int:
        return mvm(x, weight, rng, config).reads

    return step


def _pulses(_path: Path, largest: float) -> Step:
    """Rank-one updates with trains of 31 slots on soft-bounds devices; the amount is their pulses.

    x and delta are uniform; ``largest`` is the largest probability of a pulse on a line.
    """
    config, update = PulsedDeviceConfig(kind="soft_bounds"), PulsedUpdateConfig()
    rng = np.random.Generator(np.random.Philox(SEED))
    devices = draw_pulsed_devices(config, (SIDE, SIDE), rng)
    weight = np.zeros((SIDE, SIDE), np.float32)
    x, delta = rng.uniform(-1, 1, (2, BATCH, SIDE)).astype(np.float32)
    rate = largest**2 * update.desired_bl * config.dw_min

    def step(number: int) -> int:
        pair = x[number % BATCH], delta[number % BATCH]
        return rank_one_update(weight, devices, *pair, rate, update, rng)

    return step


STEPS: dict[str, Callable[[Path], Step]] = {
    "mvm": partial(_mvm, sums="float32"),
    "exact_mvm": partial(_mvm, sums="exact"),
    "pulses": partial(_pulses, largest=1.0),
}
