"""Keyed random numbers: a stream depends on its seed and purpose, never on who drew before."""

import hashlib
import json
from operator import index

from numpy.random import Generator, Philox


def generator(seed: int, *purpose: str | int) -> Generator:
    """Independent random generator for one purpose.

    The 128-bit Philox key is the first 16 bytes, little endian, of the SHA-256 of the ASCII JSON
    list ``[seed,purpose...]`` without spaces. The list tells 1 from "1" and ("ab",) from
    ("a", "b"), so two different calls get different keys unless SHA-256 collides. Results do not
    depend on batch order, process count or machine.

    Parameters
    ----------
    seed : int
        Seed of the run.
    *purpose : str or int
        What the numbers are for, from coarse to fine: system, layer, tile, step.

    Returns
    -------
    numpy.random.Generator
        Fresh generator at the start of its stream.

    Raises
    ------
    TypeError
        If the seed is no int, or a part of the purpose is neither a string nor an int.
    """
    parts = [_part("seed", seed)]
    for part in purpose:
        parts.append(part if isinstance(part, str) else _part("purpose", part))
    digest = hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode("ascii")).digest()
    return Generator(Philox(key=int.from_bytes(digest[:16], "little")))


def _part(name: str, value: int) -> str | int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an int{' or a string' * (name != 'seed')}, not {value!r}")
    return index(value)
