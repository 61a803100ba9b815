"""Training that can stop after any step and go on as if it never had."""

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from models.config.checks import check_int
from models.config.network import TrainingConfig
from models.trainer import checkpoint
from models.trainer.checkpoint import CheckpointError
from models.trainer.data import Batches, DataSet
from models.trainer.history import History
from models.trainer.interrupt import Interrupted, SafeInterrupt
from models.trainer.layers import Array
from models.trainer.learner import Learner, ReferenceLearner, accuracy
from models.trainer.progress import Progress

__all__ = ["History", "Interrupted", "Learner", "ReferenceLearner", "train"]

OnStep = Callable[[int, History], None]


def train(
    learner: Learner,
    data: DataSet,
    config: TrainingConfig,
    *,
    seed: int,
    progress: Progress | None = None,
    config_hash: str = "",
    checkpoint_path: Path | None = None,
    checkpoint_every: int = 0,
    resume: Path | None = None,
    on_step: OnStep | None = None,
) -> History:
    """Train ``learner`` and measure its test accuracy after each epoch.

    A run resumed from any of its checkpoints ends with the same state and history, bit for bit,
    as one that was never stopped: the state and the history are in the checkpoint, the order of
    samples and the learning rates follow from ``seed``, ``config`` and the step.

    Parameters
    ----------
    learner : Learner
        Freshly made, also when resuming.
    data : DataSet
        Limited to the samples that ``config`` asks for.
    config : TrainingConfig
        Schedule; its momentum is for who makes the optimiser.
    seed : int
        Seed of the order of the samples.
    progress : Progress, optional
        Where to show progress; nowhere by default.
    config_hash : str
        Hash of the whole configuration; a checkpoint of another one is refused.
    checkpoint_path : Path, optional
        File to write after each epoch and on Ctrl-C.
    checkpoint_every : int
        Write it every that many steps too; 0 does not.
    resume : Path, optional
        Checkpoint to go on from.
    on_step : callable, optional
        Called with the number of steps done and the history after each step, before its
        checkpoint is written.

    Returns
    -------
    History
        Of the whole run, resumed parts included.

    Raises
    ------
    CheckpointError
        If a checkpoint cannot be read or written or belongs to another run.
    Interrupted
        After Ctrl-C, with the checkpoint. The first Ctrl-C lets the step finish; a second one
        breaks it off, and the checkpoint is then the last one written or resumed from.
    """
    check_int("checkpoint_every", checkpoint_every, 0, 10**9)
    run = _Run(learner, data, config, seed, config_hash, progress, on_step)
    if resume is not None:
        run.restore(resume)
    if checkpoint_path is not None:
        checkpoint.check_folder(checkpoint_path)
        run.path, run.every = checkpoint_path, checkpoint_every
    return run.run()


class _Run:
    """One call of `train`."""

    def __init__(
        self,
        learner: Learner,
        data: DataSet,
        config: TrainingConfig,
        seed: int,
        config_hash: str,
        progress: Progress | None,
        on_step: OnStep | None,
    ):
        self.learner, self.config, self.progress, self.on_step = learner, config, progress, on_step
        self.data = data.limited(config.train_samples, config.test_samples)
        self.batches = Batches(len(self.data.train_labels), config.batch_size, seed)
        self.steps = config.epochs * self.batches.steps_per_epoch
        self.history = History()
        self.identity = _identity(self.data, config, seed, config_hash)
        self.interrupt = SafeInterrupt()
        self.path: Path | None = None
        self.every = 0
        self.saved: Path | None = None
        self.torn = False  # state and history are in the middle of a change
        self.resumed_at = time.perf_counter()

    @property
    def step(self) -> int:
        return len(self.history.step_loss)

    def run(self) -> History:
        if self.progress:
            self.progress.start(self.steps, self.step)
        try:
            with self.interrupt:
                self._all_epochs()
        except KeyboardInterrupt:
            if not self.torn:
                self._save()
            raise Interrupted(self.saved, self.step, self.steps) from None
        finally:
            if self.progress:
                self.progress.close()
        self._clock()
        return self.history

    def _all_epochs(self) -> None:
        while (epoch := len(self.history.test_accuracy)) < self.config.epochs:
            while self.step < (epoch + 1) * self.batches.steps_per_epoch:
                self._one_step()
                self.interrupt.check()
            self._finish_epoch(epoch)
            self.interrupt.check()

    def _one_step(self) -> None:
        indices = self.batches.indices(self.step)
        images, labels = self.data.train_images[indices], self.data.train_labels[indices]
        rate = self.config.rate(self.step, self.steps)
        self.torn = True
        loss, correct = self.learner.train_step(images, labels, rate)
        self.history.add_step(loss, correct, len(labels))
        self.torn = False
        if self.on_step is not None:
            self.on_step(self.step, self.history)
        if self.every and self.step % self.every == 0:
            self._save()
        if self.progress:
            self.progress.advance(loss=loss)

    def _finish_epoch(self, epoch: int) -> None:
        images, labels = self.data.test_images, self.data.test_labels
        tested = accuracy(self.learner, images, labels, self.interrupt.check)
        self.torn = True
        self.history.add_epoch(self.batches.sizes(epoch), tested)
        self.torn = False
        self._save()
        if self.progress:
            self.progress.note(
                f"epoch {epoch + 1} of {self.config.epochs}: "
                f"loss {self.history.train_loss[-1]:.4f}, "
                f"train accuracy {self.history.train_accuracy[-1]:.4f}, test accuracy {tested:.4f}"
            )

    def _clock(self) -> None:
        now = time.perf_counter()
        self.history.seconds += now - self.resumed_at
        self.resumed_at = now

    def _save(self) -> None:
        if self.path is None:
            return
        self._clock()
        arrays = {f"learner/{name}": value for name, value in self.learner.state().items()}
        arrays |= {f"history/{name}": value for name, value in self.history.arrays().items()}
        checkpoint.save(self.path, arrays, self.identity)
        self.saved = self.path

    def restore(self, path: Path) -> None:
        arrays, identity = checkpoint.load(path)
        for name, wanted in self.identity.items():
            if identity.get(name) != wanted:
                raise CheckpointError(
                    f"{path}: checkpoint must be of the same run, with "
                    f"{name} {wanted!r}, not {identity.get(name)!r}"
                )
        try:
            self.learner.load_state(_below(arrays, "learner/"))
            self.history = History.from_arrays(_below(arrays, "history/"))
        except (TypeError, ValueError) as error:
            raise CheckpointError(f"{path}: checkpoint must fit the learner: {error}") from error
        self.saved = path


def _identity(data: DataSet, config: TrainingConfig, seed: int, config_hash: str) -> dict[str, Any]:
    """Give what two runs must share for one to go on from the other, as JSON gives it back."""
    labels = hashlib.sha256(data.train_labels.tobytes() + data.test_labels.tobytes())
    identity = {
        "config_hash": config_hash,
        "seed": seed,
        "data": [data.name, list(data.train_images.shape), len(data.test_labels)],
        "labels": labels.hexdigest(),
        "training": dataclasses.asdict(config),
    }
    return json.loads(json.dumps(identity))


def _below(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
