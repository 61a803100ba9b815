"""The same network in PyTorch, FP32, one thread."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from models.config.network import LayerConfig, NetworkConfig
from models.trainer.network import Network
from sim.bench.settings import Unequal
from sim.bench.trainers import BATCH, NETWORK, RATE, SEED, Step, batches


def model(torch: Any, config: NetworkConfig = NETWORK) -> Any:
    """Make a network with the first weights of our own."""
    nn, shapes, layers = torch.nn, config.shapes(), []
    parameters = Network(config, SEED).parameters()
    for index, layer in enumerate(config.layers):
        made = _layers(nn, layer, shapes[index])
        if layer.units:
            weight = torch.from_numpy(parameters[f"{index}.weight"])
            made[-1].weight.data = weight.reshape(made[-1].weight.shape).clone()
            made[-1].bias.data = torch.from_numpy(parameters[f"{index}.bias"]).clone()
        layers += made
    return nn.Sequential(*layers)


def _layers(nn: Any, layer: LayerConfig, shape: tuple[int, ...]) -> list[Any]:
    if layer.kind == "conv":
        return [nn.Conv2d(shape[0], layer.units, layer.kernel, padding=layer.padding)]
    if layer.kind == "maxpool":
        return [nn.MaxPool2d(layer.kernel)]
    if layer.kind == "relu":
        return [nn.ReLU()]
    return [nn.Flatten(), nn.Linear(int(np.prod(shape)), layer.units)]


def training(torch: Any, network: Any, optimizer: Any, path: Path) -> Step:
    """Give steps of cross-entropy on batches of the file."""
    batch, loss = batches(path), torch.nn.CrossEntropyLoss()

    def step(number: int) -> int:
        images, labels = (torch.from_numpy(part) for part in batch(number))
        optimizer.zero_grad()
        loss(network(images), labels).backward()
        optimizer.step()
        return BATCH

    return step


def _fp32(path: Path) -> Step:
    import torch  # pyright: ignore[reportMissingImports]

    torch.set_num_threads(1)
    network = model(torch)
    images = batches(path)(0)[0]
    ours = Network(NETWORK, SEED).forward(images)
    theirs = network(torch.from_numpy(images)).detach().numpy()
    if not np.allclose(ours, theirs, atol=1e-4):  # FP32 sums of up to 512 terms in other orders
        raise Unequal("our FP32 network and that of PyTorch give other logits")
    return training(torch, network, torch.optim.SGD(network.parameters(), lr=RATE), path)


STEPS: dict[str, Callable[[Path], Step]] = {"fp32": _fp32}
