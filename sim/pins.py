"""Level 2 of the cross-check: sampled operations of a run, replayed through the whole tile."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.digital.pulse_sequencer import pulse_program
from models.digital.relu_mask import MASK, PASS, RELU
from models.systems.memristor import INPUT_EXPONENT, MemristorSystem
from models.systems.stage import Stage, bits
from models.systems.watch import Conversion, Place, WeightUpdate
from sim.cosim.operations import TileOp

PRODUCT_LIMIT = 300_000  # products, and so about cycles, of a sampled update


@dataclass
class Sample:
    """One operation to replay and what the training run had in its place."""

    op: Any  # TileOp, or that of another tile
    unit: str
    step: int
    layer: int
    trained: dict[str, NDArray]


@dataclass
class PinSampler:
    """Watches the crossbars of a system and keeps operations to replay.

    Parameters
    ----------
    system : MemristorSystem
        The golden run.
    vectors : int
        Conversions to keep per step, layer, direction and macro.
    """

    system: MemristorSystem
    vectors: int
    samples: list[Sample] = field(default_factory=list)
    step: int = 0
    _taken: Counter[tuple] = field(default_factory=Counter)
    _arrays: dict[tuple, NDArray] = field(default_factory=dict)

    def conversion(self, seen: Conversion) -> None:
        """Keep a few vectors, spread over the block, that drive something."""
        key = (self.step, seen.layer, seen.place.row, seen.place.column, seen.transpose)
        useful = np.flatnonzero(seen.codes.any(axis=1))
        wanted = min(self.vectors - self._taken[key], len(useful))
        if wanted <= 0:
            return
        self._taken[key] += wanted
        for vector in useful[np.linspace(0, len(useful) - 1, wanted).astype(int)]:
            self.samples.append(self._conversion_sample(seen, int(vector)))

    def _conversion_sample(self, seen: Conversion, vector: int) -> Sample:
        stage, macro = self._stage(seen.layer), self.system.config.macro
        crossbar, place = stage.crossbar, seen.place
        lines = macro.rows if seen.transpose else macro.columns
        noise = np.zeros((*seen.noise.shape[1:3], lines), np.float32)
        noise[..., : seen.noise.shape[3]] = seen.noise[vector]
        gain, offset = crossbar.calibration(place)
        op = TileOp(
            kind="backward" if seen.transpose else "forward",
            codes=seen.codes[vector].astype(np.int64),
            slices=macro.slice_count,
            signed=seen.noise.shape[2] == 2,
            adc_range=seen.adc_range,
            gain=gain,
            offset=offset,
            conductance=self._conductance(stage, place),
            converters=crossbar.converters[place.row, place.column],
            noise=noise,
            **(self._backward if seen.transpose else self._forward)(stage, place),
        )
        return Sample(op, op.kind, self.step, seen.layer, {"sums": seen.sums[vector].copy()})

    def _stage(self, layer: int) -> Stage:
        return next(s for s in self.system.stages if s.crossbar.index == layer)

    def _conductance(self, stage: Stage, place: Place) -> NDArray[np.float32]:
        """Conductances of one macro at this step, the unused part 0; one array per step."""
        key = (self.step, stage.crossbar.index, place.row, place.column)
        if key not in self._arrays:
            macro = self.system.config.macro
            whole = np.zeros((macro.rows, macro.columns), np.float32)
            used = stage.crossbar.conductance[place.inputs, place.columns]
            whole[: used.shape[0], : used.shape[1]] = used
            self._arrays[key] = whole
        return self._arrays[key]

    def _forward(self, stage: Stage, place: Place) -> dict[str, Any]:
        """Post-processing as the layer has it (its partial sums of other macros left out)."""
        stages = self.system.stages
        below = stages.index(stage) - 1
        exponent = stages[below].exponent.value if below >= 0 else INPUT_EXPONENT
        outputs = place.outputs.stop - place.outputs.start
        return {
            "outputs": outputs,
            "scale": np.full(outputs, bits(stage.crossbar.forward_unit * 2.0**exponent)),
            "bias": stage.register[place.outputs].astype(np.int64),
            "mask": np.zeros(outputs, np.int64),
            "activation": RELU if stage.relu else PASS,
            "exponent": stage.exponent.value,
        }

    def _backward(self, stage: Stage, place: Place) -> dict[str, Any]:
        outputs = place.inputs.stop - place.inputs.start
        mask = np.arange(outputs) % 3 != 0  # stands for the mask of the layer below
        return {
            "outputs": outputs,
            "scale": np.full(outputs, bits(stage.crossbar.backward_unit * 2.0**-12)),
            "bias": np.zeros(outputs, np.int64),
            "mask": mask.astype(np.int64),
            "activation": MASK,
            "exponent": -14,
        }

    def update(self, seen: WeightUpdate) -> None:
        """Keep the update of each macro; of a very long one only its first vectors."""
        crossbar = self._stage(seen.layer).crossbar
        shift, scale, threshold = seen.registers
        for place in crossbar.places:
            rows, columns = place.inputs, place.outputs
            x, delta = seen.x[:, rows], seen.delta[:, columns]
            before, after = seen.chi_before[rows, columns], seen.chi[rows, columns]
            trained = {"chi": after, "pulses": self._pulses(seen.counts[rows, columns])}
            if len(x) * before.size > PRODUCT_LIMIT:
                keep = max(1, PRODUCT_LIMIT // before.size)
                x, delta, trained = x[:keep], delta[:keep], {}
            op = TileOp(
                kind="update",
                x=x.astype(np.int64),
                delta=delta.astype(np.int64),
                chi=before,
                shift=shift,
                update_scale=scale,
                threshold=threshold,
                transfer=True,
            )
            self.samples.append(Sample(op, "update", self.step, seen.layer, trained))

    def _pulses(self, counts: NDArray) -> NDArray:
        row, pair = np.indices(counts.shape)
        return pulse_program(row, pair, counts, self.system.config.update.scheme)
