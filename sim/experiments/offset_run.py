"""One cell of `chopped-offset`: program a matrix by its gradients, measure what is left.

==============================  ==============  ==============================
quantity                        symbol          variable
==============================  ==============  ==============================
spread of the reference         sigma_r         ``offset``
spread of bounds, steps, cycles sigma_b, ...    ``spread``
spread of up against down       sigma_pm        ``skew``
number of states                n               ``states``
==============================  ==============  ==============================

The rule of Fig. 4 of [1]_ as far as it is known (papers.md E3.4); size, inputs and noise are ours.

References
----------
.. [1] M. J. Rasch et al., Nat. Commun. 15:7133, 2024.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.config.chopped import ChoppedConfig, DigitalConfig, SchemeConfig
from models.config.network import LayerConfig, NetworkConfig
from models.config.pulsed import PulsedUpdateConfig
from models.digital.bf16 import from_float32, to_float32
from models.digital.chopped import GoldenChoppedUnits
from models.randomness import generator
from models.systems.chopped_array import ChoppedArray
from models.systems.counters import Counters
from sim.experiments.devices import pair
from sim.experiments.grid import Cell

MEASURED = 0.25  # last share of the run over which the error is averaged
EVERY = 100  # updates from one measurement to the next


@dataclass(frozen=True, kw_only=True)
class Task:
    """Settings of a cell; values in weights, whose range is 2.

    Parameters
    ----------
    algorithm : str
        As `SchemeConfig`.
    states, offset : number
        Steps of A and W in their range; spread of the reference of A around its symmetry points.
    construction, seed : int
        Devices, target and first weights; everything else.
    size, updates : int
        Rows and columns; vector pairs.
    noise : float
        Standard deviation of what is added to errors.
    rate : float
        Learning rate.
    spread, skew : float
        Of bounds (A only), steps and cycles; of up against down steps.
    bound : float
        Factor on the bounds of A; its steps stay.
    transfer_every, desired_bl, granularity, fast_lr, chop : number
        As `SchemeConfig` and `PulsedUpdateConfig`.
    """

    algorithm: str
    states: int = 20
    offset: float = 0.0
    construction: int = 1
    seed: int = 1
    size: int = 20
    updates: int = 40_000
    noise: float = 0.3
    rate: float = 0.1
    spread: float = 0.3
    skew: float = 0.1
    bound: float = 1.0
    transfer_every: int = 2
    desired_bl: int = 5
    granularity: float = 400.0
    fast_lr: float = 0.5
    chop: float = 0.1

    def cell(self, name: str) -> Cell:
        """Make its cell."""
        return Cell(kind="offset", name=name, parameters=asdict(self))


def config(task: Task) -> ChoppedConfig:
    """Make the configuration of the array that a task trains."""
    fast, slow = pair(
        fast_states=task.states,
        slow_states=task.states,
        spread=task.spread,
        skew=task.skew,
        offset=task.offset,
        bound=task.bound,
    )
    scheme = SchemeConfig(
        algorithm=task.algorithm,
        fast_lr=task.fast_lr,
        transfer_every=task.transfer_every,
        auto_granularity=task.granularity,
        in_chop_prob=task.chop,
    )
    return ChoppedConfig(
        network=_network(task.size),
        scheme=scheme,
        fast=fast,
        slow=slow,
        update=PulsedUpdateConfig(desired_bl=task.desired_bl),
        digital=DigitalConfig(),
    )


def _network(size: int) -> NetworkConfig:
    """One matrix of ``size`` squared; the bias row is an input like the others."""
    layer = LayerConfig(kind="linear", units=size)
    return NetworkConfig(name="matrix", input_shape=(1, 1, size - 1), layers=(layer,))


def work(cell: Cell, _store: Path) -> dict[str, Any]:
    """Error and pulses of one cell."""
    return programmed(Task(**cell.parameters))


def programmed(task: Task) -> dict[str, Any]:
    """Train one array towards a target by noisy gradients; errors and pulses."""
    settings = config(task)
    rng = generator(task.construction, "offset", "target")
    target = np.clip(0.4 * rng.standard_normal((task.size, task.size)), -0.8, 0.8)
    counters = Counters()
    first = np.zeros((task.size, task.size))
    array = ChoppedArray(
        0, first, settings, GoldenChoppedUnits(settings), task.construction, counters
    )
    rng = generator(task.seed, "offset", "samples", task.construction)
    found: list[tuple[int, float]] = []
    for step in range(task.updates):
        _learn(array, target, task, rng, step)
        if step % EVERY == EVERY - 1:
            found.append((step + 1, float(np.std(array.weight() - target))))
    late = [error for step, error in found if step > (1 - MEASURED) * task.updates]
    cells = task.size**2 * task.updates
    return {
        "error": float(np.mean(late)),
        "mean_error": float(np.mean(array.weight() - target)),
        "fast_pulses_per_update": counters["device_pulses_fast"] / cells,
        "slow_pulses_per_update": counters["device_pulses_slow"] / cells,
        "slots_per_update": (counters["slots_fast"] or counters["slots_slow"]) / task.updates,
        "course": found[:: max(1, len(found) // 40)],
    }


def _learn(
    array: ChoppedArray,
    target: NDArray[np.float64],
    task: Task,
    rng: np.random.Generator,
    step: int,
) -> None:
    """One vector pair: a uniform input, the error of the array's product with added noise."""
    x = from_float32(rng.uniform(-1, 1, (1, task.size)).astype(np.float32))
    noise = task.noise * rng.standard_normal((1, task.size))
    product = to_float32(array.forward(x, ("sample", step)))
    delta = (product - to_float32(x) @ target + noise).astype(np.float32)
    array.update(x, from_float32(delta), step, task.rate)
