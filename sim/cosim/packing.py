"""Packed buses and stream payloads: Python ints outside, numpy arrays and dicts inside."""

from collections.abc import Mapping, Sequence
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


def word_array(values: Sequence[int], width: int) -> NDArray[np.uint32]:
    """Low ``width`` bits of each value in words of 32 bits, lowest first; at least two words."""
    count = max(2, -(-width // 32))
    mask = (1 << width) - 1
    if width < 64:
        return (np.array(values, "<i8") & mask).view("<u4").reshape(-1, count)
    octets = b"".join((value & mask).to_bytes(4 * count, "little") for value in values)
    return np.frombuffer(octets, "<u4").reshape(-1, count)


def unpack_words(
    layout: Mapping[str, Any], words: NDArray[np.uint32]
) -> dict[str, NDArray[np.int64]]:
    """Fields, of up to 63 bits, of payloads as :func:`word_array` gives them; [n] each."""
    count, width = words.shape
    wide = np.zeros((count, width + 2), np.uint64)
    wide[:, :width] = words
    fields = {}
    for field in layout["fields"]:
        at, shift = divmod(field["offset"], 32)
        low = wide[:, at] | wide[:, at + 1] << np.uint64(32)
        bits = low >> np.uint64(shift)
        if shift:
            bits |= wide[:, at + 2] << np.uint64(64 - shift)
        unused = np.uint64(64 - field["width"])
        bits <<= unused
        fields[field["name"]] = (
            bits.view(np.int64) >> np.int64(unused)
            if field["signed"]
            else (bits >> unused).view(np.int64)
        )
    return fields
