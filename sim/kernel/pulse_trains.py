"""Pulse trains of a whole batch through the generated networks of their unit."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.config.chopped_units import PulseTrainConfig
from models.config.units import LfsrConfig
from models.digital.lfsr import jump
from models.digital.pulse_trains import Trains
from models.digital.update_management import Managed
from sim.kernel.batch import build_all
from sim.kernel.trains_bench import SlotBench, ThresholdBench

Bits = NDArray[np.uint16]
CHUNK = 2**22  # lines of slots at a time


class TrainsKernel:
    """Thresholds, pulses and the register of :class:`PulseTrains`, like the twin `pulse_trains`.

    The unit itself, a line or a slot per cycle, takes 130 us per slot of 105 lines in Verilator
    and 12 ms of 641: registers of all lines are looked at in every cycle. Here the stages that make
    its thresholds and the network behind its register run without them, a beat per line or slot.
    Slots get the states that the twin goes through, and RTL says which state follows each: the
    sequences are the same if all of these agree, which is checked. The unit with its registers is
    part of the tile.

    Parameters
    ----------
    config : PulseTrainConfig
        Lines, words and register.
    shapes : sequence of (int, int)
        Rows and columns in use that will be asked for.
    make : callable
        Kernel of a component, by a name and lanes.
    """

    def __init__(
        self,
        config: PulseTrainConfig,
        shapes: Sequence[tuple[int, int]],
        make: Callable[..., Any],
    ):
        self.config = config
        self._threshold = make(ThresholdBench(config), "pulse_thresholds")
        lanes = {"i.limits": (config.random_bits + 1, False), "o.fire": (8, False)}
        self._slots = {
            shape: make(SlotBench(config, *shape), "pulse_trains", dict(lanes))
            for shape in dict.fromkeys(shapes)
        }

    @property
    def kernels(self) -> list[Any]:
        """Every kernel."""
        return [self._threshold, *self._slots.values()]

    def build(self) -> None:
        """Compile unless that is done."""
        build_all(self.kernels)

    def __call__(self, x: Bits, delta: Bits, managed: Managed, state: int) -> Trains:
        """Give the pulses of all vectors.

        Raises
        ------
        RuntimeError
            If the register does not go from each state to the next.
        """
        used = np.flatnonzero(managed.slots)
        limits = np.concatenate(
            [
                self._limits(x[used], managed.x_scale[used]),
                self._limits(delta[used], managed.delta_scale[used]),
            ],
            axis=1,
        )
        vector = np.repeat(np.arange(len(used)), managed.slots[used])
        states = lfsr_states(state, len(vector) + 1, self.config.lfsr)
        kernel, lines = self._slots[x.shape[1], delta.shape[1]], limits.shape[1]
        fire = np.empty((len(vector), lines), np.uint8)
        for start in range(0, len(vector), max(1, CHUNK // lines)):
            part = slice(start, start + max(1, CHUNK // lines))
            out = kernel(state=states[:-1][part], limits=limits[vector[part]])
            self._check(out["state"], states[1:][part])
            fire[part] = np.unpackbits(out["fire"], axis=1, count=lines, bitorder="little")
        rows, columns = np.split(fire, [x.shape[1]], axis=1)
        return Trains(rows, columns, int(states[-1]))

    def _check(self, got: NDArray[np.integer], wanted: NDArray[np.integer]) -> None:
        if wrong := np.flatnonzero(got != wanted).tolist():
            pair = int(wanted[wrong[0]]), int(got[wrong[0]])
            raise RuntimeError(f"pulse_trains: the register must become {pair[0]}, not {pair[1]}")

    def _limits(self, values: Bits, scale: Bits) -> NDArray[np.unsignedinteger]:
        scales = np.broadcast_to(scale[:, None], values.shape).reshape(-1)
        found = self._threshold(value=values.reshape(-1), scale=scales)["payload"]
        return found.reshape(values.shape)


def lfsr_states(state: int, count: int, config: LfsrConfig) -> NDArray[np.uint32]:
    """Give ``state`` and the states that follow it, one word later each; ``count`` in all."""
    states, power = np.array([state], np.uint32), 0
    while len(states) < count:
        states = np.concatenate([states, jump(states, power, config)])
        power += 1
    return states[:count]
