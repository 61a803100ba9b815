"""One weight matrix of pulsed training: slow array W, fast array A, digital state between them.

Weights are [rows, columns] = [inputs and bias, outputs].

References
----------
.. [1] M. J. Rasch et al., Nat. Commun. 15:7133, 2024, arXiv:2303.04721; equations confirmed in the
   code of aihwkit (papers.md E3).
"""

import numpy as np
from numpy.typing import NDArray

from models.analog.crosspoint_pulses import apply_pulses
from models.analog.crosspoint_symmetry import mean_step
from models.analog.crosspoints import Crosspoints, draw_crosspoints
from models.analog.mvm_effects import draw_lines
from models.analog.mvm_signal import prepared
from models.config.chopped import ChoppedConfig
from models.config.mvm import MvmConfig
from models.config.pulsed import PulsedDeviceConfig
from models.digital.chopped import ChoppedUnits
from models.digital.sequencer import SequencerState, initial_state
from models.digital.transfer import TransferControl
from models.randomness import generator
from models.systems.chopped_product import product
from models.systems.chopped_registers import transfer_control
from models.systems.chopped_update import Update
from models.systems.chopped_watch import ChoppedConversion, ChoppedWatch, Memories
from models.systems.counters import Counters

SYSTEM = "chopped"

MEMORIES = ("h", "mean", "past")

Bits = NDArray[np.uint16]
Key = tuple[str | int, ...]
State = dict[str, NDArray]


class ChoppedArray:
    """Devices and digital state of one weight matrix.

    Parameters
    ----------
    index : int
        Index of the layer in the network; part of every random key.
    weight : ndarray, shape (rows, columns)
        First weights, programmed into the slow array as far as its bounds allow.
    config : ChoppedConfig
        The system.
    units : ChoppedUnits
        Golden twins or RTL kernels.
    seed : int
        Seed of the run.
    counters : Counters
        Where events are counted.

    Attributes
    ----------
    scale : float
        What the products of the array are multiplied with, see ``config.weight_scaling``.
    slow, fast : Crosspoints
        Devices of W, and of A (None for ``sgd``).
    watch : ChoppedWatch, optional
        Who looks.
    """

    def __init__(
        self,
        index: int,
        weight: NDArray[np.floating],
        config: ChoppedConfig,
        units: ChoppedUnits,
        seed: int,
        counters: Counters,
    ):
        self.index, self.config, self.units = index, config, units
        self.seed, self.counters = seed, counters
        self.rows, self.columns = weight.shape
        self.scale = _scale(weight, config.weight_scaling)
        self.slow = draw_crosspoints(config.slow, weight.shape, self.rng("slow"))
        self.slow.placed(weight / self.scale)
        self.fast: Crosspoints | None = None
        if config.scheme.algorithm != "sgd":
            self.fast = draw_crosspoints(config.fast, weight.shape, self.rng("fast"))
        self.steps = {"fast": mean_step(config.fast), "slow": mean_step(config.slow)}
        self.train_states: dict[str, int] = {
            name: self._register("trains", name) for name in ("fast", "slow")
        }
        self.sequencer = initial_state(config.sequencer, self._register("choppers"))
        self.memories = self._memories()
        self._controls: dict[float, TransferControl] = {}
        self.means = np.zeros(2)  # of the largest inputs and errors; 0 before the first batch
        self.watch: ChoppedWatch | None = None
        self._drawing: tuple[Key, np.random.Generator] = (), self.rng()
        self.lines = [
            draw_lines(mvm, weight.shape, self.rng("lines", number), transpose=bool(number))
            for number, mvm in enumerate((config.forward, config.backward))
        ]
        self.refresh()

    def rng(self, *purpose: str | int) -> np.random.Generator:
        """Make the generator of one purpose of this array."""
        return generator(self.seed, SYSTEM, self.index, *purpose)

    def draws(self, key: Key) -> np.random.Generator:
        """Give the generator of a step or evaluation, which goes on from call to call."""
        if self._drawing[0] != key:
            self._drawing = key, self.rng(*key)
        return self._drawing[1]

    def _register(self, *purpose: str | int) -> int:
        """First state of a shift register."""
        return int(self.rng(*purpose, "register").integers(1, 2**32))

    def _memories(self) -> Memories:
        """H, running mean and past mean, as far as the algorithm has them."""
        scheme, shape = self.config.scheme, (self.rows, self.columns)
        kinds = (np.int64, np.int32) if self.config.digital.variant == "fixed" else 2 * (np.uint16,)
        if not scheme.is_buffered:
            return (None, None, None)
        means = [np.zeros(shape, kinds[1]) if scheme.algorithm == "agad" else None for _ in "12"]
        return np.zeros(shape, kinds[0]), means[0], means[1]

    def refresh(self) -> None:
        """Take over the weights that products see, after devices changed by other than pulses."""
        self.operand = prepared(self.slow.seen, self.config.forward)

    def forward(self, values: Bits, key: Key) -> Bits:
        """BF16 vectors [n, rows] times the weights: BF16 [n, columns]."""
        return self._product(values, self.config.forward, key, 1.0, transpose=False)

    def backward(self, delta: Bits, key: Key, factor: float) -> Bits:
        """BF16 errors [n, columns] times the transposed weights and ``factor``: BF16 [n, rows].

        Errors are those of the array's own products: of the layer times `scale`.
        """
        return self._product(delta, self.config.backward, key, factor, transpose=True)

    def _product(
        self, values: Bits, config: MvmConfig, key: Key, factor: float, *, transpose: bool
    ) -> Bits:
        found = product(
            values,
            self.operand,
            config,
            self.units,
            self.draws(key),
            self.counters,
            transpose=transpose,
            factor=factor if transpose else factor * self.scale,
            lines=self.lines[transpose],
            keep=self.watch is not None,
        )
        if self.watch is not None:
            self.watch.conversion(ChoppedConversion(self.index, transpose, *found))
        return found.values

    def update(self, x: Bits, delta: Bits, step: int, rate: float) -> None:
        """Learn vector pairs, one after the other.

        Parameters
        ----------
        x : ndarray of uint16, shape (n, rows)
            BF16 inputs.
        delta : ndarray of uint16, shape (n, columns)
            BF16 errors of the array's own products.
        step : int
            Part of the keys of all draws.
        rate : float
            Learning rate of training.
        """
        Update(self, step, rate).run(x, delta)
        rng = self.draws(("step", step))
        if self.fast is not None and _ages(self.config.fast):
            self.counters["refreshed_pairs"] += self.fast.end_batch(rng)
        if _ages(self.config.slow):
            self.counters["refreshed_pairs"] += self.slow.end_batch(rng)
            self.refresh()

    def control(self, rate: float) -> TransferControl:
        """Give the registers of the transfer side at a learning rate."""
        if rate not in self._controls:
            given = self.config, self.rows, self.steps["fast"], rate
            self._controls[rate] = transfer_control(*given)
        return self._controls[rate]

    def pulse_slow(self, places: NDArray[np.int64], ups: NDArray[np.uint8], step: int) -> None:
        """One pulse on each of some devices of W, by flat place, in order."""
        draws = self.slow.draws(len(places), self.draws(("step", step)))
        apply_pulses(self.slow.points, places, ups, *draws)
        self.counters["device_pulses_slow"] += len(places)
        seen = self.slow.seen_at(places)
        self.operand.reshape(-1)[places] = prepared(seen[None], self.config.forward)[0]

    def weight(self) -> NDArray[np.float64]:
        """Weights of the layer as products see them, shape (rows, columns)."""
        return self.slow.seen.astype(np.float64) * self.scale

    def state(self) -> State:
        """Copy of everything that changes."""
        state = {f"slow.{name}": value for name, value in self.slow.state().items()}
        if self.fast is not None:
            state |= {f"fast.{name}": value for name, value in self.fast.state().items()}
        state |= {f"order.{name}": v for name, v in self.sequencer.to_arrays().items()}
        memories = zip(MEMORIES, self.memories, strict=True)
        state |= {name: value.copy() for name, value in memories if value is not None}
        state["registers"] = np.array(list(self.train_states.values()), np.int64)
        state["means"] = self.means.copy()
        return state

    def load_state(self, state: State) -> None:
        """Take back what `state` gave; ValueError if a shape or type differs."""
        for name, mine in self.state().items():
            theirs = state[name]
            if theirs.shape != mine.shape or theirs.dtype != mine.dtype:
                raise ValueError(f"{name} must be {mine.dtype}{mine.shape}")
        self.slow.load_state(_below(state, "slow."))
        if self.fast is not None:
            self.fast.load_state(_below(state, "fast."))
        self.sequencer = SequencerState.from_arrays(_below(state, "order."))
        for name, memory in zip(MEMORIES, self.memories, strict=True):
            if memory is not None:
                memory[...] = state[name]
        self.train_states = dict(zip(("fast", "slow"), state["registers"].tolist(), strict=True))
        self.means = state["means"].copy()
        self.refresh()


def _scale(weight: NDArray[np.floating], wanted: float) -> float:
    """Layer scale with which the largest weight becomes ``wanted``; 1 for 0."""
    most = float(np.abs(weight).max(initial=0.0))
    return most / wanted if wanted and most else 1.0


def _ages(config: PulsedDeviceConfig) -> bool:
    """Whether a mini-batch changes devices by other than the pulses of an update."""
    return bool(config.lifetime or config.diffusion or config.refresh_every)


def _below(state: State, prefix: str) -> State:
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
