"""Digital units of pulsed training: what the system `chopped` calls, on golden twins."""

from functools import cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models.config.chopped import ChoppedConfig
from models.config.units import RequantizeConfig
from models.digital.bf16_loops import (
    products,
    reciprocals,
    rounded_codes,
    scaled_codes,
    sums,
)
from models.digital.max_pool import max_pool
from models.digital.pulse_trains import Trains, pulse_trains
from models.digital.relu_mask import MASK, RELU, relu_mask
from models.digital.sequencer import Sequence, SequencerState, sequence
from models.digital.transfer import TransferControl, transfer_sequence
from models.digital.update_management import Managed, update_management

Bits = NDArray[np.uint16]
Codes = NDArray[np.int16]
Transferred = tuple[NDArray[Any], NDArray[Any] | None, NDArray[Any] | None, NDArray[np.int8]]


@cache
def dac_config(dac_bits: int) -> RequantizeConfig:
    """Quantiser in front of a DAC of ``dac_bits`` with sign."""
    return RequantizeConfig(code_width=dac_bits)


class ChoppedUnits(Protocol):
    """Digital units of one configuration; each method is one unit or a short chain of units.

    BF16 numbers are patterns; ``n`` vectors, ``l`` lines, ``T`` reads, ``c`` columns.
    """

    def dac_codes(self, values: Bits, scale: Bits, bits: int) -> Codes:
        """Values [n, l] times scale [n], rounded to signed codes of ``bits``."""
        ...

    def scaled(self, codes: Codes, scale: Bits) -> Bits:
        """ADC codes [n, l] as numbers, times scale [n]."""
        ...

    def reciprocal(self, values: Bits) -> Bits:
        """Reciprocals of a vector."""
        ...

    def multiply(self, a: Bits, b: Bits) -> Bits:
        """Products of two vectors."""
        ...

    def add(self, a: Bits, b: Bits) -> Bits:
        """Elementwise sum."""
        ...

    def relu(self, values: Bits) -> tuple[Bits, NDArray[np.bool_]]:
        """Rectified values, and where they are not 0."""
        ...

    def masked(self, values: Bits, mask: NDArray[np.bool_]) -> Bits:
        """Values where the mask is 1, else 0."""
        ...

    def max_pool(self, values: Bits) -> tuple[Bits, NDArray[np.uint8]]:
        """Values [n, k] that are not negative to their maxima and places."""
        ...

    def update_management(self, x_max: Bits, delta_max: Bits, rate: int) -> Managed:
        """Slots and scales of the trains of ``n`` vector pairs."""
        ...

    def pulse_trains(self, x: Bits, delta: Bits, managed: Managed, state: int) -> Trains:
        """Trains of vectors [n, rows] and [n, columns], from a register state."""
        ...

    def sequence(
        self, state: SequencerState, vectors: int, rows: int, columns: int
    ) -> tuple[Sequence, SequencerState]:
        """Give reads and choppers during ``vectors`` updates."""
        ...

    def transfer(
        self,
        h: NDArray[Any],
        mean: NDArray[Any] | None,
        past: NDArray[Any] | None,
        place: NDArray[np.intp],
        z: Codes,
        order: Sequence,
        control: TransferControl,
    ) -> Transferred:
        """Accumulate reads z [T, c] of rows ``place`` [T] of the states [k, c]; pulses [T, c]."""
        ...


class GoldenChoppedUnits:
    """`ChoppedUnits` on the golden twins.

    Parameters
    ----------
    config : ChoppedConfig
        Widths of all units.
    """

    def __init__(self, config: ChoppedConfig):
        self.config = config
        self._trains, self._sequencer = config.trains, config.sequencer
        self._transfer = config.transfer

    def dac_codes(self, values, scale, bits):
        return rounded_codes(values, scale, dac_config(bits).limit)

    def scaled(self, codes, scale):
        return scaled_codes(codes, scale)

    def reciprocal(self, values):
        return reciprocals(values)

    def multiply(self, a, b):
        return products(a, b)

    def add(self, a, b):
        return sums(a.reshape(-1), b.reshape(-1)).reshape(a.shape)

    def relu(self, values):
        return relu_mask(values, np.zeros(1, np.bool_), RELU)

    def masked(self, values, mask):
        return relu_mask(values, mask, MASK).value

    def max_pool(self, values):
        # patterns of numbers that are not negative are ordered as integers
        best, places = max_pool(values.view(np.int16))
        return best.view(np.uint16), places

    def update_management(self, x_max, delta_max, rate):
        return update_management(x_max, delta_max, rate, self.config.update)

    def pulse_trains(self, x, delta, managed, state):
        return pulse_trains(x, delta, managed, state, self._trains)

    def sequence(self, state, vectors, rows, columns):
        every = self.config.scheme.transfer_every
        return sequence(state, vectors, rows, columns, every, self._sequencer)

    def transfer(self, h, mean, past, place, z, order, control):
        return transfer_sequence(h, mean, past, place, z, order, self._transfer, control)
