"""`imctwin train`: a golden hardware run beside an FP32 run of the same network."""

import importlib.metadata
import json
from pathlib import Path
from typing import Any

from models.config.toml import config_hash, dumps
from models.trainer.data import DataSet
from models.trainer.history import History
from models.trainer.learner import ReferenceLearner
from models.trainer.loop import train
from models.trainer.network import Network
from models.trainer.optimizer import SGD
from models.trainer.progress import Progress
from sim.files import write_atomically
from sim.report.plots import learning_curves
from sim.systems import System


def train_reference(
    config: Any, data: DataSet, seed: int, progress: Progress | None = None
) -> History:
    """Train the same network in FP32 with the same samples, schedule and first weights."""
    network = Network(config.network, seed)
    optimizer = SGD(network.parameters(), config.training.momentum)
    learner = ReferenceLearner(network, optimizer)
    return train(learner, data, config.training, seed=seed, progress=progress)


def curves(history: History, reference: History) -> dict[str, Any]:
    """Learning figures of both runs, as a summary has them."""
    tested = history.test_accuracy
    return {
        "accuracy": tested[-1] if tested else None,
        "reference_accuracy": reference.test_accuracy[-1],
        "epochs": len(tested),
        "samples": history.samples,
        "test_accuracy_by_epoch": tested,
        "reference_test_accuracy_by_epoch": reference.test_accuracy,
        "loss": history.step_loss,
        "reference_loss": reference.step_loss,
    }


def train_system(
    system: System,
    config: Any,
    data: DataSet,
    *,
    seed: int,
    folder: Path,
    resume: Path | None,
    checkpoint_every: int,
) -> tuple[dict[str, Any], list[Path]]:
    """Train, write checkpoint, summary, configuration and curves; give summary and paths.

    Parameters
    ----------
    system : System
        What to train.
    config : Any
        Its configuration.
    data : DataSet
        Samples.
    seed : int
        Seed of the run.
    folder : Path
        Where to write; exists.
    resume : Path or None
        Checkpoint to go on from.
    checkpoint_every : int
        Steps between checkpoints; 0 for one per epoch.
    """
    learner = system.golden(config, seed)
    checkpoint = folder / "checkpoint.npz"
    history = train(
        learner,
        data,
        config.training,
        seed=seed,
        progress=Progress("hardware"),
        config_hash=config_hash(config),
        checkpoint_path=checkpoint,
        checkpoint_every=checkpoint_every,
        resume=resume,
    )
    reference = train_reference(config, data, seed, Progress("FP32"))
    learning = curves(history, reference)
    summary = {
        "system": system.name,
        "data": data.name,
        "config_hash": config_hash(config),
        "versions": {"numpy": importlib.metadata.version("numpy")},
        "seed": seed,
        **learning,
        "seconds": round(history.seconds, 1),
        "reference_seconds": round(reference.seconds, 1),
        "counters": dict(sorted(learner.counters.items())),
    }
    text = json.dumps(summary, indent=2) + "\n"
    paths = [folder / name for name in ("summary.json", "config.toml", "curves.png")]
    contents = (text.encode(), dumps(config).encode(), learning_curves(learning))
    for path, content in zip(paths, contents, strict=True):
        write_atomically(path, content)
    return summary, [*paths, checkpoint]
