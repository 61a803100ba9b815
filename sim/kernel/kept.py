"""The state that calls of a kernel with ``keep_state`` go on from."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.kernel.arrays import input_array
from sim.kernel.engines import Engine
from sim.kernel.memories import Memory
from sim.kernel.sliced import Sliced
from sim.kernel.streamed import Streamed


class KeptState(ABC):
    """Memories of the kept state, and its end: a part of :class:`sim.kernel.Kernel`."""

    name: str
    backend: str
    _engine: Engine
    _copies: int

    @abstractmethod
    def build(self) -> None:
        """Compile unless that is done."""

    def memories(self) -> dict[str, tuple[int, int]]:
        """Depth and width in bits of every memory of the design, by its place in the hierarchy.

        Memories that no output depends on may be missing; registers are not among them. See
        :meth:`dump` for errors.
        """
        return {name: (one.depth, one.width) for name, one in self._stateful().memories.items()}

    def dump(self, name: str) -> NDArray:
        """Return a memory of the state that calls with ``keep_state`` go on from.

        Returns
        -------
        ndarray
            [depth], in the smallest unsigned type; [depth, bytes] for rows of more than 64 bits.

        Raises
        ------
        ValueError
            If there is no memory ``name``, or none that can be seen: with the bit-sliced back end
            and with copies.
        """
        memory = self._memory(name)
        rows = np.zeros(memory.row.shape(memory.depth), memory.row.dtype)
        self._stateful().move_memory(name, rows, is_load=False)
        return rows

    def load(self, name: str, rows: Any) -> None:
        """Write a memory of the kept state; ``rows`` as from :meth:`dump`, or one for all.

        Raises
        ------
        TypeError
            If the rows are not integers.
        ValueError
            As :meth:`dump`, or if the shape is wrong or a value does not fit.
        """
        memory = self._memory(name)
        array = input_array(memory.row, rows, memory.depth)
        memory.check_top(array)
        self._stateful().move_memory(name, array, is_load=True)

    def reset(self) -> None:
        """Forget the kept state: the next call with ``keep_state`` starts as the first did.

        Memories get their first contents back, which the signal ``rst`` of the hardware does not
        do.
        """
        self.build()
        if isinstance(self._engine, Sliced):
            self._engine.reset()
        else:
            self._stateful().reset()

    def _stateful(self) -> Streamed:
        self.build()
        if not isinstance(self._engine, Streamed):
            raise ValueError(f"backend must be verilator or cxxrtl for this, not {self.backend}")
        if self._copies > 1:
            raise ValueError(f"copies must be 1 for this, not {self._copies}")
        return self._engine

    def _memory(self, name: str) -> Memory:
        memories = self._stateful().memories
        if name not in memories:
            known = ", ".join(memories) or "none"
            raise ValueError(f"memories of {self.name} must be {known}, not {name!r}")
        return memories[name]
