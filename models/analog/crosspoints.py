"""An array of crosspoints: what is programmed, pulsed and read, and what time does to it.

==============================  ==============  ================================
quantity                        symbol          variable
==============================  ==============  ================================
weight of the devices           w               ``points.cells[:, HIDDEN]``
weight that reads see           v               ``points.visible``
weight of the reference         r               ``reference``
weight of the model             v - r           ``seen``
==============================  ==============  ================================
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.analog.crosspoint_draws import draw_points, draw_reference, draw_rest
from models.analog.crosspoint_pulses import HIDDEN, LOWER, UPPER, Points, apply_pulses
from models.analog.crosspoint_refresh import refresh_places, refresh_trains
from models.analog.crosspoint_symmetry import mean_step, symmetry_point
from models.analog.crosspoint_time import Ageing, draw_ageing
from models.analog.noise import normal
from models.config.pulsed import PulsedDeviceConfig

Array = NDArray[np.float32]


@dataclass
class Crosspoints:
    """An array of pulsed devices, drawn by `draw_crosspoints`.

    Parameters
    ----------
    config : PulsedDeviceConfig
        What it was drawn from.
    shape : tuple of int
        Rows and columns.
    points : Points
        The devices, for the compiled loops of `models.analog.crosspoint_pulses`.
    reference : ndarray of float32, shape (rows * columns,), or None
        What reads subtract.
    ageing : Ageing
        What time does to the devices.
    batches : int
        Mini-batches since the array was made.
    """

    config: PulsedDeviceConfig
    shape: tuple[int, int]
    points: Points
    reference: Array | None
    ageing: Ageing
    batches: int = 0

    def raw(self) -> Array:
        """Give what reads without the reference see; of one-sided pairs the difference."""
        visible, second = self.points.visible, self.points.second
        if second:
            visible = visible[:second] - visible[second:]
        return visible.reshape(self.shape)

    @property
    def seen(self) -> Array:
        """Weights that reads see, shape (rows, columns).

        Of single devices without reference it is a view that follows every pulse.
        """
        raw = self.raw()
        return raw if self.reference is None else raw - self.reference.reshape(self.shape)

    def seen_at(self, places: NDArray[np.intp]) -> Array:
        """Weights that reads see of some crosspoints, by their flat places."""
        seen, second = self.points.visible[places], self.points.second
        if second:
            seen -= self.points.visible[places + second]
        return seen if self.reference is None else seen - self.reference.reshape(-1)[places]

    def draws(self, pulses: int, rng: Generator) -> tuple[Array, Array]:
        """Draws of so many pulses: of their steps, then of the visible weights if there is noise.

        Without cycle-to-cycle spread the first are zeros and nothing is drawn.
        """
        steps = normal(rng, (pulses,)) if self.points.cycle else np.zeros(pulses, np.float32)
        return steps, normal(rng, (pulses if self.points.write else 0,))

    def placed(self, weights: NDArray[np.floating], rng: Generator | None = None) -> Array:
        """Program the devices to be seen as ``weights``, within bounds, and give what is seen.

        Parameters
        ----------
        weights : ndarray, shape (rows, columns)
            Aim. One-sided pairs put positive ones on the adding and negative ones on the
            subtracting device.
        rng : Generator, optional
            Source of the write noise; without it there is none until the next pulse.
        """
        aim = np.asarray(weights, np.float32)
        if aim.shape != self.shape:
            raise ValueError(f"weights must be of shape {self.shape}, not {aim.shape}")
        aim = aim.reshape(-1) if self.reference is None else aim.reshape(-1) + self.reference
        if self.points.second:
            aim = np.concatenate([np.maximum(aim, 0), np.maximum(-aim, 0)])
        self._set(slice(None), aim, rng)
        return self.seen

    def add(self, change: NDArray[np.floating], rng: Generator) -> None:
        """Add to the weights, shape (rows, columns), within bounds; pairs add on one side each."""
        flat = np.asarray(change, np.float32).reshape(-1)
        if self.points.second:
            flat = np.concatenate([np.maximum(flat, 0), np.maximum(-flat, 0)])
        self._set(slice(None), self.points.cells[:, HIDDEN] + flat, rng)

    def decay(self, rng: Generator) -> None:
        """Let a mini-batch of decay pass; ``rng`` is the source of write noise."""
        if self.ageing.kept is not None:
            self._age(self.ageing.decayed(self._looked_at()), rng)

    def diffuse(self, rng: Generator) -> None:
        """Let a mini-batch of diffusion pass."""
        if self.ageing.spread is not None:
            self._age(self.ageing.diffused(self._looked_at(), rng), rng)

    def drift(self, seconds: float, rng: Generator) -> None:
        """Let some seconds of drift pass.

        A device that changed otherwise than by time since the last decay, diffusion or drift starts
        anew at the beginning of this call.
        """
        weight = self.ageing.drifted(self._looked_at(), seconds)
        if self.ageing.nu is not None:
            self._age(weight, rng)

    def reset(self, rng: Generator, rows: Any = None) -> None:
        """Reset all devices, or those of some rows (indices), to their reset weights."""
        places = np.arange(self.points.cells.shape[0])
        if rows is not None:
            inside = np.zeros(self.shape, bool)
            inside[rows] = True
            places = places[np.tile(inside.reshape(-1), len(places) // inside.size)]
        self._reset(places, rng)

    def refresh(self, rng: Generator) -> int:
        """Reset one-sided pairs near their bounds and write their differences by pulses anew.

        Both weights are read without error. The write is one pulsed update per row, of at most
        ``refresh_bl`` slots, without correction: what it misses is left to training.

        Returns
        -------
        int
            Pairs refreshed.
        """
        second = self.points.second
        places = refresh_places(self.config, self.points)
        if len(places):
            difference = self.raw().reshape(-1)[places]
            self._reset(np.concatenate([places, places + second]), rng)
            step = mean_step(self.config)
            trains = refresh_trains(places, difference, step, self.shape[1], self.config, rng)
            apply_pulses(self.points, *trains, *self.draws(len(trains[0]), rng))
        return len(places)

    def end_batch(self, rng: Generator) -> int:
        """Let a mini-batch pass: decay, diffusion and, when it is due, the refresh of pairs.

        Returns
        -------
        int
            Pairs refreshed.
        """
        self.batches += 1
        self.decay(rng)
        self.diffuse(rng)
        every = self.config.refresh_every if self.points.second else 0
        return self.refresh(rng) if every and self.batches % every == 0 else 0

    def symmetry_point(self) -> Array:
        """Raw weights, shape (rows, columns), at which up and down pulses move a device alike.

        NaN where there are none: of stuck devices and where both steps differ everywhere.
        """
        return symmetry_point(self.points).reshape(self.shape)

    def state(self) -> dict[str, NDArray[Any]]:
        """Copy all that pulses and time change."""
        return {name: values.copy() for name, values in self._state().items()}

    def load_state(self, state: dict[str, NDArray[Any]]) -> None:
        """Take up the state of an array of this shape and config.

        Raises
        ------
        ValueError
            For an array of another shape.
        """
        for name, values in self._state().items():
            if state[name].shape != values.shape:
                raise ValueError(f"{name} must be of {values.shape}, not {state[name].shape}")
            values[...] = state[name]
        self.batches, self.ageing.now_s = int(state["batches"]), float(state["now_s"])

    def _state(self) -> dict[str, NDArray[Any]]:
        hidden, ageing = self.points.cells[:, HIDDEN], self.ageing
        counters = {"batches": np.array(self.batches), "now_s": np.array(ageing.now_s)}
        clocks = {"start": ageing.start, "last": ageing.last}
        return {"hidden": hidden, "visible": self.points.visible, **clocks, **counters}

    def _set(self, places: Any, weights: NDArray[np.floating], rng: Generator | None) -> None:
        """Set weights within bounds, with write noise if there is a generator."""
        cells, points = self.points.cells, self.points
        held = np.clip(weights, cells[places, LOWER], cells[places, UPPER])
        cells[places, HIDDEN] = held
        if rng is not None and points.write:
            held = held + np.float32(points.write) * normal(rng, held.shape)
        points.visible[places] = held

    def _reset(self, places: NDArray[np.intp], rng: Generator) -> None:
        spread = np.float32(self.config.reset_std) * normal(rng, places.shape)
        self._set(places, self.ageing.rest[places] + spread, rng)

    def _looked_at(self) -> Array:
        weight = self.points.cells[:, HIDDEN].copy()
        self.ageing.look(weight)
        return weight

    def _age(self, weight: Array, rng: Generator) -> None:
        self._set(slice(None), weight, rng)
        self.ageing.leave(self.points.cells[:, HIDDEN])


def draw_crosspoints(
    config: PulsedDeviceConfig, shape: tuple[int, int], rng: Generator
) -> Crosspoints:
    """Draw an array of crosspoints and program it to be seen as 0, without write noise.

    Draws come in the order population, exponents, reference, reset weights and rates; none for
    spreads that are 0 but those of the population.
    """
    rows, columns = shape
    drawn, points = draw_points(config, rows * columns, columns, rng)
    reference = draw_reference(config, drawn, rows * columns, rng)
    ageing = draw_ageing(config, draw_rest(config, drawn, rng), rng)
    found = Crosspoints(config, (rows, columns), points, reference, ageing)
    found.placed(np.zeros(shape, np.float32))
    return found
