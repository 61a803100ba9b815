"""One cell of `chopped-mnist`: one network trained by one algorithm at one reference offset."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from models.config.chopped import ChoppedConfig, SchemeConfig
from models.config.mvm import MvmConfig
from models.config.network import LayerConfig, NetworkConfig, TrainingConfig
from models.config.presets import NETWORKS
from models.config.pulsed import PulsedUpdateConfig
from models.config.toml import config_hash
from models.digital.chopped import GoldenChoppedUnits
from models.systems.chopped import ChoppedSystem
from models.trainer.data import DataSet, load
from models.trainer.history import History
from models.trainer.learner import ReferenceLearner
from models.trainer.loop import train
from models.trainer.network import Network
from models.trainer.optimizer import SGD
from models.trainer.progress import Progress
from sim.experiments.devices import pair
from sim.experiments.grid import Cell

FP32 = "fp32"
CHECKPOINT_EVERY = 500


@dataclass(frozen=True, kw_only=True)
class Run:
    """Settings of a cell.

    Parameters
    ----------
    network : str
        ``mlp`` or ``lenet``.
    algorithm : str
        As `SchemeConfig`, or ``fp32``.
    offset : float
        Spread of the reference of A around its symmetry points, in weights.
    seed : int
        Of everything.
    data : str
        Folder with MNIST; empty for the embedded digits, with small networks.
    samples, test_samples : int
        Samples used, 0 for all.
    epochs, batch : int
        Schedule.
    rate : float
        Learning rate.
    states, slow_states : int
        Steps in the range of a device of A and of W.
    spread, skew : float
        As `sim.experiments.devices.pair`.
    transfer_every, desired_bl, granularity, fast_lr, chop : number
        As `SchemeConfig` and `PulsedUpdateConfig`.
    scaling : float
        As ``ChoppedConfig.weight_scaling``.
    """

    network: str = "mlp"
    algorithm: str = "agad"
    offset: float = 0.0
    seed: int = 1
    data: str = ""
    samples: int = 0
    test_samples: int = 0
    epochs: int = 3
    batch: int = 8
    rate: float = 0.1
    states: int = 100
    slow_states: int = 200
    spread: float = 0.3
    skew: float = 0.1
    transfer_every: int = 1
    desired_bl: int = 5
    granularity: float = 100.0
    fast_lr: float = 0.5
    chop: float = 0.1
    scaling: float = 0.2

    def cell(self) -> Cell:
        """Make its cell."""
        name = f"{self.network}_{self.algorithm}_r{self.offset:g}_s{self.seed}"
        return Cell(kind="mnist", name=name, parameters=asdict(self))


def network(name: str, shape: tuple[int, ...]) -> NetworkConfig:
    """Layers for images of a shape; small ones for the digits."""
    if shape == (1, 28, 28):
        return NETWORKS["mlp" if name == "mlp" else "lenet_aihwkit"]
    if name != "mlp":
        return NETWORKS["digits_cnn"]
    relu = LayerConfig(kind="relu")
    layers = (LayerConfig(kind="linear", units=48), relu, LayerConfig(kind="linear", units=10))
    return NetworkConfig(name="digits_mlp", input_shape=shape, layers=layers)


def config(run: Run, shape: tuple[int, ...]) -> ChoppedConfig:
    """Make the configuration of the system that a cell trains."""
    fast, slow = pair(
        fast_states=run.states,
        slow_states=run.slow_states,
        spread=run.spread,
        skew=run.skew,
        offset=run.offset,
    )
    training = TrainingConfig(
        epochs=run.epochs,
        batch_size=run.batch,
        learning_rate=run.rate,
        train_samples=run.samples,
        test_samples=run.test_samples,
    )
    scheme = SchemeConfig(
        algorithm="agad" if run.algorithm == FP32 else run.algorithm,
        fast_lr=run.fast_lr,
        transfer_every=run.transfer_every,
        auto_granularity=run.granularity,
        in_chop_prob=run.chop,
    )
    return ChoppedConfig(
        network=network(run.network, shape),
        training=training,
        scheme=scheme,
        fast=fast,
        slow=slow,
        backward=MvmConfig(bound_management="none"),
        update=PulsedUpdateConfig(desired_bl=run.desired_bl),
        weight_scaling=run.scaling,
    )


def work(cell: Cell, store: Path) -> dict[str, Any]:
    """Train, from the checkpoint of the cell if there is one; accuracy and events per sample."""
    run = Run(**cell.parameters)
    data = load(Path(run.data) if run.data else None)
    settings = config(run, data.train_images.shape[1:])
    checkpoint = store / f"{cell.key}.npz"
    learner = _learner(run, settings)
    history = train(
        learner,
        data,
        settings.training,
        seed=run.seed,
        progress=Progress(cell.name),
        config_hash=config_hash(settings),
        checkpoint_path=checkpoint,
        checkpoint_every=CHECKPOINT_EVERY,
        resume=checkpoint if checkpoint.exists() else None,
    )
    result = {"seconds": round(history.seconds, 1), **_learned(history, data)}
    if isinstance(learner, ChoppedSystem):
        result |= events(learner)
    checkpoint.unlink()
    return result


def _learner(run: Run, settings: ChoppedConfig) -> ChoppedSystem | ReferenceLearner:
    if run.algorithm == FP32:
        reference = Network(settings.network, run.seed)
        return ReferenceLearner(reference, SGD(reference.parameters(), 0.0))
    return ChoppedSystem(settings, GoldenChoppedUnits(settings), run.seed)


def _learned(history: History, data: DataSet) -> dict[str, Any]:
    return {
        "accuracy": history.test_accuracy[-1],
        "accuracy_by_epoch": history.test_accuracy,
        "train_accuracy": history.train_accuracy[-1],
        "samples_seen": history.samples,
        "data": data.name,
    }


def events(system: ChoppedSystem) -> dict[str, Any]:
    """Pulses per sample and device of both arrays, slots and reads per update."""
    counters, count = system.counters, sum(r * c for r, c in system.config.shapes())
    samples = max(counters["samples"], 1)
    updates = max(counters["vectors_fast"] or counters["vectors_slow"], 1)
    return {
        "fast_pulses_per_sample": counters["device_pulses_fast"] / count / samples,
        "slow_pulses_per_sample": counters["device_pulses_slow"] / count / samples,
        "slots_per_update": (counters["slots_fast"] or counters["slots_slow"]) / updates,
        "reads_per_update": counters["fast_reads"] / updates,
        "devices": count,
        "counters": dict(sorted(counters.items())),
    }
