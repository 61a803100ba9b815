"""Keyed random numbers: a stream depends on its seed and purpose, never on who drew before."""

import hashlib
import json
from operator import index
from typing import Any

import numpy as np
from numpy.random import Generator, Philox, SeedSequence
from numpy.typing import NDArray

_encode = json.JSONEncoder(separators=(",", ":")).encode


class _Key(SeedSequence):
    """A Philox key as a seed: given as ``key=``, numpy would first ask the system for entropy."""

    def __init__(self, digest: bytes):
        self.words = np.frombuffer(digest, "<u8", 2)

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> NDArray[Any]:
        """Give both words of the key; Philox asks for nothing else."""
        return self.words


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
    parts = [seed if type(seed) is int else _part("seed", seed)]
    for part in purpose:
        parts.append(part if type(part) in (str, int) else _part("purpose", part))
    return Generator(Philox(_Key(hashlib.sha256(_encode(parts).encode("ascii")).digest())))


def _part(name: str, value: Any) -> str | int:
    if isinstance(value, str) and name != "seed":
        return value
    if isinstance(value, (bool, str)) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be an int{' or a string' * (name != 'seed')}, not {value!r}")
    return index(value)
