"""Whole-tile operations by the name of what clocks the Verilog."""

from collections.abc import Callable, Sequence
from pathlib import Path

from models.analog.macro import AnalogMacro
from models.config.checks import check_choice
from models.config.tile import TileConfig
from sim.cosim.operations import TileOp, TileResult
from sim.cosim.replay import replay
from sim.kernel.tile import TileKernel

ENGINES = ("cocotb", "kernel")


def run_tile(
    ops: Sequence[TileOp],
    config: TileConfig,
    macro: AnalogMacro,
    build_dir: Path,
    *,
    engine: str,
    seed: int,
    progress: Callable[[int, int], None] | None = None,
    waves: bool = False,
) -> list[TileResult]:
    """Run ``ops`` one after another on one tile, with random gaps on every stream.

    Parameters
    ----------
    engine : {"cocotb", "kernel"}
        :func:`sim.cosim.replay.replay`, or :class:`sim.kernel.tile.TileKernel` with the macro as
        C++, which has no waveform.
    ops, config, macro, build_dir, seed, progress, waves
        As :func:`sim.cosim.replay.replay` takes them.

    Raises
    ------
    AssertionError, RuntimeError
        If an operation did not end.
    """
    check_choice("engine", engine, ENGINES)
    if engine == "cocotb":
        return replay(ops, config, macro, build_dir, seed=seed, progress=progress, waves=waves)
    if waves:
        raise ValueError("engine must be cocotb for waves, not 'kernel'")
    return TileKernel(config).run(ops, macro, seed=seed, model="cpp", progress=progress)
