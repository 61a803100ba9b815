"""Stored figures of public units: `peers.toml`."""

import functools
import tomllib
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, kw_only=True)
class Peer:
    """Measured figures of one public unit.

    Parameters
    ----------
    id, name : str
        Short, for references; in words.
    unit : str
        What it computes: ``mul``, ``add``, ``fma``, ``sum8``, ``sum16`` or ``dot8``, on BF16.
    subnormals : str
        ``kept``, ``flushed`` or ``unknown``.
    cycles : int
        Registers between input and output.
    lut, dsp, ff : int
        As in `measure`.
    fmax_mhz : float
        Median of three seeds.
    correct : str
        Errors found, empty where nobody looked.
    """

    id: str
    name: str
    unit: str
    subnormals: str
    cycles: int
    lut: int
    dsp: int
    ff: int
    fmax_mhz: float
    correct: str


@functools.cache
def peers() -> dict[str, Peer]:
    """All stored peers by id."""
    text = resources.files("sim.qor").joinpath("peers.toml").read_text(encoding="utf-8")
    found = [Peer(**values) for values in tomllib.loads(text)["peer"]]
    return {peer.id: peer for peer in found}
