"""Whole-tile operations of pulsed training by the name of what clocks the Verilog."""

from collections.abc import Callable, Sequence
from pathlib import Path

from models.config.checks import check_choice
from models.config.chopped_tile import ChoppedTileConfig
from rtl_gen.top import Top
from sim.cosim.chopped_expected import compare, expect_all
from sim.cosim.chopped_operations import ChoppedTileOp, ChoppedTileResult
from sim.cosim.engines import ENGINES
from sim.cosim.replay import replay_on
from sim.kernel.chopped_tile import ChoppedTileKernel

__all__ = ["ChoppedTileOp", "ChoppedTileResult", "compare", "expect_all", "run_chopped_tile"]


def run_chopped_tile(
    ops: Sequence[ChoppedTileOp],
    config: ChoppedTileConfig,
    build_dir: Path,
    *,
    engine: str = "cocotb",
    seed: int,
    p_stall: float = 0.3,
    resets: bool = False,
    progress: Callable[[int, int], None] | None = None,
    waves: bool = False,
) -> list[ChoppedTileResult]:
    """Run ``ops`` one after another on one tile, with random gaps on every stream.

    Parameters
    ----------
    ops : sequence of ChoppedTileOp
        Operations; each brings the state that it starts from.
    config : ChoppedTileConfig
        The tile.
    build_dir : Path
        Where the build, ``ops.npz`` and ``results.npz`` of cocotb go.
    engine : {"cocotb", "kernel"}
        What clocks the tile; the compiled one has no waveform.
    seed : int
        Of the gaps.
    p_stall : float
        Probability of a gap in a cycle, for each side of each stream; 0 measures bare cycles.
    resets : bool
        Start every operation once, reset the tile at a random cycle, and only then run it.
    progress : callable, optional
        Called with operations done and their number.
    waves : bool
        Write a waveform.

    Raises
    ------
    AssertionError, RuntimeError
        If an operation did not end.
    """
    check_choice("engine", engine, ENGINES)
    if engine == "kernel":
        if waves:
            raise ValueError("engine must be cocotb for waves, not 'kernel'")
        kernel = ChoppedTileKernel(config)
        return kernel.run(ops, seed=seed, p_stall=p_stall, resets=resets, progress=progress)
    top = Top(config)
    given = {"config": config, "p_stall": p_stall, "resets": resets, "latencies": top.latencies}
    return replay_on(
        top, "chopped_tile", build_dir, ops, given, seed=seed, progress=progress, waves=waves
    )
