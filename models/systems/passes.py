"""One pass of a batch through all macros of a layer, block by block."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.analog.dac import column_levels, row_levels
from models.analog.macro import Converters, sense, sum_type
from models.analog.noise import normal
from models.systems.range_control import RangeControl
from models.systems.watch import Conversion, Place

if TYPE_CHECKING:  # the layer makes its passes
    from models.systems.crossbar_layer import CrossbarLayer

BLOCK = 65536  # conversions or levels of one block of vectors: temporaries stay in the cache
THREADS = 2

Key = tuple[str | int, ...]
Seen = tuple[int, int, int]


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
        jobs = [job for place in layer.places for job in self._jobs(place, partials)]
        if layer.units.concurrent and layer.watch is None and len(jobs) > 1:
            with ThreadPoolExecutor(THREADS) as pool:
                seen = list(pool.map(lambda job: job(), jobs))
        else:
            seen = [job() for job in jobs]
        for one in seen:
            self.control.add(one)
        self._count(partials, sum(saturated for _, saturated, _ in seen))
        return partials

    def _jobs(self, place: Place, partials: NDArray[np.int64]) -> list[partial[Seen]]:
        """Conversions of one macro, one for each block of vectors."""
        if self.transpose:
            driven, out = place.outputs, partials[:, place.inputs, place.column]
        else:
            driven, out = place.inputs, partials[:, place.outputs, place.row]
        rows = place.inputs.stop - place.inputs.start
        columns = 2 * (place.outputs.stop - place.outputs.start)
        drives = self.layer.config.macro.slice_count * (1 + self.signed)
        block = max(1, BLOCK // (drives * max(rows, columns)))
        direction = "transpose" if self.transpose else "forward"
        return [
            partial(
                self._convert,
                self.codes[first : first + block, driven],
                out[first : first + block],
                place,
                (*self.key, direction, first),
            )
            for first in range(0, len(self.codes), block)
        ]

    def _convert(
        self, codes: NDArray[np.int16], out: NDArray[np.int64], place: Place, key: Key
    ) -> Seen:
        """Drive one macro with one block of vectors, convert, recombine."""
        layer, macro = self.layer, self.layer.config.macro
        kind, slices = sum_type(macro), macro.slice_count
        if self.transpose:
            levels = column_levels(codes, macro, slices=slices, kind=kind)
        else:
            levels = row_levels(codes, macro, slices=slices, phases=1 + self.signed, kind=kind)
        conductance = layer.conductance[place.inputs, place.columns].astype(kind, copy=False)
        if self.transpose:
            conductance = np.ascontiguousarray(conductance.T)
        flat, lines = levels.reshape(-1, levels.shape[-1]), conductance.shape[1]
        noise = normal(layer.rng(place.row, place.column, *key), (len(flat), lines))
        watched = None if layer.watch is None else noise.copy()
        converters, gain, offset = layer.lines[place.row, place.column]
        held = sense(
            flat,
            conductance,
            Converters(*(part[:lines] for part in converters)),
            noise,
            macro=macro,
            device=layer.config.device,
            adc=layer.config.adc,
            adc_range=-self.control.value,
        )
        raw = layer.units.sar(held).reshape(*levels.shape[:3], lines)
        registers = gain[:lines], offset[:lines]
        sums = layer.units.adc_interface(raw, *registers, pair=not self.transpose)
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
        drives = len(self.codes) * layer.config.macro.slice_count * (1 + self.signed)
        rows = layer.inputs * layer.tile_columns
        columns = 2 * layer.outputs * layer.tile_rows
        counters["dac_drives"] += drives * (columns if self.transpose else rows)
        counters["array_samples"] += drives * len(layer.places)
        counters.conversions(-self.control.value, drives * (rows if self.transpose else columns))
        counters["adc_saturations"] += saturated
        counters["partial_sums"] += partials.size
