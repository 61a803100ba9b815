import numpy as np
import pytest

from models.config.floats import FloatConvertConfig
from models.digital.float_convert import float_convert
from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32
from rtl_gen.units.float_convert import FloatConvert
from sim.kernel import Kernel
from sim.streams import run_stream
from tests.float_cases import expected, operand, pairs, words
from tests.rtl.float_checks import FORMS as OTHER_FORMS
from tests.rtl.stream_checks import check_reset, check_timing

DEPTHS = (0, 2, 5)
NARROW = {"format": FP32, "result": BF16}  # the default is BF16 to BF16
FORMS = OTHER_FORMS | {
    "fp32 to bf16": NARROW,
    "fp32 to bf16 flushed": NARROW | {"subnormals": "flushed"},
    "fp32 to bf16 stochastic": NARROW
    | {"rounding": "stochastic", "random_bits": 16, "subnormals": "flushed"},
    "fp16 to e4m3": {"format": FP16, "result": FP8_E4M3, "depth": 3},
    "e4m3 to fp32": {"format": FP8_E4M3, "result": FP32},
    "e5m2 to fp16 flushed": {"format": FP8_E5M2, "result": FP16, "subnormals": "flushed"},
    "fp32 to fp16": {"format": FP32, "result": FP16},
}


def stimulus(config, count, seed):
    """Every pattern of up to 16 bits, else directed ones."""
    fmt = config.format
    if fmt.width <= 16:
        value = np.arange(2**fmt.width)
    else:
        value = np.concatenate(pairs(fmt, config.result, count // 2, seed))
    random = words(np.random.default_rng(seed), config, len(value))
    return {"value": value} | ({} if random is None else {"random": random})


def case(config, count, seed):
    fields = stimulus(config, 4 * count, seed)
    order = np.random.default_rng(seed).permutation(len(fields["value"]))[:count]
    fields = {name: values[order] for name, values in fields.items()}
    rows = zip(*(values.tolist() for values in fields.values()), strict=True)
    return [dict(zip(fields, row, strict=True)) for row in rows], float_convert(
        **fields, config=config
    ).tolist()


@pytest.mark.parametrize("p_stall", [0.0, 0.3])
@pytest.mark.parametrize("depth", DEPTHS)
def test_streams_match_the_twin(depth, p_stall):
    config = FloatConvertConfig(**NARROW, depth=depth)
    payloads, results = case(config, 1200, seed=1)
    assert run_stream(FloatConvert(config), payloads, seed=1, p_stall=p_stall) == results


@pytest.mark.parametrize("form", ["fp32 to bf16 stochastic", "e4m3 to fp32", "fp16 to e4m3"])
def test_other_forms_in_the_amaranth_simulator(form):
    config = FloatConvertConfig(**FORMS[form])
    payloads, results = case(config, 500, seed=2)
    assert run_stream(FloatConvert(config), payloads, seed=2) == results


@pytest.mark.parametrize("depth", DEPTHS)
def test_throughput_and_latency(depth):
    config = FloatConvertConfig(**NARROW, depth=depth)
    payloads, results = case(config, 20, seed=3)
    dut = FloatConvert(config)
    assert depth == dut.LATENCY
    check_timing(dut, payloads, results)


@pytest.mark.parametrize("after", [5, 9])
@pytest.mark.parametrize("depth", DEPTHS)
def test_reset_in_mid_stream_forgets_it(depth, after):
    config = FloatConvertConfig(**NARROW, depth=depth)
    payloads, results = case(config, 20, seed=4)
    check_reset(FloatConvert(config), payloads, results, after=after)


@pytest.mark.cosim
@pytest.mark.formal
@pytest.mark.parametrize("form", FORMS)
def test_all_or_directed_vectors_match_the_twin(form):
    config = FloatConvertConfig(**FORMS[form])
    fields = stimulus(config, 40_000, seed=5)
    found = Kernel(FloatConvert(config), "unit", backend="cxxrtl")(**fields)["payload"]
    np.testing.assert_array_equal(found, float_convert(**fields, config=config))


@pytest.mark.cosim
@pytest.mark.formal
@pytest.mark.parametrize("form", ["e4m3 flushed", "e4m3 to fp32", "e5m2 to e4m3"])
def test_every_pattern_of_8_bits_matches_exact_values(form):
    config = FloatConvertConfig(**FORMS[form])
    value = np.arange(256)
    found = Kernel(FloatConvert(config), "unit", backend="cxxrtl")(value=value)["payload"]
    exact = expected(config, lambda v: operand(v, config.format, config.is_flushed), [value])
    np.testing.assert_array_equal(found, exact)
