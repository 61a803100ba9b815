"""Build a component with Verilator and run one cocotb bench on its pins."""

import shutil
from contextlib import suppress
from pathlib import Path

import cocotb
from amaranth.lib.wiring import Component
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import VerilatorControlFile, get_runner

from rtl_gen.verilog import write_verilog
from sim import toolchain
from sim.kernel.cache import cached, content_key

WAIVERS = Path(__file__).parents[1] / "lint.vlt"
TOP = "dut"
# cocotb makes every signal public, which keeps Verilator from splitting vectors whose bits depend
# on each other; the warning is about speed.
BUILD_ARGS = ["-O3", "--x-assign", "fast", "-Wno-UNOPTFLAT"]


def run_bench(
    component: Component,
    bench: str,
    build_dir: Path,
    *,
    seed: int,
    waves: bool = False,
    **env: object,
) -> None:
    """Run the cocotb tests of ``sim.cosim.benches.<bench>`` on the Verilog of ``component``.

    Parameters
    ----------
    component : Component
        Becomes the top module ``dut``.
    bench : str
        Name of the bench, or a whole module name with dots.
    build_dir : Path
        Holds everything written; a build in it is used again when the Verilog is unchanged.
    seed : int
        Becomes ``cocotb.RANDOM_SEED``.
    waves : bool
        Write ``dump.vcd``.
    **env
        Environment of the bench: ``width=8`` becomes ``WIDTH=8``.

    Raises
    ------
    AssertionError
        If a test failed or none ran.
    """
    toolchain.setup()
    toolchain.require("g++", "make", "libpython")
    build_dir = build_dir.absolute()
    runner = get_runner("verilator")
    _build(runner, write_verilog(component, TOP, build_dir), build_dir, waves)
    module = bench if "." in bench else f"sim.cosim.benches.{bench}"
    results = build_dir / "results.xml"
    results.unlink(missing_ok=True)
    with suppress(SystemExit, RuntimeError):  # what went wrong is read from the results
        runner.test(
            hdl_toplevel=TOP,
            hdl_toplevel_lang="verilog",
            test_module=module,
            build_dir=build_dir,
            test_dir=build_dir,
            results_xml=str(results),
            seed=seed,
            waves=waves,
            extra_env={name.upper(): str(value) for name, value in env.items()},
            log_file=build_dir / "test.log",
        )
    log = f"in {build_dir}:\n{_tail(build_dir / 'test.log')}"
    assert results.exists(), f"{module} did not finish, {log}"
    ran, failed = get_results(results)
    assert ran, f"{module} has no tests, {log}"
    assert not failed, f"{failed} of {ran} tests of {module} failed, {log}"


def _build(runner, verilog: Path, build_dir: Path, waves: bool) -> None:
    stamp = build_dir / "built"
    parts = (verilog.read_text(), WAIVERS.read_text(), *BUILD_ARGS, str(waves))
    key = content_key(*parts, str(toolchain.verilator_root()), cocotb.__version__)
    if stamp.exists() and stamp.read_text() == key and (build_dir / TOP).exists():
        return
    stamp.unlink(missing_ok=True)

    def make(folder: Path) -> Path:
        _compile(runner, verilog, build_dir, waves)
        return Path(shutil.copy2(build_dir / TOP, folder / TOP))

    shutil.copy2(cached(f"{key}.sim", make, "simulation"), build_dir / TOP)
    stamp.write_text(key)


def _compile(runner, verilog: Path, build_dir: Path, waves: bool) -> None:
    try:
        runner.build(
            sources=[VerilatorControlFile(WAIVERS), verilog],
            hdl_toplevel=TOP,
            build_dir=build_dir,
            build_args=BUILD_ARGS + (["--trace-structs"] if waves else []),
            timescale=("1ns", "1ps"),
            always=True,
            waves=waves,
            log_file=build_dir / "build.log",
        )
    except (SystemExit, RuntimeError) as error:
        log = _tail(build_dir / "build.log")
        raise toolchain.ToolchainError(f"Verilator or make failed:\n{log}") from error


def _tail(log: Path) -> str:
    return "\n".join(log.read_text().strip().splitlines()[-25:]) if log.exists() else "no log"
