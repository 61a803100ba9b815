"""What a crossbar shows to whoever wants to look: conversions and weight updates."""

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray


class Place(NamedTuple):
    """One macro of a layer: index, and the inputs and outputs that it holds."""

    row: int
    column: int
    inputs: slice
    outputs: slice

    @property
    def columns(self) -> slice:
        """Physical columns of the outputs."""
        return slice(2 * self.outputs.start, 2 * self.outputs.stop)


class Conversion(NamedTuple):
    """What one macro did to one block of vectors, for whoever wants to look."""

    layer: int
    place: Place
    transpose: bool
    codes: NDArray[np.integer]
    noise: NDArray[np.float32]
    sums: NDArray[np.int64]
    adc_range: int


class WeightUpdate(NamedTuple):
    """What one batch did to the state of a layer, for whoever wants to look."""

    layer: int
    x: NDArray[np.int16]
    delta: NDArray[np.int16]
    registers: tuple[int, int, int]
    chi_before: NDArray
    chi: NDArray
    counts: NDArray[np.integer]


class Watch(Protocol):
    """Somebody who looks at conversions and updates as they happen."""

    def conversion(self, seen: Conversion) -> None:
        """One block of vectors went through one macro."""
        ...

    def update(self, seen: WeightUpdate) -> None:
        """One batch was accumulated, and pulses were asked for."""
        ...
