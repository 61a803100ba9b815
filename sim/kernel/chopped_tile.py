"""Whole-tile operations of pulsed training through the generated Verilog, without cocotb."""

import ctypes
import functools
import random
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.config.chopped_tile import ChoppedTileConfig
from rtl_gen.top import Top
from rtl_gen.train.chopped_command import Op
from sim.cosim.chopped_bfm import CHOPPED_RULES, FIRED, ChoppedBfm
from sim.cosim.chopped_operations import ChoppedTileOp, ChoppedTileResult
from sim.cosim.chopped_results import collect
from sim.cosim.chopped_steps import bare_cycles, steps
from sim.kernel import build
from sim.kernel.simulation import BOARD, CUT, ENDLESS, Simulation, check_stalls, declared
from sim.kernel.tile_macro import SENSE
from sim.kernel.tile_wrapper import wrapper

TOP = "chopped_top"
SOURCE, PINS = "chopped_tile.cpp.in", ("drive", "drive_sign", "trial", *FIRED)
ACCEPTED, ERRORS, SLOTS, SLOTS_BEFORE = range(BOARD, BOARD + 4)  # results of the source
SOURCES = 4  # what is read: array 0 or 1, plain or differential


class ChoppedTileKernel:
    """One tile, compiled from its Verilog, with the macro on its pins.

    Parameters
    ----------
    config : ChoppedTileConfig
        The tile.
    """

    def __init__(self, config: ChoppedTileConfig):
        top = Top(config)
        interface, self._verilog = build.design(top, TOP)
        self.config, self.layouts, self.latencies = config, interface["streams"], top.latencies
        self._wrapper = wrapper(interface, SOURCE, PINS)

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
        ops: Sequence[ChoppedTileOp],
        *,
        seed: int,
        p_stall: float = 0.3,
        resets: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> list[ChoppedTileResult]:
        """Run ``ops`` one after another on one tile, from its power-up.

        Parameters
        ----------
        ops : sequence of ChoppedTileOp
            Operations.
        seed : int
            Of the gaps on every stream, and of the resets.
        p_stall : float
            Probability of a gap in a cycle, for each side of each stream, at least 0, below 1.
        resets : bool
            Start every operation once, reset the tile at a random cycle, and only then run it.
        progress : callable, optional
            Called with operations done and their number.

        Raises
        ------
        RuntimeError
            If an operation does not end, or ends before it took all its words.
        """
        check_stalls(p_stall)
        tile = _Tile(self, self._library, seed=seed, p_stall=p_stall)
        rng, results = random.Random(f"{seed}/resets"), []
        for op in ops:
            if resets:
                tile.spoil(op, rng)
            results.append(tile.operate(op))
            if progress:
                progress(len(results), len(ops))
        return results


class _Sensed:
    """Physics of one operation: what the bus-functional model holds for the driven lines."""

    def __init__(self, bfm: ChoppedBfm, simulation: Simulation):
        self.bfm, self.simulation = bfm, simulation
        self.function, self.argument = SENSE(self._sense), None
        self._error: BaseException | None = None

    def _sense(self, _, sample: int, transpose: int, source: int, *_shared) -> int:
        try:
            held = self.bfm.sense(sample, transpose, source, self.simulation.levels)
        except BaseException as error:  # it cannot pass through C++: fail() raises it
            self._error = error
            return 1
        self.simulation.held[: len(held)] = held
        return 0

    def fail(self) -> None:
        """Raise what the model raised."""
        assert self._error is not None
        raise self._error


class _Tile:
    """One simulation."""

    def __init__(self, kernel: ChoppedTileKernel, library: ctypes.CDLL, **gaps: Any):
        self.kernel, self.bfm = kernel, ChoppedBfm(kernel.config.macro)
        macro = kernel.config.macro
        geometry = [macro.rows, macro.columns, macro.adc_count, macro.adc_bits]
        geometry += [macro.magnitude_bits, SOURCES, macro.settle_cycles]
        self.simulation = Simulation(library, kernel.layouts, geometry, **gaps)

    def operate(self, op: ChoppedTileOp) -> ChoppedTileResult:
        """Run one operation on an idle tile."""
        cycles = self._run(op, ENDLESS)
        assert cycles is not None
        config, simulation, bfm = self.kernel.config, self.simulation, self.bfm
        accepted = simulation.result(ACCEPTED, np.int16).astype(np.int64)
        bfm.accepted = list(accepted.reshape(-1, config.macro.group_count, config.macro.adc_count))
        broken = simulation.result(ERRORS, np.int64).reshape(-1, 2).tolist()
        bfm.errors += [CHOPPED_RULES[rule].format(number) for rule, number in broken]
        bfm.slots_before = simulation.result(SLOTS_BEFORE, np.int64).tolist()
        bfm.slots = _slots(simulation.result(SLOTS, np.uint32), config)
        return collect(op, config, self.kernel.layouts, simulation.taken(), bfm, cycles)

    def spoil(self, op: ChoppedTileOp, rng: random.Random) -> None:
        """Start an operation and reset the tile somewhere in it."""
        config, latencies = self.kernel.config, self.kernel.latencies
        whole = sum(bare_cycles(step, op, config, latencies) for step in steps(op, config))
        self._run(op, rng.randrange(1, whole))
        self.simulation.reset()

    def _run(self, op: ChoppedTileOp, budget: int) -> int | None:
        """Cycles of the operation, or None once it had ``budget`` cycles in all."""
        config, latencies, cycles = self.kernel.config, self.kernel.latencies, 0
        self.bfm.begin(op)
        physics = _Sensed(self.bfm, self.simulation)
        self.simulation.begin(op.array, op.samples, physics)
        for step in steps(op, config):
            name, bare = Op(step.command["op"]).name, bare_cycles(step, op, config, latencies)
            status, spent, busy = self.simulation.step(step, name, bare, budget, physics)
            if status == CUT:
                return None
            budget -= spent
            cycles += busy if step.timed else 0
        return cycles


def _slots(words: NDArray[np.uint32], config: ChoppedTileConfig) -> list[tuple[int, ...]]:
    """Buses of every slot as ints."""
    rows, columns = (4 * (getattr(config.macro, side) // 32 + 2) for side in ("rows", "columns"))
    ends = np.cumsum([0, rows, rows, columns, columns]).tolist()
    octets = words.astype("<u4").tobytes()
    return [
        tuple(
            int.from_bytes(octets[start + low : start + high], "little")
            for low, high in pairwise(ends)
        )
        for start in range(0, len(octets), ends[-1])
    ]
