"""Sampled operations of a run of pulsed training, to be replayed through the whole tile."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.digital.relu_mask import PASS
from models.systems.chopped import ChoppedSystem
from models.systems.chopped_array import ChoppedArray
from models.systems.chopped_watch import ArrayUpdate, ChoppedConversion, Transfer
from sim.chopped_signs import line_signs
from sim.cosim.chopped_operations import FAST, SLOW, ChoppedTileOp
from sim.pins import Sample

MEMORIES = ("h", "mean", "past")


@dataclass
class ChoppedSampler:
    """Watches the arrays of a system and keeps operations to replay.

    Parameters
    ----------
    system : ChoppedSystem
        The golden run.
    vectors : int
        Conversions to keep per step, layer and direction; vector pairs and reads of an update.
    """

    system: ChoppedSystem
    vectors: int
    samples: list[Sample] = field(default_factory=list)
    step: int = 0
    _taken: Counter[tuple] = field(default_factory=Counter)
    _weights: dict[tuple[int, int], NDArray] = field(default_factory=dict)

    def conversion(self, seen: ChoppedConversion) -> None:
        """Keep a few vectors, spread over the block, that drive something."""
        key = (self.step, seen.layer, seen.transpose)
        useful = np.flatnonzero(seen.codes.any(axis=1))
        wanted = min(self.vectors - self._taken[key], len(useful))
        if wanted <= 0:
            return
        self._taken[key] += wanted
        for vector in useful[np.linspace(0, len(useful) - 1, wanted).astype(int)]:
            self.samples.append(self._conversion_sample(seen, int(vector)))

    def _conversion_sample(self, seen: ChoppedConversion, vector: int) -> Sample:
        config, array = self.system.config, self._array(seen.layer)
        noise = np.zeros(seen.sums.shape[1], np.float32)
        if seen.draws is not None and seen.draws.output is not None:
            noise = seen.draws.output[0, vector]
        op = ChoppedTileOp(
            kind="backward" if seen.transpose else "forward",
            rows=array.rows,
            columns=array.columns,
            mvm=config.backward if seen.transpose else config.forward,
            codes=seen.codes[vector].astype(np.int64),
            weight=self._weight(array),
            noise=noise.copy(),
            scale=int(seen.scale[vector]),
            activation=PASS,
        )
        trained = {"codes": seen.sums[vector].copy(), "values": seen.values[vector].copy()}
        return Sample(op, op.kind, self.step, seen.layer, trained)

    def _array(self, layer: int) -> ChoppedArray:
        return next(one.array for one in self.system.layers if one.index == layer)

    def _weight(self, array: ChoppedArray) -> NDArray[Any]:
        """Weights of a layer at this step; one array per step."""
        key = self.step, array.index
        if key not in self._weights:
            self._weights[key] = array.operand.copy()
        return self._weights[key]

    def update(self, seen: ArrayUpdate) -> None:
        """Keep the first vector pairs of an update, with the transfers in between."""
        self.samples.append(self._update_sample(seen))
        if seen.array == "fast" and seen.transfer is None:  # reads without transfers (TTv1)
            for read in range(min(self.vectors, len(seen.z))):
                self.samples.append(self._read_sample(seen, read))

    def _update_sample(self, seen: ArrayUpdate) -> Sample:
        config, count = self.system.config, min(self.vectors, len(seen.x))
        transfers = seen.transfer is not None
        given: dict[str, Any] = {"x": seen.x[:count].copy(), "delta": seen.delta[:count].copy()}
        trained = _trained_pulses(seen, count, (config.rows, config.columns))
        if seen.transfer is not None:
            reads = int(np.searchsorted(seen.order.vector, count))
            more = _transfers(seen, seen.transfer, reads)
            given, trained = given | more[0], trained | more[1]
        op = ChoppedTileOp(
            kind="update",
            rows=seen.x.shape[1],
            columns=seen.delta.shape[1],
            array=FAST if seen.array == "fast" else SLOW,
            reference=transfers and self._is_differential,
            mvm=config.read,
            drive=config.read.largest_input,
            transfers=transfers,
            transfer_every=config.scheme.transfer_every,
            sequencer=seen.before,
            trains_state=seen.train_state,
            rate=seen.rate,
            **given,
        )
        return Sample(op, f"update_{seen.array}", seen.step, seen.layer, trained)

    def _read_sample(self, seen: ArrayUpdate, read: int) -> Sample:
        config, row = self.system.config, int(seen.order.row[read])
        op = ChoppedTileOp(
            kind="read",
            rows=seen.x.shape[1],
            columns=seen.delta.shape[1],
            array=FAST,
            reference=self._is_differential,
            mvm=config.read,
            row=row,
            drive=config.read.largest_input,
            lines=seen.seen[read : read + 1].copy(),
            noise=seen.draws[read].copy(),
        )
        trained = {"codes": seen.z[read].copy()}
        return Sample(op, "read", seen.step, seen.layer, trained)

    @property
    def _is_differential(self) -> bool:
        """Whether reads of the fast array subtract an analog reference."""
        return self.system.config.scheme.algorithm != "agad"


def _trained_pulses(
    seen: ArrayUpdate, count: int, lines: tuple[int, int]
) -> dict[str, NDArray[np.int8]]:
    """Pulses of the first vectors on the lines of a tile, with their signs."""
    slots, found = seen.managed.slots[:count], {}
    total = int(slots.sum())
    parts = zip(("row", "column"), seen.trains[:2], line_signs(seen), lines, strict=True)
    for name, fired, signs, width in parts:
        factor = np.repeat(1 - 2 * signs[:count].astype(np.int8), slots, axis=0)
        pulses = np.zeros((total, width), np.int8)
        pulses[:, : fired.shape[1]] = fired[:total].astype(np.int8) * factor
        found[f"{name}_pulses"] = pulses
    return found


def _transfers(
    seen: ArrayUpdate, transfer: Transfer, reads: int
) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Give what the first reads need, and what the run had for them."""
    order, place = seen.order, transfer.place[:reads]
    used = np.unique(place)
    used = used[np.argsort(transfer.rows[used])]
    before = {
        name: m[used] for name, m in zip(MEMORIES, transfer.before, strict=True) if m is not None
    }
    given = {
        "control": transfer.control,
        "lines": seen.seen[:reads].copy(),
        "noise": seen.draws[:reads].copy(),
        "places": transfer.rows[used],
        **before,
    }
    read, column = np.nonzero(transfer.counts[:reads])
    up = transfer.counts[read, column] > 0
    program = np.stack([order.row[read], column, up, np.ones_like(read)], axis=1)
    trained = {"adc_codes": seen.z[:reads].astype(np.int64), "program": program.astype(np.int64)}
    if reads == len(order.row):
        after = zip(MEMORIES, transfer.after, strict=True)
        trained |= {name: m[used] for name, m in after if m is not None}
    return given, trained
