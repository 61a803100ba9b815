"""Packets as rows of broadcast arrays."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sim.kernel.arrays import check_range, packed_words
from sim.kernel.engines import Engine
from sim.kernel.sliced import Sliced
from sim.kernel.wrapper import Field, Port


class PacketCalls(ABC):
    """Calls with whole packets: a part of :class:`sim.kernel.Kernel`."""

    PATIENCE: int
    _engine: Engine
    _i: Port | None
    _o: Port
    _statics: dict[str, Port]
    _tied: dict[str, int]

    @abstractmethod
    def build(self) -> None:
        """Compile unless that is done."""

    @abstractmethod
    def __call__(
        self,
        static: Mapping[str, Any] | None = None,
        outputs: int | None = None,
        keep_state: bool = False,
        **fields: Any,
    ) -> dict[str, np.ndarray]:
        """Stream the beats of ``fields`` through the design."""

    @abstractmethod
    def _finish(self, status: int, moved: list[int], count: int, expected: int) -> None:
        """Count the cycles of a call; RuntimeError if it went wrong."""

    def packets(
        self, static: Mapping[str, Any] | None = None, **fields: Any
    ) -> dict[str, np.ndarray]:
        """Stream packets that are the rows of arrays, one output for each.

        A bit-sliced model reads the arrays where they lie, whatever their strides.

        Parameters
        ----------
        static : mapping, optional
            As for a call.
        **fields : array_like
            Every field, together broadcast to [..., beats], with lanes to [..., beats, lanes].

        Returns
        -------
        dict of ndarray
            Fields of ``o.payload``, [...] or [..., lanes].
        """
        self.build()
        wanted = self._i.fields if self._i else ()
        given = [np.asarray((fields | self._tied)[field.name]) for field in wanted]
        shape = common_shape(wanted, given)
        done = self._rows(static, row_arrays(wanted, given, shape), shape)
        if done is None:
            wide = [field.name for field in wanted if field.count]
            done = self(static, math.prod(shape[:-1]), False, **flat(fields, wide, shape))
        return {name: array.reshape(shape[:-1] + array.shape[1:]) for name, array in done.items()}

    def _rows(
        self, static: Mapping[str, Any] | None, arrays: list[np.ndarray], shape: tuple[int, ...]
    ) -> dict[str, np.ndarray] | None:
        """Run rows as they are; None if the back end cannot."""
        if not isinstance(self._engine, Sliced) or not math.prod(shape):
            return None
        outputs = math.prod(shape[:-1])
        results = {f.name: np.empty(f.shape(outputs), f.dtype) for f in self._o.fields}
        words = packed_words(self._statics, static or {})
        given = words, shape[:-1], shape[-1], arrays, list(results.values())
        done = self._engine.run_rows(self.PATIENCE, *given)
        if done is None:
            return None
        self._finish(*done, math.prod(shape), outputs)
        return results


def common_shape(fields: Sequence[Field], given: Sequence[np.ndarray]) -> tuple[int, ...]:
    """Shape [..., beats] that all arrays broadcast to, without their lanes.

    Raises
    ------
    ValueError
        If they do not go together.
    """
    pairs = list(zip(fields, given, strict=True))
    for field, array in pairs:
        if field.count and array.shape[-1:] != (field.count,):
            raise ValueError(f"{field.name} must end with {field.count} lanes, not {array.shape}")
    shapes = [array.shape[:-1] if field.count else array.shape for field, array in pairs]
    try:
        return np.broadcast_shapes((1,), *shapes)
    except ValueError:
        raise ValueError(f"arrays must broadcast to one shape, not {shapes}") from None


def row_arrays(
    fields: Sequence[Field], given: Sequence[np.ndarray], shape: tuple[int, ...]
) -> list[np.ndarray]:
    """Arrays in the fields' types as views of ``shape`` (and lanes); scalars as they are."""
    arrays = []
    for field, array in zip(fields, given, strict=True):
        if array.dtype.kind not in "iub":
            raise TypeError(f"{field.name} must be integers, not {array.dtype}")
        check_range(field, array)
        typed = array.astype(field.dtype, copy=False)
        if field.count and typed.strides[-1] != typed.itemsize:
            typed = np.ascontiguousarray(typed)
        full = shape + ((field.count,) if field.count else ())
        is_single = typed.ndim < 1 + bool(field.count)
        arrays.append(np.ascontiguousarray(typed) if is_single else np.broadcast_to(typed, full))
    return arrays


def flat(
    fields: Mapping[str, Any], wide: Sequence[str], shape: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """Beats one after another: [n] or, for the fields ``wide``, [n, lanes]."""
    arrays = {name: np.asarray(values) for name, values in fields.items()}
    is_single = {name: array.ndim <= (name in wide) for name, array in arrays.items()}
    for name, array in arrays.items():
        if all(is_single.values()) or not is_single[name]:
            lanes = array.shape[-1:] if name in wide else ()
            arrays[name] = np.broadcast_to(array, shape + lanes).reshape(-1, *lanes)
    return arrays
