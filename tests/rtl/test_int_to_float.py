import numpy as np
import pytest

from models.config.floats import IntToFloatConfig
from models.digital.int_to_float import int_to_float
from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32, FloatFormat
from rtl_gen.units.int_to_float import IntToFloat
from sim.kernel import Kernel
from sim.streams import run_stream
from tests.float_cases import words
from tests.rtl.stream_checks import check_reset, check_timing

DEPTHS = (0, 2, 5)
# its smallest normal number is 8: small integers are subnormal
SUBNORMAL_INTEGERS = FloatFormat(name="bias -2", exponent_bits=4, mantissa_bits=3, bias=-2)
FORMS = {
    "32 to bf16": {},
    "64 to bf16": {"int_width": 64, "depth": 5},
    "64 to fp32 stochastic": {"int_width": 64, "result": FP32, "rounding": "stochastic"},
    "24 to fp32, exact": {"int_width": 24, "result": FP32, "depth": 0},
    "2 to bf16": {"int_width": 2, "depth": 1},
    "3 to bf16, an offset that is a power of two": {"int_width": 3},
    "24 to fp16, infinite": {"int_width": 24, "result": FP16},
    "24 to fp16 toward zero": {"int_width": 24, "result": FP16, "rounding": "toward_zero"},
    "12 to e4m3, no infinities": {"int_width": 12, "result": FP8_E4M3, "depth": 3},
    "12 to e4m3 toward zero": {"int_width": 12, "result": FP8_E4M3, "rounding": "toward_zero"},
    "20 to e5m2 stochastic": {
        "int_width": 20,
        "result": FP8_E5M2,
        "rounding": "stochastic",
        "random_bits": 17,
    },
    "16 to subnormals": {"int_width": 16, "result": SUBNORMAL_INTEGERS},
    "16 to subnormals stochastic": {
        "int_width": 16,
        "result": SUBNORMAL_INTEGERS,
        "rounding": "stochastic",
        "random_bits": 3,
    },
}


def integers(config, count, seed):
    """Powers of two and their neighbours; then any length, half of them ties or next to one."""
    rng = np.random.default_rng([seed, config.int_width])
    limit = 2 ** (config.int_width - 1)
    powers = [s * (2**n + d) for n in range(config.int_width) for s in (1, -1) for d in (-1, 0, 1)]
    corners = [0, -limit, limit - 1, *(p for p in powers if -limit <= p < limit)]
    length = rng.integers(0, config.int_width, count)
    value = rng.integers(0, 2**63, count) >> (63 - length)
    cut = np.maximum(length - config.result.mantissa_bits - 1, 0)
    tie = ((value >> cut) << cut) + (1 << cut >> 1) + rng.integers(-1, 2, count)
    value = np.where(rng.random(count) < 0.5, tie, value).clip(0, limit - 1)
    return np.concatenate([corners, value * rng.choice([-1, 1], count)])


def stimulus(config, count, seed):
    value = integers(config, count, seed)
    random = words(np.random.default_rng(seed), config, len(value))
    return {"value": value} | ({} if random is None else {"random": random})


def case(config, count, seed):
    fields = {name: values[-count:] for name, values in stimulus(config, count, seed).items()}
    rows = zip(*(values.tolist() for values in fields.values()), strict=True)
    return [dict(zip(fields, row, strict=True)) for row in rows], int_to_float(
        **fields, config=config
    ).tolist()


@pytest.mark.parametrize("p_stall", [0.0, 0.3])
@pytest.mark.parametrize("depth", DEPTHS)
def test_streams_match_the_twin(depth, p_stall):
    config = IntToFloatConfig(depth=depth)
    payloads, expected = case(config, 1200, seed=1)
    assert run_stream(IntToFloat(config), payloads, seed=1, p_stall=p_stall) == expected


@pytest.mark.parametrize("form", ["64 to fp32 stochastic", "16 to subnormals"])
def test_other_forms_in_the_amaranth_simulator(form):
    config = IntToFloatConfig(**FORMS[form])
    payloads, expected = case(config, 500, seed=2)
    assert run_stream(IntToFloat(config), payloads, seed=2) == expected


@pytest.mark.parametrize("depth", DEPTHS)
def test_throughput_and_latency(depth):
    config = IntToFloatConfig(depth=depth)
    payloads, expected = case(config, 20, seed=3)
    dut = IntToFloat(config)
    assert depth == dut.LATENCY
    check_timing(dut, payloads, expected)


@pytest.mark.parametrize("after", [5, 9])
@pytest.mark.parametrize("depth", DEPTHS)
def test_reset_in_mid_stream_forgets_it(depth, after):
    config = IntToFloatConfig(depth=depth)
    payloads, expected = case(config, 20, seed=4)
    check_reset(IntToFloat(config), payloads, expected, after=after)


@pytest.mark.cosim
@pytest.mark.formal
@pytest.mark.parametrize("form", FORMS)
def test_directed_vectors_match_the_twin(form):
    config = IntToFloatConfig(**FORMS[form])
    fields = stimulus(config, 40_000, seed=5)
    found = Kernel(IntToFloat(config), "unit", backend="cxxrtl")(**fields)["payload"]
    np.testing.assert_array_equal(found, int_to_float(**fields, config=config))


@pytest.mark.cosim
@pytest.mark.formal
def test_every_integer_of_16_bits():
    config = IntToFloatConfig(int_width=16, result=BF16, depth=0)
    value = np.arange(-(2**15), 2**15)
    found = Kernel(IntToFloat(config), "unit", backend="cxxrtl")(value=value)["payload"]
    exact = [BF16.encode(float(v)) for v in value.tolist()]
    np.testing.assert_array_equal(found, exact)
