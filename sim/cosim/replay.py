"""Whole-tile operations through the generated Verilog, with the analog macro on its pins."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from amaranth.lib.wiring import Component

from models.config.tile import TileConfig
from rtl_gen.top import Top
from rtl_gen.verilog import describe
from sim.cosim.macro_bfm import Macro
from sim.cosim.operations import TileOp, TileResult
from sim.cosim.runner import run_bench
from sim.cosim.storage import load, save

__all__ = ["TileOp", "TileResult", "replay"]


def replay(
    ops: Sequence[TileOp],
    config: TileConfig,
    macro: Macro,
    build_dir: Path,
    *,
    seed: int,
    p_stall: float = 0.3,
    resets: bool = False,
    progress: Callable[[int, int], None] | None = None,
    waves: bool = False,
) -> list[TileResult]:
    """Run ``ops`` one after another on one tile, in one simulation of its Verilog.

    Parameters
    ----------
    ops : sequence of TileOp
        Operations. The random source of stochastic rounding runs on from one to the next.
    config : TileConfig
        The tile; its Verilog is built once in ``build_dir``.
    macro : Macro
        The physics, made again inside the simulator from the attributes that are named as the
        parameters of its constructor.
    build_dir : Path
        Where the build, ``ops.npz`` and ``results.npz`` go.
    seed : int
        Of the gaps on every stream.
    p_stall : float
        Probability of a gap in a cycle, for each side of each stream; 0 measures bare cycles.
    resets : bool
        Start every operation once, reset the tile at a random cycle, and only then run it.
    progress : callable, optional
        Called with operations done and their number while the simulation runs.
    waves : bool
        Write a waveform.

    Raises
    ------
    AssertionError
        If the simulation failed or an operation did not end.
    """
    top = Top(config)
    given = {"macro": macro, "config": config, "p_stall": p_stall, "resets": resets}
    return replay_on(
        top,
        "tile",
        build_dir,
        ops,
        given | {"latencies": top.latencies},
        seed=seed,
        progress=progress,
        waves=waves,
    )


def replay_on(
    top: Component,
    bench: str,
    build_dir: Path,
    ops: Sequence[Any],
    question: dict[str, Any],
    *,
    seed: int,
    progress: Callable[[int, int], None] | None,
    waves: bool,
) -> list[Any]:
    """Run ``ops`` on the Verilog of ``top`` in the cocotb bench of that name, which answers each.

    The bench finds ``ops``, the ``layouts`` of the streams of ``top``, and ``question`` (with what
    :class:`sim.cosim.benches.driver.Driver` needs) in ``ops.npz``. Other arguments are those of
    :func:`replay`.
    """
    build_dir = Path(build_dir).resolve()
    build_dir.mkdir(parents=True, exist_ok=True)
    known = {"ops": list(ops), "layouts": describe(top)["streams"]}
    save(build_dir / "ops.npz", known | question)
    answer, done = build_dir / "results.npz", build_dir / "progress"
    answer.unlink(missing_ok=True)
    done.write_bytes(b"")
    with _Reporter(done, len(ops), progress):
        run_bench(top, bench, build_dir, seed=seed, waves=waves, imctwin_tile=str(build_dir))
    return load(answer)


class _Reporter:
    """Watch the file that grows by a byte per operation while a simulation blocks."""

    def __init__(self, path: Path, total: int, progress: Callable[[int, int], None] | None):
        self.path, self.total, self.progress = path, total, progress
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self):
        if self.progress:
            self._thread.start()

    def __exit__(self, *_):
        self._over.set()
        if self.progress:
            self._thread.join()

    def _watch(self):
        seen = 0
        while not self._over.wait(0.2) or seen < self.path.stat().st_size:
            size = self.path.stat().st_size
            if size > seen and self.progress:
                seen = size
                self.progress(seen, self.total)
