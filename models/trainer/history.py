"""What a training run did, step by step and epoch by epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import numpy as np

from models.trainer.layers import Array


@dataclass(kw_only=True)
class History:
    """Record of a run; two runs compare equal if they learned the same in any time.

    Attributes
    ----------
    step_loss, step_correct : list
        Mean loss and number of right answers of each step, before its update.
    train_loss, train_accuracy : list of float
        Means over the samples of each finished epoch, while it was learned.
    test_accuracy : list of float
        After each finished epoch.
    samples : int
        Training samples seen.
    seconds : float
        Time in the loop, over all its resumed parts.
    """

    step_loss: list[float] = field(default_factory=list)
    step_correct: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    samples: int = 0
    seconds: float = field(default=0.0, compare=False)

    def add_step(self, loss: float, correct: int, samples: int) -> None:
        """Count one step."""
        self.step_loss.append(float(loss))
        self.step_correct.append(int(correct))
        self.samples += samples

    def add_epoch(self, batch_sizes: Array, test_accuracy: float) -> None:
        """Count one epoch, whose steps are the last ``len(batch_sizes)`` ones."""
        losses = np.array(self.step_loss[-len(batch_sizes) :])
        correct = sum(self.step_correct[-len(batch_sizes) :])
        samples = int(batch_sizes.sum())
        self.train_loss.append(float(losses @ batch_sizes) / samples)
        self.train_accuracy.append(correct / samples)
        self.test_accuracy.append(float(test_accuracy))

    def arrays(self) -> dict[str, Array]:
        """All fields as arrays, for a checkpoint."""
        return {one.name: np.array(getattr(self, one.name)) for one in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array]) -> "History":
        """Inverse of `arrays`, exact."""
        return cls(**{name: value.tolist() for name, value in arrays.items()})
