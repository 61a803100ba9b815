"""One pass of a batch through all macros of a layer, block by block.

In one thread: two were slower, as the blocks are too small to outweigh Python's lock (LeNet-5,
batch 64: 370 samples per second instead of 439).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.analog.dac import column_levels, row_levels
from models.analog.macro import Drive, drive, hold, sum_type
from models.analog.noise import normal
from models.systems.range_control import RangeControl
from models.systems.watch import Conversion, Place

if TYPE_CHECKING:  # the layer makes its passes
    from models.systems.crossbar_layer import CrossbarLayer

BLOCK = 65536  # conversions or levels of one block of vectors: temporaries stay in the cache

Key = tuple[str | int, ...]
Seen = tuple[int, int, int]
Matrix = NDArray[np.floating]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pass:
    """Drive every macro of a layer with a batch of vectors, convert, recombine.

    Parameters
    ----------
    layer : CrossbarLayer
        The weights.
    codes : ndarray of int16, shape (n, inputs), or (n, outputs) when ``transpose``
        What is driven.
    key : tuple
        Part of the keys of the noise: step or evaluation.
    transpose : bool
        Drive columns and sense rows.
    signed : bool
        Drive a second phase for negative codes.
    """

    layer: "CrossbarLayer"
    codes: NDArray[np.int16]
    key: Key
    transpose: bool
    signed: bool

    @property
    def control(self) -> RangeControl:
        """Range register of the direction."""
        return self.layer.backward_range if self.transpose else self.layer.forward_range

    def run(self) -> NDArray[np.int64]:
        """Partial sums, shape (n, sensed, macros along the driven side)."""
        layer = self.layer
        sides = (
            (layer.inputs, layer.tile_columns)
            if self.transpose
            else (layer.outputs, layer.tile_rows)
        )
        partials = np.zeros((len(self.codes), *sides), np.int64)
        if not self.codes.any():
            return partials  # nothing is driven: no read
        seen = [one for place in layer.places for one in self._blocks(place, partials)]
        for one in seen:
            self.control.add(one)
        self._count(partials, sum(saturated for _, saturated, _ in seen))
        return partials

    @property
    def _drives(self) -> int:
        """Drives of one vector."""
        return self.layer.config.macro.slice_count * (1 + self.signed)

    def _blocks(self, place: Place, partials: NDArray[np.int64]) -> Iterator[Seen]:
        """Convert with one macro, block of vectors by block of vectors."""
        if self.transpose:
            driven, out = place.outputs, partials[:, place.inputs, place.column]
        else:
            driven, out = place.inputs, partials[:, place.outputs, place.row]
        rows = place.inputs.stop - place.inputs.start
        columns = 2 * (place.outputs.stop - place.outputs.start)
        size = max(1, BLOCK // (self._drives * max(rows, columns)))
        direction = "transpose" if self.transpose else "forward"
        matrices = self._matrices(place)
        for first in range(0, len(self.codes), size):
            codes, key = self.codes[first : first + size, driven], (*self.key, direction, first)
            yield self._convert(codes, matrices, out[first : first + size], place, key)

    def _matrices(self, place: Place) -> tuple[Matrix, ...]:
        """Give what the levels of one macro are multiplied with, see `_sums`."""
        conductance = self.layer.operand[place.inputs, place.columns]
        if not self.transpose:
            return (conductance,)
        plus, minus, half = conductance[:, 0::2], conductance[:, 1::2], conductance.dtype.type(0.5)
        return ((plus + minus) * half).T, ((plus - minus) * half).T

    def _sums(
        self, codes: NDArray[np.int16], matrices: tuple[Matrix, ...]
    ) -> tuple[NDArray[np.floating], Drive]:
        """Multiply levels and conductances to [n * drives, sensed]; what is driven, too.

        Transposed, phase 0 drives plus columns with p and minus columns with m, phase 1 the other
        way round, so their sums are half of ``(p + m)(G+ + G-)`` plus or minus half of
        ``(p - m)(G+ - G-)``: half the products. Every number is a multiple of half the grid and
        within the bound of `sum_type` in that unit, so all of it is exact.
        """
        macro = self.layer.config.macro
        shape = {"slices": macro.slice_count, "kind": sum_type(macro)}
        if not self.transpose:
            levels = row_levels(codes, macro, phases=1 + self.signed, **shape)
            flat = levels.reshape(-1, levels.shape[-1])
            return flat @ matrices[0], drive(flat, macro)
        sides = column_levels(codes, macro, **shape)
        flat = [side.reshape(-1, side.shape[-1]) for side in sides]
        common, opposed = (side @ matrix for side, matrix in zip(flat, matrices, strict=True))
        sums = np.empty((len(common), 2, common.shape[1]), common.dtype)
        np.add(common, opposed, out=sums[:, 0])
        np.subtract(common, opposed, out=sums[:, 1])
        both = drive(flat[0], macro)
        return sums.reshape(-1, sums.shape[2]), Drive(*(np.repeat(part, 2) for part in both))

    def _convert(
        self,
        codes: NDArray[np.int16],
        matrices: tuple[Matrix, ...],
        out: NDArray[np.int64],
        place: Place,
        key: Key,
    ) -> Seen:
        """Drive one macro with one block of vectors, convert, recombine."""
        layer, config = self.layer, self.layer.config
        sums, driven = self._sums(codes, matrices)
        noise = normal(layer.rng(place.row, place.column, *key), sums.shape)
        watched = None if layer.watch is None else noise.copy()
        lines = sums.shape[1]
        seen = layer.readout(place, lines, -self.control.value)
        parts = {"macro": config.macro, "device": config.device, "adc": config.adc}
        held = hold(sums, driven, seen.lines, noise, **parts)
        drives = config.macro.slice_count, 1 + self.signed
        raw = layer.units.sar(held).reshape(len(codes), *drives, lines)
        sums = layer.units.adc_interface(raw, seen.gain, seen.offset, pair=not self.transpose)
        out[:] = sums if self.transpose else sums[:, 0::2]
        if layer.watch is not None and watched is not None:
            conversion = Conversion(
                layer=layer.index,
                place=place,
                transpose=self.transpose,
                codes=codes,
                noise=watched.reshape(raw.shape),
                sums=out,
                adc_range=-self.control.value,
            )
            layer.watch.conversion(conversion)
        return self.control.see(raw)

    def _count(self, partials: NDArray[np.int64], saturated: int) -> None:
        layer, counters = self.layer, self.layer.counters
        drives = len(self.codes) * self._drives
        rows = layer.inputs * layer.tile_columns
        columns = 2 * layer.outputs * layer.tile_rows
        counters["dac_drives"] += drives * (columns if self.transpose else rows)
        counters["array_samples"] += drives * len(layer.places)
        counters.conversions(-self.control.value, drives * (rows if self.transpose else columns))
        counters["adc_saturations"] += saturated
        counters["partial_sums"] += partials.size
