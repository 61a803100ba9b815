"""The golden set of digital units: what a system calls, with RTL kernels as the other set."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.config.tile import TileConfig
from models.digital.accumulate_threshold import Update, accumulate_threshold
from models.digital.adc_interface import adc_interface
from models.digital.bf16 import BF16_MUL, INT_TO_BF16
from models.digital.float_mul import float_mul
from models.digital.int_to_float import int_to_float
from models.digital.lfsr import lfsr_words
from models.digital.max_pool import max_pool
from models.digital.post_process import PostProcessed, post_process
from models.digital.requantize import requantize
from models.digital.sar import sar


class DigitalUnits(Protocol):
    """Digital units of one tile configuration; each method is one unit."""

    def sar(self, held: NDArray[np.float32]) -> NDArray[np.unsignedinteger]:
        """Held inputs [..., line] in LSB to codes."""
        ...

    def adc_interface(
        self, codes: NDArray, gain: NDArray, offset: NDArray, *, pair: bool
    ) -> NDArray[np.int64]:
        """Codes [n, slice, phase, line] of one mux group to sums [n, line]."""
        ...

    def post_process(
        self,
        partials: NDArray[np.int64],
        scale: int,
        bias: NDArray[np.uint16],
        mask: NDArray[np.bool_],
        *,
        activation: int,
        exponent: int,
    ) -> PostProcessed:
        """Partial sums [..., k] to sums, BF16 values, masks and codes [...]; bias broadcasts."""
        ...

    def requantize(
        self, value: NDArray[np.uint16], random: NDArray | None, *, exponent: int
    ) -> NDArray[np.int16]:
        """BF16 values to codes; stochastic where random words are given."""
        ...

    def accumulate_threshold(
        self,
        chi: NDArray,
        x: NDArray,
        delta: NDArray,
        *,
        shift: int,
        scale: int,
        threshold: int,
    ) -> Update:
        """State [r, c] and vectors x [k, r], delta [k, c] to state and pulse counts."""
        ...

    def max_pool(self, codes: NDArray[np.int16]) -> tuple[NDArray, NDArray[np.uint8]]:
        """Codes [n, k] to their maxima and places."""
        ...

    def random_words(self, state: int, count: int) -> tuple[NDArray[np.uint16], int]:
        """Words of the random source from a register state, and the state after them."""
        ...

    def int_to_bf16(self, value: NDArray[np.int64]) -> NDArray[np.uint16]:
        """Integers of up to 48 bits to BF16."""
        ...

    def bf16_mul(self, a: NDArray[np.uint16], b: NDArray[np.uint16]) -> NDArray[np.uint16]:
        """Elementwise product."""
        ...


class GoldenUnits:
    """`DigitalUnits` on the golden twins.

    Parameters
    ----------
    tile : TileConfig
        Widths of all units.
    """

    def __init__(self, tile: TileConfig):
        self.tile = tile

    def sar(self, held):
        return sar(held, self.tile.macro.adc_bits)

    def adc_interface(self, codes, gain, offset, *, pair):
        return adc_interface(codes, gain, offset, self.tile.adc_interface, pair=pair)

    def post_process(self, partials, scale, bias, mask, *, activation, exponent):
        return post_process(
            partials,
            np.uint16(scale),
            bias,
            mask,
            None,
            self.tile.post_process,
            activation=activation,
            exponent=exponent,
            stochastic=False,
        )

    def requantize(self, value, random, *, exponent):
        config = self.tile.post_process.requantize
        stochastic = random is not None
        return requantize(value, config, exponent=exponent, stochastic=stochastic, random=random)

    def accumulate_threshold(self, chi, x, delta, *, shift, scale, threshold):
        return accumulate_threshold(
            chi,
            x,
            delta,
            self.tile.update,
            shift=shift,
            scale=scale,
            threshold=threshold,
            transfer=True,
        )

    def max_pool(self, codes):
        return max_pool(codes)

    def random_words(self, state, count):
        return lfsr_words(state, count, self.tile.lfsr)

    def int_to_bf16(self, value):
        return int_to_float(value, INT_TO_BF16)

    def bf16_mul(self, a, b):
        return float_mul(a, b, BF16_MUL)
