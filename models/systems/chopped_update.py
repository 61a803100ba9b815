"""One batch of vector pairs on one weight matrix: trains, pulses, reads, transfers."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.analog.crosspoint_pulses import count_coincidences
from models.analog.mvm_rows import read_rows
from models.analog.noise import normal
from models.digital.bf16_loops import largest, mean_largest
from models.digital.pulse_trains import Trains, pulse_trains
from models.digital.sequencer import Sequence, SequencerState, sequence
from models.digital.update_management import Managed
from models.systems.chopped_phase import pulse_and_read
from models.systems.chopped_product import ONE, bits, constant
from models.systems.chopped_watch import ArrayUpdate, Transfer

if TYPE_CHECKING:  # the array makes its updates
    from models.systems.chopped_array import ChoppedArray

SIGN = np.uint16(0x8000)

Bits = NDArray[np.uint16]


class Update:
    """Vector pairs x [n, rows], delta [n, columns] of one batch; see `ChoppedArray.update`."""

    def __init__(self, array: "ChoppedArray", step: int, rate: float):
        self.array, self.units, self.config = array, array.units, array.config
        self.step, self.rate = step, rate
        self.rng = array.draws(("step", step))

    def run(self, x: Bits, delta: Bits) -> None:
        """Do all of it."""
        algorithm = self.config.scheme.algorithm
        if algorithm == "sgd":
            self._show(self._pulsed("slow", x, delta, self.rate / self.array.steps["slow"]))
            return
        seen = self._pulsed("fast", x, delta, self._fast_rate(largest(x), largest(delta)))
        if algorithm == "ttv1":
            self._show(seen)
            self._write(seen)
        else:
            self._show(seen._replace(transfer=self._transfer(seen)))

    def _show(self, seen: ArrayUpdate) -> None:
        if self.array.watch is not None:
            self.array.watch.update(seen)

    def _fast_rate(self, x_max: Bits, delta_max: Bits) -> float:
        """Learning rate of the fast array over the mean step of its devices.

        aihwkit follows the largest magnitudes vector by vector; here the means move once a batch.
        """
        scheme, means = self.config.scheme, self.array.means
        if not scheme.auto_scale:
            return scheme.fast_lr / self.array.steps["fast"]
        batch = mean_largest(x_max, delta_max)
        if not batch.all():
            return 0.0
        if not means.all():
            means[:] = batch
        rate = scheme.fast_lr * self.config.update.desired_bl / float(means[0] * means[1])
        means += (1 - scheme.auto_momentum) * (batch - means)
        return rate

    def _pulsed(self, name: str, x: Bits, delta: Bits, rate: float) -> ArrayUpdate:
        """Pulse one array with vector pairs; the fast one is read meanwhile."""
        array = self.array
        fast = name == "fast"
        points = array.fast if fast else array.slow
        assert points is not None
        pattern = bits(rate)
        managed = self.units.update_management(largest(x), largest(delta), pattern)
        state = array.train_states[name]
        trains = self._trains(name, x, delta, managed)
        before = array.sequencer
        order, after = self._order(len(x) if fast else 0)
        pulses = int(count_coincidences(trains.rows, trains.columns))
        draws = points.draws(pulses, self.rng)
        reference = None if self.config.scheme.algorithm == "agad" else points.reference
        vectors, choppers = (x, delta), (before, after)
        reads = pulse_and_read(
            points, reference, vectors, managed.slots, trains, choppers, order, draws
        )
        array.sequencer = after
        noise = normal(self.rng, reads.shape)
        z = read_rows(reads, noise, self.config.read)
        if not fast:
            array.refresh()
        self._count(name, managed, pulses, z)
        return ArrayUpdate(
            *(array.index, self.step, name, x, delta, pattern, managed, trains, state),
            *(before, after, order, reads, noise, z, None),
        )

    def _order(self, vectors: int) -> tuple[Sequence, SequencerState]:
        """Find reads and choppers during so many updates of the fast array; none for 0."""
        array = self.array
        given = array.sequencer, vectors, array.rows, array.columns
        if not vectors:
            return sequence(*given, self.config.scheme.transfer_every, self.config.sequencer)
        return self.units.sequence(*given)

    def _trains(self, name: str, x: Bits, delta: Bits, managed: Managed) -> Trains:
        """Pulse trains, from the register or from numpy's words."""
        array = self.array
        state = array.train_states[name]
        if self.config.digital.source == "lfsr":
            trains = self.units.pulse_trains(x, delta, managed, state)
            array.train_states[name] = trains.state
            return trains
        shape = int(managed.slots.sum()), x.shape[1] + delta.shape[1]
        words = _words(self.rng, shape)
        return pulse_trains(x, delta, managed, state, self.config.trains, words)

    def _transfer(self, seen: ArrayUpdate) -> Transfer:
        """Accumulate what was read; write pulses that are due."""
        array = self.array
        rows, place = _places(seen.order.row, array.rows)
        before = tuple(None if m is None else m[rows] for m in array.memories)
        control = array.control(self.rate)
        h, mean, past = before
        assert h is not None
        *after, counts = self.units.transfer(h, mean, past, place, seen.z, seen.order, control)
        for memory, part in zip(array.memories, after, strict=True):
            if memory is not None:
                memory[rows] = part
        flat = np.flatnonzero(counts)
        if len(flat):
            read, column = np.divmod(flat, array.columns)
            places = seen.order.row[read] * array.columns + column
            ups = (counts.reshape(-1)[flat] > 0).astype(np.uint8)
            array.pulse_slow(places, ups, self.step)
        return Transfer(rows, place, before, tuple(after), counts, control)

    def _write(self, seen: ArrayUpdate) -> None:
        """Tiki-Taka v1: write each read by a pulsed update of its row."""
        reads = len(seen.z)
        if not reads:
            return
        unit = constant(reads, bits(self.config.read.output_step))
        delta = self.units.scaled(seen.z, unit) ^ SIGN  # W moves with what was read
        x = np.zeros((reads, self.array.rows), np.uint16)
        x[np.arange(reads), seen.order.row] = ONE
        rate = self.config.scheme.transfer_lr * self.rate / self.array.steps["slow"]
        self._show(self._pulsed("slow", x, delta, rate))

    def _count(self, name: str, managed: Managed, pulses: int, z: NDArray[Any]) -> None:
        counters = self.array.counters
        counters[f"vectors_{name}"] += len(managed.slots)
        counters[f"slots_{name}"] += int(managed.slots.sum())
        counters[f"device_pulses_{name}"] += pulses
        counters["fast_reads"] += len(z)
        counters["adc_conversions"] += z.size


def _words(rng: np.random.Generator, shape: tuple[int, int]) -> Bits:
    """Draw uniform words of 16 bits, four from each word of the generator."""
    count = shape[0] * shape[1]
    drawn = rng.integers(0, 2**64 - 1, -(-count // 4), np.uint64, endpoint=True)
    return drawn.astype("<u8", copy=False).view("<u2")[:count].reshape(shape)


def _places(row: NDArray[np.int64], rows: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows that are read, and where in them each read is; reads go round the rows in order."""
    if len(row) > rows:
        return np.arange(rows), row
    return row, np.arange(len(row))
