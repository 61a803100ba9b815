"""Level 1 of the cross-check as something that learns, and so can stop and go on."""

import io
import json
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.comparison import BitComparison
from sim.cosim.storage import load, save
from sim.parts import Parts
from sim.recording import CheckedUnits


class PartedError(Exception):
    """Golden twins and RTL have parted; nothing after that means anything."""


class Watchers:
    """Hands what a layer does to several watchers."""

    def __init__(self, *watchers: Any):
        self.watchers = watchers

    def conversion(self, seen: Any) -> None:
        """Hand on."""
        for watcher in self.watchers:
            watcher.conversion(seen)

    def update(self, seen: Any) -> None:
        """Hand on."""
        for watcher in self.watchers:
            watcher.update(seen)


class CheckedLearner:
    """A golden system whose every digital result RTL has to give as well.

    A learner for `models.trainer.loop.train`: what was compared, sampled and traced is part of
    its state, so that a resumed run ends like one that was never stopped.

    Parameters
    ----------
    parts : Parts
        Of the system.
    config : Any
        Its configuration.
    seed : int
        Of everything.
    backend : str
        Of the kernels, see :class:`sim.kernel.units.RtlUnits`.
    sampled : set of int
        Steps of which operations are kept for a replay at the pins.
    vectors : int
        Conversions kept per such step, layer, direction and macro.
    each_vector : bool
        Tell the pulses of single vectors apart in the trace.
    """

    def __init__(
        self,
        parts: Parts,
        config: Any,
        seed: int,
        backend: str,
        sampled: set[int],
        vectors: int,
        each_vector: bool = False,
    ):
        self.parts, self.sampled = parts, sampled
        self.bits = BitComparison(parts.widths(config), parts.corners)
        self.rtl = parts.rtl(config, seed, backend)
        self.units = CheckedUnits(parts.golden(config), self.rtl, self.bits, parts.bundles)
        self.system = parts.learner(config, self.units, seed)
        self.trace = parts.trace(config, each_vector)
        self.pins = parts.sampler(self.system, vectors)
        self._replayed = 0

    @property
    def replayed(self) -> int:
        """Bit-sliced values that Verilator gave as well."""
        return self._replayed + self.rtl.replayed

    def train_step(
        self, images: NDArray[np.float32], labels: NDArray[np.int64], rate: float
    ) -> tuple[float, int]:
        """Learn one batch; PartedError as soon as a difference is known, some steps after it."""
        step = self.system.step
        self.trace.step = self.pins.step = step
        self._watch(Watchers(self.trace, self.pins) if step in self.sampled else self.trace)
        learned = self.system.train_step(images, labels, rate)
        if not self.units.next_step():
            raise PartedError
        return learned

    def finish(self) -> None:
        """Wait for all results, and from now on let the system work alone."""
        try:
            if not self.units.drain():
                raise PartedError
        finally:
            self.units.close()
            self.units.checking = False
            self._watch(None)

    def evaluate(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits of the golden system alone."""
        self.units.checking = False
        self._watch(None)
        logits = self.system.evaluate(images)
        self.units.checking = True
        return logits

    def _watch(self, watch: Any) -> None:
        for layer in self.parts.layers(self.system):
            layer.watch = watch

    def state(self) -> dict[str, NDArray]:
        """Copy of everything that changes; PartedError if there is a difference."""
        if not self.units.drain():
            raise PartedError
        samples = io.BytesIO()
        save(samples, self.pins.samples)
        counted = {
            "step": self.units.step,
            "compared": self.bits.compared,
            "corners": self.bits.corners,
            "replayed": self.replayed,
            "dropped": self.trace.dropped,
        }
        checked = {
            "counted": np.frombuffer(json.dumps(counted).encode(), np.uint8),
            "samples": np.frombuffer(samples.getvalue(), np.uint8),
            "trace": self.trace.table(),
        }
        system = self.system.state().items()
        return {f"system.{k}": v for k, v in system} | {f"check.{k}": v for k, v in checked.items()}

    def load_state(self, state: dict[str, NDArray]) -> None:
        """Become the learner that gave ``state``; ValueError if it does not fit."""
        parts = {
            prefix: {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            for prefix in ("system.", "check.")
        }
        checked = parts["check."]
        if set(checked) != {"counted", "samples", "trace"}:
            raise ValueError("state must be that of a cross-check")
        self.system.load_state(parts["system."])
        counted = json.loads(checked["counted"].tobytes())
        self.bits.compared = Counter(counted["compared"])
        self.bits.corners = Counter(counted["corners"])
        self.units.step, self._replayed = counted["step"], counted["replayed"]
        self.trace.restore(checked["trace"], counted["dropped"])
        self.pins.samples = load(io.BytesIO(checked["samples"].tobytes()))
