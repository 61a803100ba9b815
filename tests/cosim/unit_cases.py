"""Stimulus for the generated Verilog of each unit, and what its twin makes of it."""

from typing import Any, NamedTuple

import numpy as np

from models.config.floats import FloatAddConfig, FloatMulConfig, IntToFloatConfig
from models.config.units import (
    AccumulateThresholdConfig,
    AdcInterfaceConfig,
    LfsrConfig,
    PostProcessConfig,
    RequantizeConfig,
)
from models.digital.int_to_float import int_to_float
from models.digital.lfsr import lfsr_words
from models.digital.sar import sar
from models.formats import FP16
from rtl_gen.array.pulse_sequencer import PulseSequencer
from rtl_gen.units.accumulate_threshold import AccumulateThreshold
from rtl_gen.units.adc_interface import AdcInterface
from rtl_gen.units.float_add import FloatAdd
from rtl_gen.units.float_mul import FloatMul
from rtl_gen.units.int_to_float import IntToFloat
from rtl_gen.units.lfsr import Lfsr
from rtl_gen.units.max_pool import MaxPool
from rtl_gen.units.post_process import PostProcess
from rtl_gen.units.relu_mask import ReluMask
from rtl_gen.units.requantize import Requantize
from sim.kernel.sar_bench import SarBench
from tests.models import test_int_to_float as integers
from tests.rtl import test_accumulate_threshold as update
from tests.rtl import test_adc_interface as adc
from tests.rtl import test_float_add as add
from tests.rtl import test_float_mul as mul
from tests.rtl import test_max_pool as pool
from tests.rtl import test_post_process as post
from tests.rtl import test_pulse_sequencer as pulses
from tests.rtl import test_relu_mask as relu
from tests.rtl import test_requantize as requantize

FIXED = AccumulateThresholdConfig(code_width=4, acc_width=12, chi_width=16, chunk=8, count_width=3)
BF16 = AccumulateThresholdConfig(
    variant="bf16", code_width=4, acc_width=12, chunk=8, count_width=3, keep_remainder=False
)
ADC = AdcInterfaceConfig(
    adc_count=2, adc_bits=4, group_count=3, dac_bits=4, slice_bits=3, gain_fraction_bits=2
)
FLUSHED = {"subnormals": "flushed", "rounding": "stochastic", "random_bits": 5}
POST = PostProcessConfig(sum_width=12, code_width=5, random_bits=4)


class Case(NamedTuple):
    """One stream through one unit."""

    component: Any
    payloads: list[Any]
    expected: list[Any]
    static: dict[str, Any] | None = None


def float_mul():
    for config in (FloatMulConfig(), FloatMulConfig(depth=3, **FLUSHED)):
        yield Case(FloatMul(config), *mul.case(config, 2500, 1))


def float_add():
    for config in (FloatAddConfig(), FloatAddConfig(depth=3, **FLUSHED)):
        yield Case(FloatAdd(config), *add.case(config, 2500, 1))


def int_to_float_unit():
    config = IntToFloatConfig(int_width=20)
    number = integers.directed(np.random.default_rng(1), 500, 20, 7)
    payloads = [{"value": n} for n in number.tolist()]
    yield Case(IntToFloat(config), payloads, int_to_float(number, config).tolist())


def float_to_int():
    config = RequantizeConfig(format=FP16, code_width=24, random_bits=8)
    for stochastic in (False, True):
        value = requantize.around_the_range(config, -12, 400, seed=3)
        yield Case(Requantize(config), *requantize.case(value, config, -12, stochastic, seed=4))


def requantize_unit():
    config = RequantizeConfig(code_width=5, random_bits=4)
    for exponent, stochastic in ((-133, False), (3, True)):
        value = requantize.around_the_range(config, exponent, 400, seed=1)
        case = requantize.case(value, config, exponent, stochastic, seed=2)
        yield Case(Requantize(config), *case)


def relu_mask():
    for mode in (1, 2):
        yield Case(ReluMask(), *relu.case(300, mode, seed=1))


def lfsr():
    config = LfsrConfig(width=16, word_bits=7)
    yield Case(Lfsr(config, 0xACE1), [], lfsr_words(0xACE1, 400, config)[0].tolist())


def max_pool():
    yield Case(MaxPool(5), *pool.case(150, 4, 5, seed=1))


def post_process():
    for activation, stochastic in ((1, False), (2, True)):
        case = post.Packets(POST, 150, 3, 1, activation=activation, stochastic=stochastic)
        yield Case(PostProcess(POST), case.payloads, case.expected, case.static)


def adc_interface():
    for pair in (False, True):
        rng = np.random.default_rng([1, pair])
        groups = [0, 1, 2] * 40
        job = adc.Job(ADC, rng, groups, pair=pair)
        order = np.arange(len(groups)).reshape(-1, 3).repeat(2 * ADC.slice_count, axis=0)
        order = rng.permuted(order.reshape(40, -1), axis=1).ravel().tolist()  # groups interleaved
        ends = [n for at, n in enumerate(order) if n not in order[at + 1 :]]
        expected = [job.result(n) for n in ends]
        for beat in expected:
            beat["sums"] = adc.pack(beat["sums"], ADC.sum_width)
        yield Case(AdcInterface(ADC), list(job.beats(order)), expected, job.static)


def accumulate_threshold_fixed():
    rng = np.random.default_rng(1)
    chi = [-(2**15) + 1, 2**15 - 1, *range(-90, 91), *rng.integers(-(2**15), 2**15, 40).tolist()]
    yield from _updates(FIXED, rng, chi, update.CONTROL | {"shift": 9, "threshold": 777})
    yield from _updates(FIXED, rng, chi, update.CONTROL)


def accumulate_threshold_bf16():
    rng = np.random.default_rng(2)
    threshold = 0x4120
    around = np.clip(threshold + rng.integers(-0x200, 0x400, 150), 0, 0x7F7F)
    chi = np.concatenate([around, update.SPECIALS])
    chi |= rng.integers(0, 2, len(chi)) << 15
    yield from _updates(BF16, rng, chi.tolist(), update.CONTROL | {"threshold": threshold})


def _updates(config, rng, chi, control):
    packets = update.random_packets(config, rng, chi, longest=config.chunk)
    results = list(packets.results(control))
    dut = AccumulateThreshold(config)
    yield Case(dut, list(packets.beats()), results, {"control": control})


def pulse_sequencer():
    array = np.stack(np.meshgrid(range(4), range(2), range(-3, 4)), axis=-1).reshape(-1, 3)
    array = np.random.default_rng(1).permutation(np.tile(array, (5, 1)))
    dut = PulseSequencer(pulses.SMALL, "push_pull")
    yield Case(dut, pulses.commands(array), pulses.program(array, "push_pull"))


def sar_adc():
    lanes, bits = 3, 4
    rng = np.random.default_rng(1)
    held = rng.integers(-(2 ** (bits + 1)), 2 ** (bits + 1), (200, lanes))
    held[:16] = np.arange(16)[:, None]  # every code in every converter
    codes = sar(held.astype(np.float32), bits).tolist()
    payloads = [{"held": adc.pack(line, bits + 2)} for line in held.tolist()]
    yield Case(SarBench(lanes, bits), payloads, [{"codes": adc.pack(c, bits)} for c in codes])


UNITS = {
    "float_mul": float_mul,
    "float_add": float_add,
    "int_to_float": int_to_float_unit,
    "requantize": requantize_unit,
    "requantize fp16": float_to_int,
    "relu_mask": relu_mask,
    "lfsr": lfsr,
    "max_pool": max_pool,
    "post_process": post_process,
    "adc_interface": adc_interface,
    "accumulate_threshold fixed": accumulate_threshold_fixed,
    "accumulate_threshold bf16": accumulate_threshold_bf16,
    "pulse_sequencer": pulse_sequencer,
    "sar": sar_adc,
}
