"""Bit-sliced kernels that Verilator looks after."""

import math
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
from amaranth.lib.wiring import Component

from sim.kernel.batch import Kernel
from sim.kernel.wrapper import Lanes

BEATS = 1000  # that Verilator runs again of one call, at most (but at least a packet)
SHARE = 500  # of so many packets about one runs again
STRIDE = 0x9E3779B1  # golden ratio: samples of successive calls lie all over their arrays


class SampledKernel:
    """A bit-sliced kernel; a sample of what it is asked runs on the Verilator model too.

    Packets must not depend on each other, as for any bit-sliced kernel.

    Parameters
    ----------
    component, name, lanes, tied
        As for :class:`sim.kernel.batch.Kernel`.

    Attributes
    ----------
    replayed : int
        Values that Verilator gave as well.
    """

    def __init__(
        self,
        component: Component,
        name: str,
        *,
        lanes: Lanes | None = None,
        tied: Mapping[str, int] | None = None,
    ):
        self.name, self.replayed, self._calls, self._due = name, 0, 0, 0.0
        self._lock = threading.Lock()
        self._wide = {key.removeprefix("i.") for key in lanes or {}}
        self.fast, self.reference = (
            Kernel(component, name, lanes=lanes, tied=tied, backend=backend)
            for backend in ("bitsliced", "verilator")
        )

    def build(self) -> None:
        """Compile both models unless that is done."""
        self.reference.build()
        self.fast.build()

    def __call__(
        self, static: Mapping[str, Any] | None = None, **fields: Any
    ) -> dict[str, np.ndarray]:
        """Stream single beats through the design, [n] or [n, lanes], as a kernel does.

        Raises
        ------
        RuntimeError
            If the two models differ, or as a kernel does.
        """
        rows = {name: np.asarray(array) for name, array in fields.items()}
        for name, array in rows.items():
            if array.ndim == 1 + (name in self._wide):
                rows[name] = np.expand_dims(array, 1)
        return self.packets(static, **rows)

    def packets(
        self, static: Mapping[str, Any] | None = None, **fields: Any
    ) -> dict[str, np.ndarray]:
        """Stream the rows of arrays through the design, as a kernel does.

        Raises
        ------
        RuntimeError
            If the two models differ, or as a kernel does.
        """
        results = self.fast.packets(static, **fields)
        given = {name: np.asarray(array) for name, array in fields.items()}
        lanes = {
            name: array.shape[-1:] if name in self._wide else () for name, array in given.items()
        }
        shapes = [array.shape[: array.ndim - len(lanes[name])] for name, array in given.items()]
        shape = np.broadcast_shapes((1,), *shapes)
        where = self._where(shape[:-1] or (1,), shape[-1])
        if where is not None:
            part = {
                name: np.broadcast_to(array, shape + lanes[name])[where if len(shape) > 1 else ()]
                if array.ndim > len(lanes[name])
                else array
                for name, array in given.items()
            }
            self._compare(self.reference.packets(static, **part), results, where)
        return results

    def _where(self, lead: tuple[int, ...], beats: int) -> tuple[slice, ...] | None:
        """Choose neighbouring packets, other ones in every call; None if none are due."""
        total = math.prod(lead)
        with self._lock:
            self._calls += 1
            self._due += total / SHARE
            if not total or (self._due < 1 and self._calls > 1):
                return None
            place = self._calls * STRIDE % total
            count = max(1, min(BEATS // beats, int(self._due)))
            self._due = 0.0
        *others, first = (int(n) for n in np.unravel_index(place, lead))
        return (*(slice(n, n + 1) for n in others), slice(first, first + count))

    def _compare(
        self,
        wanted: Mapping[str, np.ndarray],
        results: Mapping[str, np.ndarray],
        where: tuple[slice, ...],
    ) -> None:
        for field, values in wanted.items():
            got = results[field][where if results[field].ndim else ()]
            with self._lock:
                self.replayed += values.size
            if not np.array_equal(values, got):
                index = int(np.flatnonzero((values != got).reshape(-1))[0])
                pair = int(got.reshape(-1)[index]), int(values.reshape(-1)[index])
                place = [part.start for part in where]
                raise RuntimeError(
                    f"kernel {self.name}: field {field} is {pair[0]} bit-sliced but {pair[1]} in "
                    f"Verilator, {index} after packet {place}"
                )
