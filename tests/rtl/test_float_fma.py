from math import inf

import numpy as np
import pytest

from models.config.floats import FloatFmaConfig, FloatMulConfig
from models.digital.float_fma import float_fma
from models.digital.float_mul import float_mul
from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32, FloatFormat
from rtl_gen.units.float_fma import FloatFma
from sim.kernel import Kernel
from sim.streams import run_stream
from tests.float_cases import corners, expected, operand, pairs, plus, shaped, times, words
from tests.rtl.stream_checks import check_reset, check_timing

DEPTHS = (0, 2, 5)
E4M3 = {"format": FP8_E4M3, "addend": FP8_E4M3, "result": FP8_E4M3}
FP32_SUM = {"addend": FP32, "result": FP32}
TINY = FloatFormat(name="tiny", exponent_bits=2, mantissa_bits=1, bias=1)
TWO_BITS = FloatFormat(name="two bits", exponent_bits=8, mantissa_bits=1, bias=127)
# its exponents lie further from those of BF16 than either format's from each other
HIGH = FloatFormat(name="high", exponent_bits=8, mantissa_bits=7, bias=10)
LOW = FloatFormat(name="low", exponent_bits=8, mantissa_bits=3, bias=250)
FORMS = {
    "bf16": {},
    "bf16 flushed": {"subnormals": "flushed", "depth": 5},
    "bf16 combinational flushed": {"subnormals": "flushed", "depth": 0},
    "bf16 toward zero": {"rounding": "toward_zero", "depth": 0},
    "bf16 flushed toward zero": {"subnormals": "flushed", "rounding": "toward_zero"},
    "bf16 stochastic": {"rounding": "stochastic", "depth": 3},
    "bf16 flushed stochastic": {
        "subnormals": "flushed",
        "rounding": "stochastic",
        "random_bits": 13,
        "depth": 8,
    },
    "bf16 rows": {"multiplier": "rows", "depth": 4},
    "fp16": {"format": FP16, "addend": FP16, "result": FP16, "depth": 16},
    "e4m3": E4M3 | {"depth": 1},
    "e4m3 flushed": E4M3 | {"subnormals": "flushed"},
    "e4m3 stochastic": E4M3 | {"rounding": "stochastic", "random_bits": 1},
    "bf16 onto fp32": FP32_SUM | {"depth": 5},
    "bf16 onto fp32 flushed": FP32_SUM | {"subnormals": "flushed", "depth": 5},
    "e4m3 onto fp32": FP32_SUM | {"format": FP8_E4M3},
    "e5m2 onto fp16 flushed": {
        "format": FP8_E5M2,
        "addend": FP16,
        "result": FP16,
        "subnormals": "flushed",
    },
    "fp16 onto fp32 toward zero": FP32_SUM | {"format": FP16, "rounding": "toward_zero"},
    "fp32": FP32_SUM | {"format": FP32},
    "fp32 and e4m3 to bf16": {"format": FP32, "addend": FP8_E4M3},
    "bf16 to e4m3": {"result": FP8_E4M3},
    "fp16 and fp32 to bf16": {"format": FP16, "addend": FP32},
    "bf16 and fp32 to two bits": {"addend": FP32, "result": TWO_BITS},
    "bf16 and fp32 to two bits flushed": {
        "addend": FP32,
        "result": TWO_BITS,
        "subnormals": "flushed",
    },
    "e5m2 and fp32 to bf16": {"format": FP8_E5M2, "addend": FP32},
    "tiny": {"format": TINY, "addend": TINY, "result": TINY},
    "tiny onto bf16 flushed": {"format": TINY, "subnormals": "flushed"},
    "high": {"format": HIGH},
    "high flushed": {"format": HIGH, "subnormals": "flushed"},
    "low and high": {"format": LOW, "addend": HIGH, "result": FP32},
}


def triples(config, count, seed):
    """At least ``count`` triples: all corners, or terms near, far, cancelling, beside infinity."""
    fmt, addend = config.format, config.addend
    rng = np.random.default_rng([seed, fmt.width, addend.width, config.result.width])
    a, b = pairs(fmt, config.result, count // 2, seed)
    a, b = (np.concatenate([side, rng.integers(0, 2**fmt.width, count // 2)]) for side in (a, b))
    reach = 2 * fmt.mantissa_bits + addend.mantissa_bits + 6
    near = shaped(rng, addend, _log2(a, b, config) + rng.integers(-reach, reach + 1, len(a)))
    close = shaped(rng, addend, _log2(a, b, config) + rng.integers(-1, 3, len(a)))
    # the product itself, rounded: what is left is its error, or nothing
    product = float_mul(a, b, FloatMulConfig(format=fmt, result=addend)).astype(np.int64)
    opposite = product ^ 2 ** (addend.width - 1)
    around = (opposite + rng.integers(-2, 3, len(a))) % 2**addend.width
    ends = rng.choice(corners(addend), len(a))
    c = np.choose(rng.integers(0, 5, len(a)), [near, close, opposite, around, ends])
    ends, addends = corners(fmt), corners(addend)
    every = [side.ravel() for side in np.meshgrid(ends, ends, addends)]
    chosen = rng.integers(0, len(every[0]), count // 2)
    beside = _beside_infinity(rng, config, count // 4)
    kinds = [(a, b, c), [side[chosen] for side in every], beside]
    return [np.concatenate([kind[n] for kind in kinds]) for n in range(3)]


def _log2(a, b, config):
    """Exponent field that an addend of the size of the product has, about."""
    fmt, addend = config.format, config.addend
    fields = sum((side >> fmt.mantissa_bits) % (fmt.exponent_max + 1) for side in (a, b))
    return fields - 2 * fmt.bias + addend.bias


def _beside_infinity(rng, config, count):
    """A special factor and an addend that would cancel it, were it a number of that pattern."""
    fmt, addend = config.format, config.addend
    signs = rng.integers(0, 2, (2, count))
    special = fmt.encode(inf)
    a = special | signs[0] << (fmt.width - 1)
    b = rng.integers(0, 2**fmt.width, count)
    b &= ~rng.choice([0, 2**fmt.mantissa_bits - 1], count)
    log2 = np.clip(_log2(a, b, config), 0, addend.exponent_max - 1)
    places = max(0, addend.mantissa_bits - fmt.mantissa_bits)
    few = max(0, fmt.mantissa_bits - addend.mantissa_bits)
    mantissa = (b % 2**fmt.mantissa_bits) << places >> few
    sign = 1 ^ (a >> (fmt.width - 1)) ^ (b >> (fmt.width - 1))
    c = sign << (addend.width - 1) | log2 << addend.mantissa_bits | mantissa
    swap = signs[1] == 1
    return np.where(swap, b, a), np.where(swap, a, b), c


def stimulus(config, count, seed):
    fields = dict(zip("abc", triples(config, count, seed), strict=True))
    random = words(np.random.default_rng(seed), config, len(fields["a"]))
    return fields | ({} if random is None else {"random": random})


def chosen(config, count, seed):
    """Some of the directed beats."""
    fields = stimulus(config, 4000, seed)
    order = np.random.default_rng(seed).permutation(len(fields["a"]))[:count]
    return {name: values[order] for name, values in fields.items()}


def case(config, count, seed):
    fields = chosen(config, count, seed)
    rows = zip(*(values.tolist() for values in fields.values()), strict=True)
    payloads = [dict(zip(fields, row, strict=True)) for row in rows]
    return payloads, float_fma(**fields, config=config).tolist()


def rtl(config, fields):
    return Kernel(FloatFma(config), "unit", backend="cxxrtl")(**fields)["payload"]


@pytest.mark.parametrize("p_stall", [0.0, 0.3])
@pytest.mark.parametrize("depth", DEPTHS)
def test_streams_match_the_twin(depth, p_stall):
    config = FloatFmaConfig(depth=depth)
    payloads, results = case(config, 800, seed=1)
    assert run_stream(FloatFma(config), payloads, seed=1, p_stall=p_stall) == results


@pytest.mark.parametrize("form", ["bf16 flushed stochastic", "e4m3", "bf16 onto fp32"])
def test_other_forms_in_the_amaranth_simulator(form):
    config = FloatFmaConfig(**FORMS[form])
    payloads, results = case(config, 400, seed=2)
    assert run_stream(FloatFma(config), payloads, seed=2) == results


@pytest.mark.parametrize("depth", DEPTHS)
def test_throughput_and_latency(depth):
    config = FloatFmaConfig(depth=depth)
    payloads, results = case(config, 20, seed=3)
    dut = FloatFma(config)
    assert depth == dut.LATENCY
    check_timing(dut, payloads, results)


@pytest.mark.parametrize("after", [5, 9])
@pytest.mark.parametrize("depth", DEPTHS)
def test_reset_in_mid_stream_forgets_it(depth, after):
    config = FloatFmaConfig(depth=depth)
    payloads, results = case(config, 20, seed=4)
    check_reset(FloatFma(config), payloads, results, after=after)


@pytest.mark.cosim
@pytest.mark.formal
@pytest.mark.parametrize("form", FORMS)
def test_directed_vectors_match_the_twin(form):
    config = FloatFmaConfig(**FORMS[form])
    fields = stimulus(config, 40_000, seed=5)
    np.testing.assert_array_equal(rtl(config, fields), float_fma(**fields, config=config))


@pytest.mark.cosim
@pytest.mark.formal
@pytest.mark.parametrize("form", ["bf16", "bf16 flushed", "e4m3 stochastic", "bf16 onto fp32"])
def test_directed_vectors_match_exact_values(form):
    config = FloatFmaConfig(**FORMS[form])
    fields = chosen(config, 3000, seed=6)

    def exact(a, b, c):
        x, y = (operand(p, config.format, config.is_flushed) for p in (a, b))
        return plus([times(x, y), operand(c, config.addend, config.is_flushed)])

    arrays = [fields[name] for name in "abc"]
    found = rtl(config, fields)
    np.testing.assert_array_equal(found, expected(config, exact, arrays, fields.get("random")))


@pytest.mark.cosim
@pytest.mark.formal
@pytest.mark.parametrize("subnormals", ["kept", "flushed"])
def test_rounds_once(subnormals):
    # 37/32 * 7/8 is 1.5 ulp above 1: a tie, which goes to 2 ulp. In between rounded to FP32, the
    # product with the tiny addend would be that tie again.
    a, b, tiny = BF16.encode(37 / 32), BF16.encode(7 / 8), BF16.encode(2.0**-100)
    fields = {"a": np.full(3, a), "b": np.full(3, b), "c": np.array([0, tiny, tiny ^ 0x8000])}
    found = rtl(FloatFmaConfig(subnormals=subnormals), fields)
    assert found.tolist() == [0x3F82, 0x3F82, 0x3F81]


@pytest.mark.cosim
@pytest.mark.formal
@pytest.mark.parametrize(
    ("form", "a", "b", "left"),
    [
        ("fp16 and fp32 to bf16", 2.0**-24, 1.0, 2.0**-48),
        ("bf16 and fp32 to two bits", 2.0**-133, 2.0**127, 2.0**-30),
    ],
)
def test_a_long_addend_cancels_a_product_with_leading_zeros(form, a, b, left):
    config = FloatFmaConfig(**FORMS[form])
    values = (a, config.format), (b, config.format), (left - a * b, config.addend)
    patterns = [np.array([kind.encode(value)]) for value, kind in values]
    found = rtl(config, dict(zip("abc", patterns, strict=True)))
    assert found.tolist() == [config.result.encode(left)]


@pytest.mark.cosim
@pytest.mark.formal
@pytest.mark.parametrize("subnormals", ["kept", "flushed"])
def test_infinity_keeps_its_sign_beside_what_would_cancel_it(subnormals):
    config = FloatFmaConfig(subnormals=subnormals)
    a, b, c = [0xFF80, 0x7F80, 0x7F80], [0x2A41, 0x80EF, 0x3F80], [0x6A41, 0x40EF, 0xFF7F]
    fields = {name: np.array(side) for name, side in zip("abc", (a, b, c), strict=True)}
    assert rtl(config, fields).tolist() == [0xFF80, 0xFF80, 0x7F80]
