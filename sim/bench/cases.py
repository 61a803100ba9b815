"""Units whose speed is measured: component, inputs and golden twin.

A beat is one transfer into the unit. It gives one result, but for ``accumulate_threshold`` (packets
of a whole buffer, as in training), ``adc_interface`` (packets of all slices in both phases, 32
converters wide) and ``max_pool`` (packets of four codes).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from amaranth.lib.wiring import Component

from models.config.floats import FloatAddConfig
from models.config.units import (
    AccumulateThresholdConfig,
    AdcInterfaceConfig,
    PostProcessConfig,
    RequantizeConfig,
)
from models.digital.accumulate_threshold import accumulate_threshold
from models.digital.adc_interface import adc_interface
from models.digital.bf16 import BF16_MUL, INT_TO_BF16
from models.digital.float_add import float_add
from models.digital.float_mul import float_mul
from models.digital.int_to_float import int_to_float
from models.digital.max_pool import max_pool
from models.digital.post_process import post_process
from models.digital.requantize import requantize
from rtl_gen.units.accumulate_threshold import AccumulateThreshold
from rtl_gen.units.adc_interface import AdcInterface
from rtl_gen.units.float_add import FloatAdd
from rtl_gen.units.float_mul import FloatMul
from rtl_gen.units.int_to_float import IntToFloat
from rtl_gen.units.max_pool import MaxPool
from rtl_gen.units.post_process import PostProcess
from rtl_gen.units.requantize import Requantize
from sim.kernel.wrapper import Lanes

Rng = np.random.Generator
CODE_WIDTH = 9


@dataclass(frozen=True)
class Stimulus:
    """One set of beats.

    Attributes
    ----------
    fields, static : mapping
        What a kernel is called with.
    twin : callable
        Computes the same on the golden twin.
    outputs : callable
        Gives the twin's results as the kernel's: arrays by field.
    """

    fields: Mapping[str, Any]
    twin: Callable[[], Any]
    outputs: Callable[[Any], Mapping[str, np.ndarray]] = lambda result: {"payload": result}
    static: Mapping[str, Any] = field(default_factory=dict)

    @property
    def beats(self) -> int:
        """Beats of the set."""
        return max(len(np.atleast_1d(values)) for values in self.fields.values())


@dataclass(frozen=True)
class Case:
    """A unit to measure.

    Attributes
    ----------
    component : callable
        Makes the unit.
    stimulus : callable
        Makes about so many beats from a generator.
    beats : int
        Of a whole run.
    is_arithmetic : bool
        Every beat is on its own: the bit-sliced kernel has to be much faster.
    lanes : mapping
        Of the kernel.
    """

    component: Callable[[], Component]
    stimulus: Callable[[Rng, int], Stimulus]
    beats: int
    is_arithmetic: bool = False
    lanes: Lanes = field(default_factory=dict)


def _float_mul(rng: Rng, count: int) -> Stimulus:
    a, b = rng.integers(0, 2**16, (2, count), dtype=np.uint16)
    return Stimulus({"a": a, "b": b}, lambda: float_mul(a, b, BF16_MUL))


def _float_add(rng: Rng, count: int) -> Stimulus:
    a, b = rng.integers(0, 2**16, (2, count), dtype=np.uint16)
    return Stimulus({"a": a, "b": b}, lambda: float_add(a, b, FloatAddConfig()))


def _int_to_float(rng: Rng, count: int) -> Stimulus:
    value = rng.integers(-(2**47), 2**47, count) >> rng.integers(0, 48, count)
    return Stimulus({"value": value}, lambda: int_to_float(value, INT_TO_BF16))


def _requantize(rng: Rng, count: int) -> Stimulus:
    config = RequantizeConfig(code_width=CODE_WIDTH)
    value = rng.integers(0x3800, 0x4000, count, dtype=np.uint16)
    value |= rng.integers(0, 2, count, dtype=np.uint16) << 15
    random = rng.integers(0, 2**config.random_bits, count, dtype=np.uint8)
    control = {"exponent": -6, "stochastic": 1}
    return Stimulus(
        {"value": value, "random": random},
        lambda: requantize(value, config, exponent=-6, stochastic=True, random=random),
        static={"control": control},
    )


def _post_process(rng: Rng, count: int) -> Stimulus:
    config = PostProcessConfig()
    control = {"activation": 1, "exponent": -4, "stochastic": True}
    fields: dict[str, Any] = {
        "partial": rng.integers(-(2**20), 2**20, count, dtype=np.int32),
        "scale": rng.integers(0x3A00, 0x3C00, count, dtype=np.uint16),
        "bias": rng.integers(0xBA00, 0xBC00, count, dtype=np.uint16),
        "mask": rng.integers(0, 2, count, dtype=np.uint8),
        "random": rng.integers(0, 2**config.random_bits, count, dtype=np.uint8),
    }
    rest = {name: values for name, values in fields.items() if name != "partial"}
    partials = fields["partial"][:, None].astype(np.int64)
    return Stimulus(
        fields | {"first": 1, "last": 1},
        lambda: post_process(partials, **rest, config=config, **control),
        lambda result: {name: getattr(result, name) for name in ("sum", "value", "mask", "code")},
        {"control": control},
    )


def _accumulate_threshold(rng: Rng, count: int) -> Stimulus:
    """Packets of ``chunk`` products for the cells of a square part of the array."""
    config = AccumulateThresholdConfig()
    depth = config.chunk
    side = max(1, int(np.sqrt(count / depth)))
    chi = rng.integers(-(2**30), 2**30, (side, side))
    x, delta = rng.integers(-255, 256, (2, depth, side), dtype=np.int16)
    whole = (side, side, depth)
    beat = np.tile(np.arange(depth), side * side)
    control = {"shift": 8, "threshold": 2**26, "transfer": 1}
    state = 2**config.state_width - 1
    twin = {"shift": 8, "scale": 0, "threshold": 2**26, "transfer": True}
    return Stimulus(
        {
            "x": np.broadcast_to(x.T[:, None], whole).reshape(-1),
            "delta": np.broadcast_to(delta.T[None], whole).reshape(-1),
            "chi": np.repeat(chi.reshape(-1) & state, depth),
            "first": beat == 0,
            "last": beat == depth - 1,
        },
        lambda: accumulate_threshold(chi, x, delta, config, **twin),
        lambda result: {"chi": result[0].ravel() & state, "count": result[1].ravel()},
        {"control": control},
    )


def _adc_interface(rng: Rng, count: int) -> Stimulus:
    config = AdcInterfaceConfig()
    slices, phases, adcs = config.slice_count, 2, config.adc_count
    shape = (max(1, count // (slices * phases)), slices, phases, adcs)
    codes = rng.integers(0, 2**config.adc_bits, shape, dtype=np.uint8)
    gain = rng.integers(0, 2**config.gain_width, adcs)
    offset = rng.integers(-(2**11), 2**11, adcs)
    place, phase = (np.tile(part.ravel(), shape[0]) for part in np.indices((slices, phases)))
    fields = {
        "codes": codes.reshape(-1, adcs),
        "group": 0,
        "pair": 1,
        "negative": phase,
        "first": (place == 0) & (phase == 0),
        "shift": (place > 0) & (phase == 0),
        "last": (place == slices - 1) & (phase == phases - 1),
    }
    return Stimulus(
        fields,
        lambda: adc_interface(codes, gain, offset, config, pair=True),
        lambda result: {"sums": result},
        {"gain": gain, "offset": offset},
    )


def _adc_lanes() -> Lanes:
    config = AdcInterfaceConfig()
    return {
        "i.codes": (config.adc_bits, False),
        "o.sums": (config.sum_width, True),
        "gain": (config.gain_width, False),
        "offset": (config.offset_width, True),
    }


def _max_pool(rng: Rng, count: int) -> Stimulus:
    codes = rng.integers(-255, 256, (max(1, count // 4), 4), dtype=np.int16)
    beat = np.tile(np.arange(4), len(codes))
    return Stimulus(
        {"code": codes.reshape(-1), "first": beat == 0, "last": beat == 3},
        lambda: max_pool(codes),
        lambda result: {"code": result[0], "index": result[1]},
    )


CASES = {
    "float_mul": Case(lambda: FloatMul(BF16_MUL), _float_mul, 1_000_000, True),
    "float_add": Case(lambda: FloatAdd(FloatAddConfig()), _float_add, 1_000_000, True),
    "post_process": Case(lambda: PostProcess(PostProcessConfig()), _post_process, 1_000_000),
    "int_to_float": Case(lambda: IntToFloat(INT_TO_BF16), _int_to_float, 1_000_000, True),
    "requantize": Case(
        lambda: Requantize(RequantizeConfig(code_width=CODE_WIDTH)), _requantize, 1_000_000, True
    ),
    "accumulate_threshold": Case(
        lambda: AccumulateThreshold(AccumulateThresholdConfig()), _accumulate_threshold, 1_000_000
    ),
    "adc_interface": Case(
        lambda: AdcInterface(AdcInterfaceConfig()),
        _adc_interface,
        100_000,
        lanes=_adc_lanes(),
    ),
    "max_pool": Case(lambda: MaxPool(CODE_WIDTH), _max_pool, 1_000_000),
}
