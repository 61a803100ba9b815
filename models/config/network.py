"""Networks and training schedules."""

from collections.abc import Iterator
from dataclasses import dataclass

from models.config.checks import check_choice, check_float, check_int, check_kind

KINDS = ("conv", "linear", "relu", "tanh", "maxpool", "avgpool")


@dataclass(frozen=True, kw_only=True)
class LayerConfig:
    """One layer.

    Parameters
    ----------
    kind : str
        ``conv``, ``linear``, ``relu``, ``tanh``, ``maxpool`` or ``avgpool``.
    units : int
        Output channels of ``conv``, outputs of ``linear``; 0 for the other kinds.
    kernel : int
        Side of the window of ``conv`` and of the pools; 0 for the other kinds. Pools move by it.
    padding : int
        Zeros added on each side by ``conv``.
    """

    kind: str
    units: int = 0
    kernel: int = 0
    padding: int = 0

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, KINDS)
        weighted, windowed = self.kind in ("conv", "linear"), self.kind[-4:] in ("conv", "pool")
        check_int("units", self.units, int(weighted), 65536 if weighted else 0)
        check_int("kernel", self.kernel, int(windowed), 64 if windowed else 0)
        check_int("padding", self.padding, 0, 16 if self.kind == "conv" else 0)


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Layers in order; a ``linear`` layer flattens what reaches it.

    Parameters
    ----------
    name : str
        Name for reports.
    input_shape : tuple of int
        Channels, height, width.
    layers : tuple of LayerConfig
        At least one; the last must be ``linear`` (its outputs are the classes).
    """

    name: str
    input_shape: tuple[int, ...]
    layers: tuple[LayerConfig, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise TypeError(f"name must be a string, not {self.name!r}")
        check_kind("input_shape", self.input_shape, tuple)
        if len(self.input_shape) != 3:
            raise ValueError(f"input_shape must be 3 numbers, not {self.input_shape!r}")
        for size in self.input_shape:
            check_int("input_shape", size, 1, 4096)
        check_kind("layers", self.layers, tuple)
        for index, layer in enumerate(self.layers):
            check_kind(f"layers[{index}]", layer, LayerConfig)
        if not self.layers or self.layers[-1].kind != "linear":
            raise ValueError("layers must be non-empty with a linear layer last")
        self.shapes()

    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shape of one sample before each layer and after the last.

        Raises
        ------
        ValueError
            If a window does not fit the image that reaches it.
        """
        shapes: list[tuple[int, ...]] = [self.input_shape]
        for index, layer in enumerate(self.layers):
            shape = shapes[-1]
            if layer.kind == "linear":
                shapes.append((layer.units,))
            elif layer.kernel:
                if len(shape) != 3:
                    raise ValueError(f"layers[{index}] must come before the first linear layer")
                side = [n + 2 * layer.padding for n in shape[1:]]
                if min(side) < layer.kernel:
                    raise ValueError(
                        f"layers[{index}].kernel must be at most {min(side)}, not {layer.kernel}"
                    )
                if layer.kind == "conv":
                    shapes.append((layer.units, *(n - layer.kernel + 1 for n in side)))
                else:
                    shapes.append((shape[0], *(n // layer.kernel for n in side)))
            else:
                shapes.append(shape)
        return tuple(shapes)


def check_groups(network: NetworkConfig) -> None:
    """Raise ValueError unless layers come as conv or linear, then a relu, then a maxpool.

    Each of the last two may be missing.
    """
    steps, previous = ("conv", "linear", "relu", "maxpool"), ""
    for index, layer in enumerate(network.layers):
        allowed = {"": 2, "conv": 4, "linear": 4, "relu": 4, "maxpool": 2}[previous]
        if layer.kind not in steps[:allowed] or layer.kind == previous == "relu":
            raise ValueError(
                f"network.layers[{index}].kind must be a supported step after "
                f"{previous or 'the input'} (conv or linear, then relu, then maxpool), "
                f"not {layer.kind!r}"
            )
        previous = layer.kind


def weighted_groups(network: NetworkConfig) -> Iterator[tuple[int, LayerConfig, bool, int]]:
    """Give each ``conv`` or ``linear`` with its index, whether a ReLU follows, and the pooling.

    The last is the side of the pooling window, 0 without one.
    """
    for index, layer in enumerate(network.layers):
        if layer.kind in ("conv", "linear"):
            after = network.layers[index + 1 : index + 3]
            relu = bool(after) and after[0].kind == "relu"
            pools = [step.kernel for step in after[relu : relu + 1] if step.kind == "maxpool"]
            yield index, layer, relu, sum(pools)


@dataclass(frozen=True, kw_only=True)
class TrainingConfig:
    """Schedule of a run.

    Parameters
    ----------
    epochs : int
        Passes over the training set, 1 to 10,000.
    batch_size : int
        Samples per step, 1 to 4096.
    learning_rate : float
        Step size of plain SGD, 1e-6 to 10.
    momentum : float
        Of the FP32 trainer's SGD, 0 to 0.999; the hardware systems use none.
    decay : float
        Factor on the learning rate at each milestone, 0.001 to 1.
    milestones : tuple of float
        Fractions of the run at which the learning rate decays, rising, each between 0 and 1.
    train_samples, test_samples : int
        Use only the first that many samples; 0 means all.
    """

    epochs: int = 3
    batch_size: int = 32
    learning_rate: float = 0.1
    momentum: float = 0.0
    decay: float = 0.3
    milestones: tuple[float, ...] = (0.5, 0.75)
    train_samples: int = 0
    test_samples: int = 0

    def __post_init__(self) -> None:
        check_int("epochs", self.epochs, 1, 10_000)
        check_int("batch_size", self.batch_size, 1, 4096)
        check_float("learning_rate", self.learning_rate, 1e-6, 10.0)
        check_float("momentum", self.momentum, 0.0, 0.999)
        check_float("decay", self.decay, 0.001, 1.0)
        check_kind("milestones", self.milestones, tuple)
        for milestone in self.milestones:
            check_float("milestones", milestone, 0.0, 1.0)
        if list(self.milestones) != sorted(self.milestones):
            raise ValueError(f"milestones must be rising, not {self.milestones!r}")
        check_int("train_samples", self.train_samples, 0, 10**9)
        check_int("test_samples", self.test_samples, 0, 10**9)

    def rate(self, step: int, steps: int) -> float:
        """Learning rate of step ``step`` of ``steps``."""
        passed = sum(step >= milestone * steps for milestone in self.milestones)
        return self.learning_rate * self.decay**passed
