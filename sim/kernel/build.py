"""Verilog to a shared library: Verilator, then g++, without make and without Perl."""

import functools
import re
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from amaranth.lib.wiring import Component

from rtl_gen.verilog import describe, to_verilog
from sim import toolchain
from sim.kernel import memories
from sim.kernel.cache import cached, content_key, made_for
from sim.objcache import compiler_identity

WAIVERS = Path(__file__).parents[1] / "lint.vlt"
VERILATE = (
    *("--cc", "--prefix", "Vm", "--Mdir", ".", "--no-timing", "--quiet", "-O3"),
    *("--x-assign", "fast", "--x-initial", "fast"),
)
OFF = ("COVERAGE", "SC", "TIMING", "TRACE", "TRACE_FST", "TRACE_VCD", "TRACE_SAIF")
COMPILE = (
    *("g++", "-std=c++17", "-O3", "-march=native", "-fPIC", "-w"),
    # many kernels live in one process: nothing of one may stand in for the same name in another
    *("-fvisibility=hidden", "-fno-gnu-unique"),
)
VERILATED = ("-DVERILATOR=1", *(f"-DVM_{name}=0" for name in OFF))
LINK = ("g++", "-shared", "-Wl,-Bsymbolic", "-pthread")
RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
ONE_UNIT = 600_000  # bytes of C++ up to which a design is compiled in one piece, best optimised
JOBS = 2


def verilog_text(component: Component, name: str) -> str:
    """Return the Verilog that a kernel runs; kernels get it from nowhere else."""
    return to_verilog(component, name)


def design(component: Component, top: str) -> tuple[dict[str, Any], str]:
    """Return the description and the Verilog of ``component`` as module ``top``."""
    toolchain.setup()
    return describe(component), verilog_text(component, top)


def has_clock(verilog: str, top: str) -> bool:
    """Tell whether the module ``top`` has the ports clk and rst; one without registers has none."""
    header = re.search(rf"^module {re.escape(top)}\(([^;]*)\);", verilog, flags=re.M)
    return header is not None and "clk" in re.split(r"[\s,]+", header[1])


def library(verilog: str, top: str, wrapper: str) -> Path:
    """Return the shared library of the module ``top`` behind ``wrapper``, built or cached.

    Raises
    ------
    ToolchainError
        If the compiler is missing or a tool fails, with its messages.
    """
    toolchain.require("g++")
    parts = (verilog, top, wrapper, WAIVERS.read_text(), *VERILATE, *COMPILE, *VERILATED, *LINK)
    key = content_key(*parts, str(ONE_UNIT), _tools())
    with made_for(top.removesuffix("_top")):
        return cached(
            f"{key}.so", lambda folder: _build(verilog, top, wrapper, folder), "verilator"
        )


def _build(verilog: str, top: str, wrapper: str, folder: Path) -> Path:
    (folder / "design.v").write_text(verilog)
    tool = [str(toolchain.verilator_root() / "bin" / "verilator_bin"), *VERILATE]
    run_tool([*tool, "--top-module", top, str(WAIVERS), "design.v"], folder)
    (folder / "wrapper.cpp").write_text(wrapper)
    root = (folder / "Vm___024root.h").read_text()
    (folder / "memories.inc").write_text(memories.verilated(root))
    sources = sorted(folder.glob("*.cpp"))
    if sum(source.stat().st_size for source in sources) <= ONE_UNIT:
        unit = folder / "unit.cxx"
        unit.write_text("".join(f'#include "{source.name}"\n' for source in sources))
        sources = [unit]
    with ThreadPoolExecutor(JOBS) as pool:
        objects = list(pool.map(lambda source: _compile(source, folder), sources))
    run_tool([*LINK, "-o", "kernel.so", *map(str, objects), *map(str, _runtime())], folder)
    return folder / "kernel.so"


def _runtime() -> list[Path]:
    """Objects of Verilator's run-time library, compiled once."""
    key = content_key(*COMPILE, *VERILATED, _tools())
    source = toolchain.verilator_root() / "include"

    def make(name: str) -> Path:
        return cached(f"{key}-{name}.o", lambda folder: _compile(source / name, folder), "runtime")

    with made_for("verilator"):
        return [make(name) for name in RUNTIME]


def _compile(source: Path, folder: Path) -> Path:
    include = toolchain.verilator_root() / "include"
    output = folder / f"{source.stem}.o"
    paths = ["-I", str(folder), "-I", str(include), "-I", str(include / "vltstd")]
    run_tool([*COMPILE, *VERILATED, *paths, "-c", str(source), "-o", str(output)], folder)
    return output


def compiled(
    files: Mapping[str, str],
    *,
    include: Path | None = None,
    depends: str = "",
    flags: Sequence[str] = (),
    kind: str = "bitsliced",
) -> Path:
    """Return ``unit.cpp`` of ``files`` as a shared library, built or cached.

    ``depends`` is the text of what it includes from the folder ``include``; ``flags`` go to the
    compiler after those of all kernels; ``kind`` is what lists of the cache call it.

    Raises
    ------
    ToolchainError
        If the compiler is missing or fails, with its messages.
    """
    toolchain.require("g++")

    def make(folder: Path) -> Path:
        for name, text in files.items():
            (folder / name).write_text(text)
        paths = ["-I", str(include)] if include else []
        run_tool([*COMPILE, *flags, *paths, *LINK[1:], "-o", "kernel.so", "unit.cpp"], folder)
        return folder / "kernel.so"

    parts = (*files, *files.values(), depends, *COMPILE, *flags, *LINK)
    return cached(f"{content_key(*parts, compiler_identity('g++'))}.so", make, kind)


def run_tool(command: Sequence[str], folder: Path) -> None:
    """Run a tool in ``folder``; ToolchainError with the end of its messages if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-20:])
        raise toolchain.ToolchainError(f"{Path(command[0]).name} failed:\n{tail}")


@functools.cache
def _tools() -> str:
    tool = toolchain.verilator_root() / "bin" / "verilator_bin"
    done = subprocess.run([tool, "--version"], capture_output=True, text=True, check=True)
    return done.stdout + compiler_identity("g++")
