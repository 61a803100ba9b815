"""The same work in aihwkit: mixed precision, noisy products, pulsed updates, on its defaults.

Its wheels hold compiled code that fits one version of PyTorch only: aihwkit 1.1.0 works with 2.10.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from models.config.network import NetworkConfig
from sim.bench.pulsed_work import ALGORITHMS, SHAPES
from sim.bench.torch_work import model, training
from sim.bench.trainers import NETWORK, RATE, SEED, Step

SIDE = 512
BATCH = 64
UPDATE_RATE = 0.031  # the longest trains, 31 slots, with probabilities up to 1, as in analog_work


def _torch() -> Any:
    import torch  # pyright: ignore[reportMissingImports]

    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    return torch


def _mixed_precision(path: Path) -> Step:
    from aihwkit.simulator.presets import (  # pyright: ignore[reportMissingImports]
        MixedPrecisionReRamSBPreset,
    )

    return _analog(NETWORK, MixedPrecisionReRamSBPreset(), path)


def _analog(network: NetworkConfig, config: Any, path: Path) -> Step:
    """Give steps of a network on analog tiles."""
    from aihwkit.nn.conversion import (  # pyright: ignore[reportMissingImports]
        convert_to_analog,
    )
    from aihwkit.optim import AnalogSGD  # pyright: ignore[reportMissingImports]

    torch = _torch()
    made = convert_to_analog(model(torch, network), config)
    optimizer = AnalogSGD(made.parameters(), lr=RATE)
    optimizer.regroup_param_groups(made)
    return training(torch, made, optimizer, path)


def _pulsed(algorithm: str, network: NetworkConfig, path: Path) -> Step:
    """Train by pulses as ``build_config`` sets it up."""
    from aihwkit.simulator.configs import (  # pyright: ignore[reportMissingImports]
        SoftBoundsReferenceDevice,
        build_config,
    )

    name = {"cttv2": "c-ttv2"}.get(algorithm, algorithm)
    return _analog(network, build_config(name, SoftBoundsReferenceDevice()), path)


def _tile(torch: Any, device: Any) -> Any:
    from aihwkit.simulator.configs import SingleRPUConfig  # pyright: ignore[reportMissingImports]
    from aihwkit.simulator.tiles import AnalogTile  # pyright: ignore[reportMissingImports]

    tile = AnalogTile(SIDE, SIDE, SingleRPUConfig(device=device))
    tile.set_weights(0.1 * torch.randn(SIDE, SIDE))
    tile.set_learning_rate(UPDATE_RATE)
    return tile


def _mvm(_path: Path) -> Step:
    """Products of a batch, DAC, ADC and output noise as in the default ``IOParameters``."""
    from aihwkit.simulator.configs import SoftBoundsDevice  # pyright: ignore[reportMissingImports]

    torch = _torch()
    tile, x = _tile(torch, SoftBoundsDevice()), torch.rand(BATCH, SIDE) * 2 - 1

    def step(_number: int) -> int:
        tile.forward(x)
        return BATCH

    return step


def _pulses(_path: Path) -> Step:
    """Stochastic rank-one updates; the amount is the expected number of device pulses.

    A device is expected to get ``rate * |x d| / dw_min`` pulses: no probability is clipped here.
    """
    from aihwkit.simulator.configs import SoftBoundsDevice  # pyright: ignore[reportMissingImports]

    torch, device = _torch(), SoftBoundsDevice()
    tile = _tile(torch, device)
    x, d = torch.rand(2, BATCH, SIDE) * 2 - 1
    expected = UPDATE_RATE * float((x.abs().sum(1) * d.abs().sum(1)).sum()) / device.dw_min

    def step(_number: int) -> int:
        tile.update(x, d)
        return round(expected)

    return step


STEPS: dict[str, Callable[[Path], Step]] = {
    "mixed_precision": _mixed_precision,
    "mvm": _mvm,
    "pulses": _pulses,
    **{
        f"{algorithm}_{name}": partial(_pulsed, algorithm, network)
        for name, network in SHAPES.items()
        for algorithm in ALGORITHMS
    },
}
