"""What the training loop trains: the protocol, the FP32 reference, and the test accuracy."""

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

from models.trainer.layers import Array
from models.trainer.loss import softmax_cross_entropy
from models.trainer.network import Network
from models.trainer.optimizer import SGD

EVALUATION_BATCH = 500


class Learner(Protocol):
    """Anything that learns from batches; all that it remembers is in its state."""

    def train_step(self, images: Array, labels: Array, rate: float) -> tuple[float, int]:
        """Learn one batch; mean loss and number of right answers before the update."""
        ...

    def evaluate(self, images: Array) -> Array:
        """Logits [n, classes] or predicted labels [n]; leaves the state as it is."""
        ...

    def state(self) -> Mapping[str, Array]:
        """Arrays from which `load_state` makes an equal learner."""
        ...

    def load_state(self, state: dict[str, Array]) -> None:
        """Become the learner that gave ``state``; ValueError if it does not fit."""
        ...


class ReferenceLearner:
    """Golden network under SGD with momentum, in the dtype of the network.

    Parameters
    ----------
    network : Network
        The network to train.
    optimizer : SGD
        Made on ``network.parameters()``.
    """

    def __init__(self, network: Network, optimizer: SGD):
        self.network = network
        self.optimizer = optimizer

    def train_step(self, images: Array, labels: Array, rate: float) -> tuple[float, int]:
        """Learn one batch; mean loss and number of right answers before the update."""
        logits = self.network.forward(images)
        loss, gradient = softmax_cross_entropy(logits, labels)
        self.network.backward(gradient)
        self.optimizer.step(self.network.gradients(), rate)
        return loss, int(np.count_nonzero(logits.argmax(axis=1) == labels))

    def evaluate(self, images: Array) -> Array:
        """Logits [n, classes]."""
        return self.network.forward(images)

    def state(self) -> dict[str, Array]:
        """Copy parameters and velocities."""
        groups = {"parameter": self.network.state(), "velocity": self.optimizer.state()}
        return {f"{key}/{name}": v for key, group in groups.items() for name, v in group.items()}

    def load_state(self, state: dict[str, Array]) -> None:
        """Take parameters and velocities back; ValueError if they do not fit."""
        self.network.load_state(_group(state, "parameter/"))
        self.optimizer.load_state(_group(state, "velocity/"))


def accuracy(
    learner: Learner, images: Array, labels: Array, between: Callable[[], None] | None = None
) -> float:
    """Share of right answers, evaluated `EVALUATION_BATCH` samples at a time.

    Parameters
    ----------
    learner : Learner
        What answers.
    images, labels : array
        Samples and their classes.
    between : callable, optional
        Called before each batch; may raise.
    """
    correct = 0
    for start in range(0, len(labels), EVALUATION_BATCH):
        if between is not None:
            between()
        answers = learner.evaluate(images[start : start + EVALUATION_BATCH])
        predicted = answers.argmax(axis=1) if answers.ndim == 2 else answers
        correct += np.count_nonzero(predicted == labels[start : start + EVALUATION_BATCH])
    return int(correct) / len(labels)


def _group(state: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
