"""Whole-tile operations through the generated Verilog at the speed of C++, without cocotb."""

import ctypes
import functools
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from models.config.checks import check_choice
from models.config.tile import TileConfig
from rtl_gen.top import Top
from rtl_gen.train.command import Op
from rtl_gen.train.timing import command_cycles
from sim.cosim.macro_bfm import Macro, MacroBfm, with_converters
from sim.cosim.operations import TileOp, TileResult
from sim.cosim.pin_model import RULES
from sim.cosim.results import collect
from sim.cosim.steps import Step, steps
from sim.kernel import build
from sim.kernel.simulation import (
    BOARD,
    CUT,
    ENDLESS,
    GEOMETRY,
    Simulation,
    check_stalls,
    declared,
)
from sim.kernel.tile_macro import Called, CompiledAnalog, Physics
from sim.kernel.tile_wrapper import wrapper

TOP = "tile_top"
MODELS = ("numpy", "cpp")
ACCEPTED, ERRORS = BOARD, BOARD + 1  # results of tile_board.cpp.in


class TileKernel:
    """One tile, compiled from its Verilog, with the analog macro on its pins.

    Parameters
    ----------
    config : TileConfig
        The tile.
    """

    def __init__(self, config: TileConfig):
        top = Top(config)
        interface, self._verilog = build.design(top, TOP)
        self.config, self.layouts, self.latencies = config, interface["streams"], top.latencies
        self._wrapper = wrapper(interface)

    def build(self) -> None:
        """Compile unless that is done; the first run does it otherwise.

        Raises
        ------
        ToolchainError
            If a tool is missing or fails, with its messages.
        """
        _ = self._library

    @functools.cached_property
    def _library(self) -> ctypes.CDLL:
        return declared(ctypes.CDLL(str(build.library(self._verilog, TOP, self._wrapper))))

    def run(
        self,
        ops: Sequence[TileOp],
        macro: Macro,
        *,
        seed: int,
        p_stall: float = 0.3,
        resets: bool = False,
        model: str = "numpy",
        progress: Callable[[int, int], None] | None = None,
    ) -> list[TileResult]:
        """Run ``ops`` one after another on one tile, from its power-up.

        The results are those of :func:`sim.cosim.replay.replay`, whose gaps are other ones:
        ``cycles`` are equal without stalls.

        Parameters
        ----------
        ops : sequence of TileOp
            Operations. The random source of stochastic rounding runs on from one to the next.
        macro : Macro
            The physics.
        seed : int
            Of the gaps on every stream, and of the resets.
        p_stall : float
            Probability of a gap in a cycle, for each side of each stream, at least 0, below 1.
        resets : bool
            Start every operation once, reset the tile at a random cycle, and only then run it.
        model : {"numpy", "cpp"}
            Call ``macro.sense``, or run it as C++ (an :class:`AnalogMacro` only, and conductances
            on the grid of its devices) with the same result.
        progress : callable, optional
            Called with operations done and their number.

        Raises
        ------
        RuntimeError
            If an operation does not end, or ends before it took all its words.
        """
        check_choice("model", model, MODELS)
        check_stalls(p_stall)
        if macro.macro != self.config.macro:
            raise ValueError(f"macro.macro must be that of the tile, not {macro.macro!r}")
        tile = _Tile(self, self._library, macro, model, seed=seed, p_stall=p_stall)
        rng, results = random.Random(f"{seed}/resets"), []
        for op in ops:
            if resets:
                tile.spoil(op, rng)
            results.append(tile.operate(op))
            if progress:
                progress(len(results), len(ops))
        return results


class _Tile:
    """One simulation."""

    def __init__(
        self, kernel: TileKernel, library: ctypes.CDLL, macro: Macro, model: str, **gaps: Any
    ):
        self.kernel, self.macro, self.model = kernel, macro, model
        geometry = [getattr(kernel.config.macro, name) for name in GEOMETRY]
        self.simulation = Simulation(library, kernel.layouts, geometry, **gaps)

    def operate(self, op: TileOp) -> TileResult:
        """Run one operation on an idle tile."""
        cycles = self._run(op, ENDLESS)
        assert cycles is not None
        config, simulation = self.kernel.config, self.simulation
        bfm, pins = MacroBfm(self.macro), config.macro
        accepted = simulation.result(ACCEPTED, np.int16).astype(np.int64)
        bfm.accepted = list(accepted.reshape(-1, pins.group_count, pins.adc_count))
        broken = simulation.result(ERRORS, np.int64).reshape(-1, 2).tolist()
        bfm.errors = [RULES[rule].format(number) for rule, number in broken]
        return collect(op, config, self.kernel.layouts, simulation.taken(), bfm, cycles)

    def spoil(self, op: TileOp, rng: random.Random) -> None:
        """Start an operation and reset the tile somewhere in it."""
        whole = sum(self._bare(step) for step in steps(op, self.kernel.config))
        self._run(op, rng.randrange(1, whole))
        self.simulation.reset()

    def _bare(self, step: Step) -> int:
        return command_cycles(self.kernel.config, self.kernel.latencies, step.command)

    def _run(self, op: TileOp, budget: int) -> int | None:
        """Cycles of the operation, or None once it had ``budget`` cycles in all."""
        physics = None if op.kind == "update" else self._physics(op)
        limit = 0 if physics is None else op.noise.shape[0] * op.noise.shape[1]
        self.simulation.begin(int(physics is not None), limit, physics)
        cycles = 0
        for step in steps(op, self.kernel.config):
            name, bare = Op(step.command["op"]).name, self._bare(step)
            status, spent, busy = self.simulation.step(step, name, bare, budget, physics)
            if status == CUT:
                return None
            budget -= spent
            cycles += busy if step.timed else 0
        return cycles

    def _physics(self, op: TileOp) -> Physics:
        macro: Any = with_converters(self.macro, op.converters)
        if self.model == "cpp":
            return CompiledAnalog(macro, op.conductance, op.noise)
        shared = self.simulation.levels, self.simulation.held
        return Called(macro, op.conductance, op.noise, *shared)
