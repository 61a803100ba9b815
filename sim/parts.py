"""What a system is made of, as the commands and the cross-check use it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from amaranth.lib.wiring import Component
from numpy.typing import NDArray

from models.trainer.data import DataSet
from models.trainer.learner import Learner
from sim.comparison import Corner
from sim.recording import Bundles


class Trained(Learner, Protocol):
    """A system that trains: a learner with a count of its steps and events."""

    config: Any
    step: int
    counters: Mapping[str, int]


class RtlSet(Protocol):
    """Digital units on generated RTL."""

    @property
    def replayed(self) -> int:
        """Bit-sliced values that Verilator gave as well."""
        ...

    def build(self) -> None:
        """Compile whatever is not in the cache."""
        ...


class Watched(Protocol):
    """A layer that shows what it does."""

    watch: Any


class Watcher(Protocol):
    """Somebody who looks at the layers of a system."""

    step: int

    def conversion(self, seen: Any) -> None:
        """One block of vectors went through an array."""
        ...

    def update(self, seen: Any) -> None:
        """One batch was learnt."""
        ...


class Trace(Watcher, Protocol):
    """Pulses of a run."""

    dropped: Any

    def table(self) -> NDArray[Any]:
        """All rows."""
        ...

    def restore(self, table: NDArray[Any], dropped: Any) -> None:
        """Go on from the rows and the number dropped of another trace."""
        ...

    def write(self, folder: Path) -> list[Path]:
        """Write the files; give their paths."""
        ...


class Sampler(Watcher, Protocol):
    """Keeps operations of a run to replay at the pins."""

    samples: list[Any]


class LayerGradient(NamedTuple):
    """Weight gradient of a layer in FP64 at the weights of the hardware, and as hardware has it."""

    layer: int
    wanted: NDArray[Any]
    found: NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What runs one system.

    Parameters
    ----------
    learner : callable
        The system from its configuration, digital units and seed.
    golden : callable
        Golden units from the configuration.
    rtl : callable
        The same on RTL, from configuration, seed and back end.
    corners : mapping of str to callable
        See :class:`sim.comparison.BitComparison`.
    widths : callable
        What the corners get, from the configuration.
    bundles : Bundles
        Which calls RTL gets together.
    layers : callable
        What can be watched, from the learner.
    trace : callable
        An empty pulse trace, from the configuration and whether vectors are told apart.
    sampler : callable
        An empty sampler, from the learner and vectors per step, layer and direction.
    replay : callable
        Verdict of a replay, as :func:`sim.pins_verdict.replay_samples` gives it.
    random_ops : callable
        As :func:`sim.cosim.random_ops.run_random`.
    components : callable
        Top-level components by the name of their Verilog file, from configuration and seed.
    tile : callable
        The tile of level 2, from the configuration.
    gradients : callable
        List of `LayerGradient` from learner, images, labels and learning rate.
    figures : callable
        Figures of the report by title, from learner, data, trace and number of steps.
    products : callable
        Work of one sample, which decides between back ends, from the configuration.
    totals : callable
        More figures of level 1, from its corners.
    """

    learner: Callable[[Any, Any, int], Any]
    golden: Callable[[Any], Any]
    rtl: Callable[[Any, int, str], RtlSet]
    corners: Mapping[str, Corner]
    widths: Callable[[Any], Any]
    bundles: Bundles
    layers: Callable[[Any], Sequence[Watched]]
    trace: Callable[[Any, bool], Trace]
    sampler: Callable[[Any, int], Sampler]
    replay: Callable[..., dict[str, Any]]
    random_ops: Callable[..., dict[str, Any]]
    components: Callable[[Any, int], dict[str, Component]]
    tile: Callable[[Any], Component]
    gradients: Callable[[Any, NDArray[Any], NDArray[Any], float], list[LayerGradient]]
    figures: Callable[[Any, DataSet, Any, int], dict[str, bytes]]
    products: Callable[[Any], int]
    totals: Callable[[Mapping[str, int]], dict[str, int]] = field(default=lambda _: {})
