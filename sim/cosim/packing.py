"""Packed buses and stream payloads: Python ints outside, numpy arrays and dicts inside."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def unpack_lanes(word: int, count: int, width: int) -> NDArray[np.int64]:
    """``count`` unsigned fields of ``width`` bits, lowest first."""
    octets = np.frombuffer(word.to_bytes(-(-count * width // 8), "little"), np.uint8)
    bits = np.unpackbits(octets, count=count * width, bitorder="little").reshape(count, width)
    return bits @ (1 << np.arange(width))


def pack_bits(bits: NDArray[np.bool_]) -> int:
    """One bit per element, the first lowest."""
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")


def pack_fields(layout: Mapping[str, Any], fields: Mapping[str, int]) -> int:
    """Payload with ``fields``, others 0; ``layout`` as :func:`rtl_gen.verilog.layout` gives it.

    Raises
    ------
    ValueError
        If a value does not fit or a name is unknown.
    """
    word, known = 0, {field["name"]: field for field in layout["fields"]}
    for name, value in fields.items():
        if name not in known:
            raise ValueError(f"field must be one of {', '.join(known)}, not {name!r}")
        width, signed = known[name]["width"], known[name]["signed"]
        low, high = (-(1 << width - 1), 1 << width - 1) if signed else (0, 1 << width)
        if not low <= value < high:
            raise ValueError(f"{name} must be between {low} and {high - 1}, not {value!r}")
        word |= (int(value) & (1 << width) - 1) << known[name]["offset"]
    return word


def unpack_fields(layout: Mapping[str, Any], word: int) -> dict[str, int]:
    """Fields of a payload by name."""
    fields = {}
    for field in layout["fields"]:
        value = word >> field["offset"] & (1 << field["width"]) - 1
        negative = field["signed"] and value >> field["width"] - 1
        fields[field["name"]] = value - (1 << field["width"]) if negative else value
    return fields
