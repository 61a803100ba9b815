"""The back ends of a kernel by name."""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sim.kernel import build, cxxrtl
from sim.kernel.bitslice import sliced_netlist
from sim.kernel.dialects import Simulated, Verilated
from sim.kernel.sliced import UNIT, Sliced
from sim.kernel.streamed import Streamed
from sim.kernel.wrapper import Port, wrapper

BACKENDS = ("verilator", "cxxrtl", "bitsliced")


@dataclass(frozen=True)
class Interface:
    """A design ``<name>_top`` as text, as it is described, and its ports."""

    name: str
    description: dict[str, Any]
    verilog: str
    i: Port | None
    o: Port
    statics: list[Port]


class Engine(Protocol):
    """What runs beats."""

    broadcasts: bool  # inputs that are the same for all beats come as one value

    def build(self) -> None:
        """Compile unless that is done."""

    def run(
        self,
        keep_state: bool,
        patience: int,
        words: np.ndarray,
        count: int,
        arrays: list[np.ndarray],
        expected: int,
        results: list[np.ndarray],
    ) -> tuple[int, list[int]]:
        """Return the status and how many inputs went in, outputs came out and cycles passed."""
        ...


def engine(backend: str, design: Interface) -> Engine:
    """Return the engine of one of ``BACKENDS``."""
    if backend not in BACKENDS:
        raise ValueError(f"backend must be {', '.join(BACKENDS)}, not {backend}")
    if backend == "bitsliced":
        return _sliced(design)
    top, verilog = f"{design.name}_top", design.verilog
    has_clock = build.has_clock(verilog, top)
    dialect = Verilated() if backend == "verilator" else Simulated(top)
    text = wrapper(design.i, design.o, design.statics, dialect, has_clock)
    library = build.library if backend == "verilator" else cxxrtl.library
    return Streamed(lambda: library(verilog, top, text))


def _sliced(design: Interface) -> Engine:
    if design.i is None:
        raise ValueError(f"{design.name} must be feed-forward, with a stream i, to be bit-sliced")
    latency = design.description["latency"] or 0
    arguments = design.name, design.description, design.verilog, UNIT
    return Sliced(lambda: sliced_netlist(*arguments), design.i, design.o, design.statics, latency)
