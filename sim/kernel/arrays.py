"""Checks and conversion of what a kernel is called with."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sim.kernel.wrapper import Field, Port


def input_array(field: Field, values: Any, count: int, *, broadcast: bool = True) -> np.ndarray:
    """Return ``values`` as a contiguous array of the field's type, [count] or [count, lanes].

    Without ``broadcast``, what holds for all beats keeps the shape of one, () or [lanes].

    Raises
    ------
    TypeError
        If the values are not integers or booleans.
    ValueError
        If the shape is wrong or a value does not fit.
    """
    array = np.asarray(values)
    if array.dtype.kind not in "iub":
        raise TypeError(f"{field.name} must be integers, not {array.dtype}")
    shape = field.shape(count)
    if array.ndim > len(shape) or (array.ndim == len(shape) and array.shape != shape):
        raise ValueError(f"{field.name} must have shape {shape}, not {array.shape}")
    check_range(field, array)
    if not broadcast and array.ndim < len(shape):
        shape = shape[1:]
    return np.ascontiguousarray(np.broadcast_to(array, shape), dtype=field.dtype)


def check_range(field: Field, array: np.ndarray) -> None:
    """Raise ValueError unless every value fits the field."""
    low = -(2 ** (field.width - 1)) if field.signed else 0
    high = low + 2**field.width - 1
    if array.size == 0 or array.dtype.kind == "b":
        return
    info = np.iinfo(array.dtype)
    if info.min >= low and info.max <= high:
        return
    least, most = int(array.min()), int(array.max())
    if least < low or most > high:
        value = least if least < low else most
        raise ValueError(f"{field.name} must be between {low} and {high}, not {value}")


def tied_bits(port: Port | None, tied: Mapping[str, int]) -> tuple[int, int]:
    """Return which bits of ``port`` the fields ``tied`` are, and their values."""
    fields = {field.name: field for field in (port.fields if port else ()) if not field.count}
    if unknown := set(tied) - set(fields):
        raise ValueError(f"tied must name fields among {sorted(fields)}, not {sorted(unknown)}")
    mask = sum((1 << fields[name].width) - 1 << fields[name].offset for name in tied)
    return mask, packed_port(port, tied) if port else 0


def packed_words(ports: Mapping[str, Port], static: Mapping[str, Any]) -> np.ndarray:
    """Pack the static inputs, each in whole 32-bit words, in the order of ``ports``."""
    if unknown := set(static) - set(ports):
        raise TypeError(f"static must name inputs among {sorted(ports)}, not {sorted(unknown)}")
    words: list[int] = []
    for name, port in ports.items():
        value = packed_port(port, static.get(name, 0))
        words += [value >> (32 * n) & 0xFFFFFFFF for n in range(port.words)]
    return np.array(words or [0], dtype=np.uint32)


def packed_port(port: Port, value: Any) -> int:
    """Pack one input: an int is its bits, a dict gives fields, a sequence the lanes."""
    if not isinstance(value, Mapping):
        single = port.fields[0] if len(port.fields) == 1 else None
        if np.ndim(value) == 0:
            return _bits(port.name, int(value), port.width, single is not None and single.signed)
        if single is None:
            raise TypeError(f"{port.name} must be an int or a dict, not {type(value).__name__}")
        value = {single.name: value}
    fields = {field.name: field for field in port.fields}
    if unknown := set(value) - set(fields):
        raise TypeError(f"{port.name} must have fields {sorted(fields)}, not {sorted(unknown)}")
    packed = 0
    for name, content in value.items():
        packed |= _packed_field(f"{port.name}.{name}", fields[name], content)
    return packed


def _packed_field(name: str, field: Field, content: Any) -> int:
    if not field.count or np.ndim(content) == 0:
        width = field.width * (field.count or 1)
        return _bits(name, int(content), width, field.signed) << field.offset
    if len(content) != field.count:
        raise ValueError(f"{name} must have {field.count} lanes, not {len(content)}")
    lanes = [_bits(name, int(lane), field.width, field.signed) for lane in content]
    return sum(lane << (n * field.width) for n, lane in enumerate(lanes)) << field.offset


def _bits(name: str, value: int, width: int, signed: bool) -> int:
    low = -(2 ** (width - 1)) if signed else 0
    if not low <= value <= low + 2**width - 1:
        raise ValueError(f"{name} must be between {low} and {low + 2**width - 1}, not {value}")
    return value & (2**width - 1)
