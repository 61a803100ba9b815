"""Our analog models at work on a 512x512 array: noisy products, pulsed updates."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from models.analog.mvm import mvm, prepared
from models.config.mvm import MvmConfig
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


STEPS: dict[str, Callable[[Path], Step]] = {
    "mvm": partial(_mvm, sums="float32"),
    "exact_mvm": partial(_mvm, sums="exact"),
}
