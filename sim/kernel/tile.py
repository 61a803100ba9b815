"""Whole-tile operations through the generated Verilog at the speed of C++, without cocotb."""

import ctypes
import functools
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.config.checks import check_choice
from models.config.tile import TileConfig
from rtl_gen.top import Top
from rtl_gen.train.command import Op
from rtl_gen.train.timing import command_cycles
from sim.cosim.macro_bfm import RULES, Macro, MacroBfm, with_converters
from sim.cosim.operations import TileOp, TileResult
from sim.cosim.packing import pack_fields, word_array
from sim.cosim.results import STREAMS_OUT, collect
from sim.cosim.steps import Step, patience, steps
from sim.kernel import build
from sim.kernel.tile_macro import Called, CompiledAnalog, Physics
from sim.kernel.tile_wrapper import wrapper

TOP = "tile_top"
GEOMETRY = (  # of tile_pins.h
    *("rows", "columns", "adc_count", "adc_bits"),
    *("slice_bits", "range_count", "settle_cycles"),
)
MODELS = ("numpy", "cpp")
IDLE, CUT, STUCK, EARLY, FAILED = range(5)  # enum Status of tile.cpp.in
ACCEPTED, ERRORS = len(STREAMS_OUT), len(STREAMS_OUT) + 1  # results beside the streams
ENDLESS = 2**62
FAULTS = {STUCK: "is stuck", EARLY: "is idle before it took all words"}


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
        return _declare(ctypes.CDLL(str(build.library(self._verilog, TOP, self._wrapper))))

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
        if not 0 <= p_stall < 1:
            raise ValueError(f"p_stall must be at least 0 and below 1, not {p_stall!r}")
        if macro.macro != self.config.macro:
            raise ValueError(f"macro.macro must be that of the tile, not {macro.macro!r}")
        tile = _Tile(self, self._library, macro, model, seed, p_stall)
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
        self,
        kernel: TileKernel,
        library: ctypes.CDLL,
        macro: Macro,
        model: str,
        seed: int,
        p_stall: float,
    ):
        self.kernel, self.library, self.macro = kernel, library, macro
        self.model, self.p_stall = model, p_stall
        config = kernel.config.macro
        self.levels = np.zeros(config.lines, np.int64)
        self.held = np.zeros(config.lines, np.float32)
        geometry = (ctypes.c_int64 * len(GEOMETRY))(*(getattr(config, name) for name in GEOMETRY))
        shared = self.levels.ctypes.data, self.held.ctypes.data
        threshold = int(p_stall * 2**64)
        self.handle = library.tile_new(geometry, seed % 2**64, threshold, *shared)

    def __del__(self):
        if hasattr(self, "handle"):
            self.library.tile_delete(self.handle)

    def operate(self, op: TileOp) -> TileResult:
        """Run one operation on an idle tile."""
        cycles = self._run(op, ENDLESS)
        assert cycles is not None
        config = self.kernel.config
        taken = {
            name: self._result(which, np.uint32).reshape(-1, _words(self.kernel.layouts[name]))
            for which, name in enumerate(STREAMS_OUT)
        }
        bfm, pins = MacroBfm(self.macro), config.macro
        accepted = self._result(ACCEPTED, np.int16).astype(np.int64)
        bfm.accepted = list(accepted.reshape(-1, pins.group_count, pins.adc_count))
        broken = self._result(ERRORS, np.int64).reshape(-1, 2).tolist()
        bfm.errors = [RULES[rule].format(number) for rule, number in broken]
        return collect(op, config, self.kernel.layouts, taken, bfm, cycles)

    def spoil(self, op: TileOp, rng: random.Random) -> None:
        """Start an operation and reset the tile somewhere in it."""
        whole = sum(self._bare(step) for step in steps(op, self.kernel.config))
        self._run(op, rng.randrange(1, whole))
        self.library.tile_reset(self.handle)

    def _bare(self, step: Step) -> int:
        return command_cycles(self.kernel.config, self.kernel.latencies, step.command)

    def _run(self, op: TileOp, budget: int) -> int | None:
        """Cycles of the operation, or None once it had ``budget`` cycles in all."""
        physics = None if op.kind == "update" else self._physics(op)
        function = ctypes.cast(physics.function, ctypes.c_void_p) if physics else None
        limit = 0 if physics is None else op.noise.shape[0] * op.noise.shape[1]
        argument = physics.argument if physics else None
        self.library.tile_begin(self.handle, limit, physics is not None, function, argument)
        cycles = 0
        for step in steps(op, self.kernel.config):
            status, spent, busy = self._step(step, budget, physics)
            if status == CUT:
                return None
            budget -= spent
            cycles += busy if step.timed else 0
        return cycles

    def _physics(self, op: TileOp) -> Physics:
        macro: Any = with_converters(self.macro, op.converters)
        if self.model == "cpp":
            return CompiledAnalog(macro, op.conductance, op.noise)
        return Called(macro, op.conductance, op.noise, self.levels, self.held)

    def _step(self, step: Step, budget: int, physics: Physics | None) -> tuple[int, int, int]:
        """Status, cycles, and cycles since the command was taken."""
        layouts, count = self.kernel.layouts, len(step.words)
        command = word_array(
            [pack_fields(layouts["i_command"], step.command)], layouts["i_command"]["width"]
        )
        words = word_array(step.words, layouts["i"]["width"])
        limit, moved = patience(self._bare(step), self.p_stall), (ctypes.c_int64 * 3)()
        status = self.library.tile_step(
            self.handle, command.ctypes.data, words.ctypes.data, count, limit, budget, moved
        )
        left, spent, busy = moved
        if status == FAILED:
            assert physics is not None
            physics.fail()
        if status in FAULTS:
            name = Op(step.command["op"]).name
            raise RuntimeError(
                f"the tile {FAULTS[status]} in {name}: "
                f"{count - left} of {count} words went in within {spent} cycles"
            )
        return status, spent, busy

    def _result(self, which: int, kind: type[np.integer]) -> NDArray[Any]:
        count = ctypes.c_int64()
        address = self.library.tile_result(self.handle, which, count)
        size = count.value * np.dtype(kind).itemsize
        return np.frombuffer(ctypes.string_at(address, size) if size else b"", kind)


def _words(layout: Mapping[str, Any]) -> int:
    return word_array([0], layout["width"]).shape[1]


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    number, natural, pointer = ctypes.c_int64, ctypes.c_uint64, ctypes.c_void_p
    signatures = {
        "tile_new": (pointer, [pointer, natural, natural, pointer, pointer]),
        "tile_delete": (None, [pointer]),
        "tile_reset": (None, [pointer]),
        "tile_begin": (None, [pointer, number, number, pointer, pointer]),
        "tile_step": (number, [pointer] * 3 + [number] * 3 + [pointer]),
        "tile_result": (pointer, [pointer, number, ctypes.POINTER(number)]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library
