"""Digital units of pulsed training on generated RTL: the other set of `ChoppedUnits`."""

from typing import Any

import numpy as np
from amaranth.lib.wiring import Component
from numpy.typing import NDArray

from models.config.chopped import ChoppedConfig
from models.config.floats import IntToFloatConfig
from models.digital.bf16 import BF16_ADD, BF16_MUL
from models.digital.chopped import dac_config
from models.digital.pulse_trains import Trains
from models.digital.relu_mask import MASK, RELU
from models.digital.sequencer import Sequence, SequencerState
from models.digital.transfer import TransferControl, TransferRun
from models.digital.update_management import Managed
from rtl_gen.units.float_add import FloatAdd
from rtl_gen.units.float_mul import FloatMul
from rtl_gen.units.float_reciprocal import FloatReciprocal
from rtl_gen.units.int_to_float import IntToFloat
from rtl_gen.units.max_pool import MaxPool
from rtl_gen.units.relu_mask import ReluMask
from rtl_gen.units.requantize import Requantize
from rtl_gen.units.transfer import ReadTransfer
from rtl_gen.units.update_management import UpdateManagement
from sim.kernel.batch import Kernel, build_all
from sim.kernel.pulse_trains import TrainsKernel
from sim.kernel.sampled import SampledKernel
from sim.kernel.sequencer import SequencerKernel
from sim.kernel.wrapper import Lanes

Bits = NDArray[np.uint16]
SIGN_BIT = 15


class RtlChoppedUnits:
    """`ChoppedUnits` whose results come from compiled Verilog.

    Parameters
    ----------
    config : ChoppedConfig
        Widths of all units.
    backend : {"verilator", "bitsliced"}
        What runs the Verilog, as for :class:`sim.kernel.units.RtlUnits`; the sequencer with its
        choppers and update management, which go on from beat to beat, run in Verilator alone.
    """

    def __init__(self, config: ChoppedConfig, backend: str = "verilator"):
        self.config, self.backend = config, backend
        codes = IntToFloatConfig(int_width=max(one.adc_bits for one in self._converters))
        self._number = self._kernel(IntToFloat(codes), "int_to_float")
        self._mul = self._kernel(FloatMul(BF16_MUL), "float_mul")
        self._add = self._kernel(FloatAdd(BF16_ADD), "float_add")
        self._reciprocal = self._kernel(FloatReciprocal(), "float_reciprocal")
        self._requantize = {
            bits: self._kernel(Requantize(dac_config(bits)), "requantize")
            for bits in {one.dac_bits for one in self._converters}
        }
        self._relu = self._kernel(ReluMask(), "relu_mask")
        self._max_pool = self._kernel(MaxPool(16), "max_pool")
        self._manage = Kernel(UpdateManagement(config.update), "update_management")
        self._trains = TrainsKernel(config.trains, config.shapes(), self._kernel)
        self._sequencer = SequencerKernel(config.sequencer)
        self._follows = config.scheme.algorithm == "agad"
        self._transfer = self._kernel(
            ReadTransfer(config.transfer, follows=self._follows), "transfer"
        )

    @property
    def _converters(self):
        return self.config.forward, self.config.backward, self.config.read

    def _kernel(
        self, unit: Component, name: str, lanes: Lanes | None = None
    ) -> Kernel | SampledKernel:
        kind = SampledKernel if self.backend == "bitsliced" else Kernel
        return kind(unit, name, lanes=lanes)

    def kernels(self) -> tuple[Any, ...]:
        """Every kernel that the algorithm uses."""
        scheme, used = self.config.scheme, []
        if scheme.algorithm != "sgd":
            used.append(self._sequencer)
        if scheme.is_buffered:
            used.append(self._transfer)
        plain = self._number, self._mul, self._add, self._reciprocal, self._relu, self._max_pool
        kernels = *self._requantize.values(), self._manage, *self._trains.kernels
        return (*plain, *kernels, *used)

    def build(self) -> None:
        """Compile whatever is not in the cache."""
        build_all(self.kernels())

    @property
    def replayed(self) -> int:
        """Values of bit-sliced kernels that Verilator gave as well."""
        return sum(k.replayed for k in self.kernels() if isinstance(k, SampledKernel))

    def dac_codes(self, values: Bits, scale: Bits, bits: int) -> NDArray[np.int16]:
        product = self._times(values, scale)
        control = {"control": {"exponent": 0, "stochastic": 0}}
        codes = self._requantize[bits](static=control, value=product.reshape(-1), random=0)
        return codes["payload"].reshape(values.shape).astype(np.int16)

    def scaled(self, codes: NDArray[np.int16], scale: Bits) -> Bits:
        numbers = self._number(value=codes.reshape(-1))["payload"]
        return self._times(numbers.reshape(codes.shape), scale)

    def _times(self, values: Bits, scale: Bits) -> Bits:
        """Vectors times a number each."""
        return self.multiply(values, np.broadcast_to(scale[:, None], values.shape))

    def reciprocal(self, values: Bits) -> Bits:
        return self._reciprocal(payload=values.reshape(-1))["payload"].reshape(values.shape)

    def multiply(self, a: Bits, b: Bits) -> Bits:
        return self._mul(a=a.reshape(-1), b=b.reshape(-1))["payload"].reshape(a.shape)

    def add(self, a: Bits, b: Bits) -> Bits:
        return self._add(a=a.reshape(-1), b=b.reshape(-1))["payload"].reshape(a.shape)

    def relu(self, values: Bits) -> tuple[Bits, NDArray[np.bool_]]:
        out = self._relu(static={"mode": RELU}, value=values.reshape(-1), mask=0)
        mask = out["mask"].astype(np.bool_)
        return out["value"].reshape(values.shape), mask.reshape(values.shape)

    def masked(self, values: Bits, mask: NDArray[np.bool_]) -> Bits:
        mask = np.broadcast_to(mask, values.shape).reshape(-1)
        out = self._relu(static={"mode": MASK}, value=values.reshape(-1), mask=mask)
        return out["value"].reshape(values.shape)

    def max_pool(self, values: Bits) -> tuple[Bits, NDArray[np.uint8]]:
        beat = np.arange(values.shape[1])
        ends = {"first": beat == 0, "last": beat == len(beat) - 1}
        out = self._max_pool.packets(code=values.view(np.int16), **ends)
        return out["code"].astype(np.int16).view(np.uint16), out["index"]

    def update_management(self, x_max: Bits, delta_max: Bits, rate: int) -> Managed:
        out = self._manage(static={"rate": rate}, x_max=x_max, delta_max=delta_max)
        return Managed(out["slots"], out["x_scale"], out["delta_scale"])

    def pulse_trains(self, x: Bits, delta: Bits, managed: Managed, state: int) -> Trains:
        return self._trains(x, delta, managed, state)

    def sequence(
        self, state: SequencerState, vectors: int, rows: int, columns: int
    ) -> tuple[Sequence, SequencerState]:
        every = self.config.scheme.transfer_every
        return self._sequencer(state, vectors, rows, columns, every)

    def transfer(
        self,
        h: NDArray[Any],
        mean: NDArray[Any] | None,
        past: NDArray[Any] | None,
        place: NDArray[np.intp],
        z: NDArray[np.int16],
        order: Sequence,
        control: TransferControl,
    ) -> TransferRun:
        """Run reads of different rows together: the first of each row, the second, and so on."""
        states = {"h": h.copy()}
        if mean is not None and past is not None:
            states |= {"mean": mean.copy(), "past": past.copy()}
        counts = np.empty(z.shape, np.int8)
        signs = 0 if order.out_signs is None else order.out_signs
        negative = np.broadcast_to(order.negative[:, None] ^ signs, z.shape)
        for reads in rounds(place):
            given = {name: state[place[reads]] for name, state in states.items()}
            marks = {"enable": order.enable} | ({"fresh": order.fresh} if self._follows else {})
            given |= {
                name: np.broadcast_to(mark[reads, None], (len(reads), z.shape[1]))
                for name, mark in marks.items()
            }
            given |= {"z": z[reads], "negative": negative[reads]}
            flat: dict[str, Any] = {name: array.reshape(-1) for name, array in given.items()}
            out = self._transfer(static={"control": control._asdict()}, **flat)
            for name, state in states.items():
                state[place[reads]] = out[name].reshape(len(reads), -1)
            counts[reads] = out["count"].reshape(len(reads), -1)
        return TransferRun(states["h"], states.get("mean"), states.get("past"), counts)


def rounds(place: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Give the indices of the first read of each place, of the second of each, and so on."""
    by_place = np.argsort(place, kind="stable")
    ordered = place[by_place]
    starts = np.searchsorted(ordered, ordered)
    rank = np.empty(len(place), np.intp)
    rank[by_place] = np.arange(len(place)) - starts
    by_rank = np.argsort(rank, kind="stable")
    return np.split(by_rank, np.flatnonzero(np.diff(rank[by_rank])) + 1) if len(place) else []
