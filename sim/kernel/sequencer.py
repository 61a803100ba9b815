"""Reads and choppers of a whole batch through the generated sequencer."""

from typing import Any

import numpy as np

from models.config.chopped_units import SequencerConfig
from models.digital.sequencer import Sequence, SequencerState
from sim.kernel.batch import Kernel
from sim.kernel.sequencer_bench import DUMP, LINE, STATE, UPDATE, SequencerBench

MARKS = ("negative", "fresh", "enable", "flips")
LINES = ("row_chopper", "flipped", "column_chopper")
REGISTERS = ("row", "vectors", "passes", "settled", "lfsr")


class SequencerKernel:
    """:class:`SequencerBench` in Verilator as a function like the twin `sequence`.

    Parameters
    ----------
    config : SequencerConfig
        Lines, choppers, register.
    """

    def __init__(self, config: SequencerConfig):
        self.config, self.lines = config, max(config.rows, config.columns)
        self._kernel = Kernel(SequencerBench(config), "sequencer", lanes={"o.signs": (1, False)})

    def build(self) -> None:
        """Compile unless that is done."""
        self._kernel.build()

    def __call__(
        self, state: SequencerState, vectors: int, rows: int, columns: int, transfer_every: int
    ) -> tuple[Sequence, SequencerState]:
        """Load the state, update ``vectors`` times, read the state back.

        Raises
        ------
        RuntimeError
            If the unit gives another number of reads than it should.
        """
        due = (state.vectors + vectors) // transfer_every
        statics = {"rows": rows, "columns": columns, "transfer_every": transfer_every}
        out = self._kernel(statics, due + self.lines, **self._commands(state, vectors))
        reads = {name: array[:due] for name, array in out.items()}
        # A read leaves before its row moves on; its row is that of the sequencer then.
        signs = reads["signs"][:, :columns] if self.config.out_chance else None
        negative, fresh, enable, flips = (reads[name].astype(np.uint8) for name in MARKS)
        vector, row = (reads[name].astype(np.int64) for name in ("vector", "row"))
        found = Sequence(vector, row, negative, fresh, enable, flips, signs)
        return found, self._after(out, due)

    def _commands(self, state: SequencerState, vectors: int) -> dict[str, Any]:
        """Load all lines and the registers, update, ask for all lines."""
        lines = np.arange(self.lines)
        counts = [self.lines, 1, vectors, self.lines]
        kind = np.repeat(np.array([LINE, STATE, UPDATE, DUMP], np.uint8), counts)
        line = np.zeros(len(kind), np.uint16)
        line[: self.lines] = line[-self.lines :] = lines
        given: dict[str, Any] = {"kind": kind, "line": line}
        for name, bits in zip(
            LINES, (state.row_choppers, state.flipped, state.column_choppers), strict=True
        ):
            given[name] = np.zeros(len(kind), np.uint8)
            given[name][: len(bits)] = bits
        for name in REGISTERS:
            given[name] = np.zeros(len(kind), np.uint32)
            given[name][self.lines] = getattr(state, name)
        return given

    def _after(self, out: dict[str, np.ndarray], due: int) -> SequencerState:
        last = {name: int(out[name][-1]) for name in REGISTERS}
        row_choppers, flipped, column_choppers = (
            out[name][due:].astype(np.uint8) for name in LINES
        )
        return SequencerState(
            last["row"],
            last["vectors"],
            last["passes"],
            last["settled"],
            row_choppers[: self.config.rows],
            flipped[: self.config.rows],
            column_choppers[: self.config.columns],
            last["lfsr"],
        )
