import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.floats import (
    FloatAddConfig,
    FloatCompareConfig,
    FloatConvertConfig,
    FloatFmaConfig,
    FloatMulConfig,
    FusedDotConfig,
    FusedSumConfig,
    IntToFloatConfig,
)
from models.config.units import PostProcessConfig, RequantizeConfig
from models.formats import FP8_E4M3, FP16, FP32
from rtl_gen.units.float_add import FloatAdd
from rtl_gen.units.float_compare import FloatCompare
from rtl_gen.units.float_convert import FloatConvert
from rtl_gen.units.float_fma import FloatFma
from rtl_gen.units.float_mul import FloatMul
from rtl_gen.units.fused_dot import FusedDot
from rtl_gen.units.fused_sum import FusedSum
from rtl_gen.units.int_to_float import IntToFloat
from rtl_gen.units.post_process import PostProcess
from rtl_gen.units.relu_mask import ReluMask
from rtl_gen.units.requantize import Requantize
from sim.kernel import Kernel, build
from sim.toolchain import ToolchainError
from tests.sim.designs import Add, Counter, Lanes, Total

pytestmark = [pytest.mark.cosim, pytest.mark.formal]

BACKENDS = ("verilator", "cxxrtl", "bitsliced")
CLOCKED = BACKENDS[:2]
OTHERS = BACKENDS[1:]
LENGTHS = (0, 1, 511, 512, 513, 100_003)
RNG_SEED = 1


class Both(wiring.Component):
    """``both = a & b`` and ``a`` inverted if ``invert``, without a register and so without clk."""

    LATENCY = 0

    def __init__(self):
        operands = data.StructLayout({"a": 5, "b": 5})
        results = data.StructLayout({"both": 5, "a": 5})
        signature = {"i": In(stream.Signature(operands)), "o": Out(stream.Signature(results))}
        super().__init__(signature | {"invert": In(1)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += [
            self.o.payload.both.eq(self.i.payload.a & self.i.payload.b),
            self.o.payload.a.eq(self.i.payload.a ^ self.invert.replicate(5)),
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready),
        ]
        return m


def words(count, width, signed=False, seed=RNG_SEED):
    """Random patterns of ``width`` bits with the extreme ones first."""
    low = -(2 ** (width - 1)) if signed else 0
    values = np.random.default_rng(seed).integers(low, low + 2**width, count)
    ends = [low, low + 2**width - 1, 0, -1 if signed else 1][:count]
    values[: len(ends)] = ends
    return values


def pairs(count):
    return {"a": words(count, 16), "b": words(count, 16, seed=2)}


def near(count):
    """Four BF16 terms of about the same size in a word."""
    return (words(4 * count, 16) & 0x83FF | 0x3C00).astype("<u2").view("<u8")


CONTROL = {"control": {"exponent": 3, "stochastic": 1}}
UNITS = {  # component, static, fields of n beats
    "float_mul": (lambda: FloatMul(FloatMulConfig()), None, pairs),
    "float_add": (lambda: FloatAdd(FloatAddConfig()), None, pairs),
    "int_to_float": (
        lambda: IntToFloat(IntToFloatConfig()),
        None,
        lambda n: {"value": words(n, 32, signed=True) >> (np.arange(n) % 32)},
    ),
    "requantize": (
        lambda: Requantize(RequantizeConfig()),
        CONTROL,
        lambda n: {"value": words(n, 16), "random": words(n, 8, seed=2)},
    ),
    "float_fma": (
        lambda: FloatFma(FloatFmaConfig(result=FP32, depth=5)),
        None,
        lambda n: pairs(n) | {"c": words(n, 16, seed=3)},
    ),
    "float_convert": (
        lambda: FloatConvert(FloatConvertConfig(format=FP16, result=FP8_E4M3, depth=0)),
        None,
        lambda n: {"value": words(n, 16)},
    ),
    "float_compare": (lambda: FloatCompare(FloatCompareConfig()), None, pairs),
    "fused_sum": (
        lambda: FusedSum(FusedSumConfig(terms=4, window=16, subnormals="flushed", depth=6)),
        None,
        lambda n: {"x": near(n)},
    ),
    "fused_dot": (
        lambda: FusedDot(FusedDotConfig(terms=3, format=FP8_E4M3, result=FP32, window=0)),
        None,
        lambda n: {"a": words(n, 24), "b": words(n, 24, seed=2)},
    ),
    "relu_mask": (
        ReluMask,
        {"mode": 1},
        lambda n: {"value": words(n, 16), "mask": words(n, 1, seed=2)},
    ),
    "add": (
        Add,
        {"control": {"mode": 1, "bias": -8}},
        lambda n: {"a": words(n, 16), "b": words(n, 16, signed=True, seed=2)},
    ),
    "both": (Both, {"invert": 1}, lambda n: {"a": words(n, 5), "b": words(n, 5, seed=2)}),
}


def same(result, expected):
    assert set(result) == set(expected)
    for name, values in expected.items():
        assert result[name].dtype == values.dtype
        assert np.array_equal(result[name], values), name


@pytest.fixture(scope="module")
def kernels():
    made = {}

    def kernel(name, backend):
        key = name, backend
        made[key] = made.get(key) or Kernel(UNITS[name][0](), name, backend=backend)
        return made[key]

    return kernel


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize("unit", UNITS)
def test_agree_with_verilator(kernels, unit, backend):
    _, static, fields = UNITS[unit]
    for count in LENGTHS:
        given = fields(count)
        expected = kernels(unit, "verilator")(static, **given)
        same(kernels(unit, backend)(static, **given), expected)
    cycles = kernels(unit, "verilator").cycles
    assert kernels(unit, backend).cycles == (0 if backend == "bitsliced" else cycles)


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize("scalar", ["a", "b"])
def test_scalars_stand_for_all_beats(kernels, scalar, backend):
    given = UNITS["add"][2](1000)
    given[scalar] = int(given[scalar][0])
    static = {"control": {"mode": 0, "bias": 7}}
    same(kernels("add", backend)(static, **given), kernels("add", "verilator")(static, **given))


@pytest.mark.parametrize("backend", OTHERS)
def test_static_inputs_move_between_calls(kernels, backend):
    for exponent in (-20, 0, 9):
        for stochastic in (0, 1):
            static = {"control": {"exponent": exponent, "stochastic": stochastic}}
            given = UNITS["requantize"][2](5000)
            expected = kernels("requantize", "verilator")(static, **given)
            same(kernels("requantize", backend)(static, **given), expected)


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize(("count", "width"), [(1, 5), (7, 9), (8, 8), (5, 32)])
@pytest.mark.parametrize("is_signed", [False, True])
def test_lanes(count, width, is_signed, backend):
    lanes = {"i.codes": (width, False), "o.codes": (width, is_signed)}
    codes = words(700 * count, width).reshape(700, count)
    given = {"tag": words(700, 3), "wide": words(700, 50, signed=True) // 2}
    reference = Kernel(Lanes(count, width), "lanes", lanes=lanes)
    kernel = Kernel(Lanes(count, width), "lanes", lanes=lanes, backend=backend)
    for field in (codes, codes[0] if count > 1 else int(codes[0, 0])):
        same(kernel(codes=field, **given), reference(codes=field, **given))


def test_post_process_with_state():
    count = 3000
    first = np.arange(count) % 4 == 0
    given = {
        "partial": words(count, 32, signed=True),
        "scale": words(count, 16),
        "bias": words(count, 16, seed=3),
        "mask": words(count, 1),
        "random": words(count, 8),
        "first": first,
        "last": np.roll(first, -1),
    }
    static = {"control": {"activation": 1, "exponent": 2, "stochastic": 1}}
    made = [Kernel(PostProcess(PostProcessConfig()), "post_process", backend=b) for b in CLOCKED]
    reference, other = (kernel(static, **given) for kernel in made)
    assert len(reference["sum"]) == count // 4
    same(other, reference)
    assert made[0].cycles == made[1].cycles


def test_packets_stalls_sources_and_kept_state_in_cxxrtl():
    last = np.random.default_rng(RNG_SEED).random(3000) < 0.3
    given = {
        "value": words(3000, 8, signed=True),
        "first": np.concatenate([[True], last[:-1]]),
        "last": last,
    }
    totals = [Kernel(Total(), "total", backend=b) for b in CLOCKED]
    same(totals[1](**given), totals[0](**given))
    assert totals[0].cycles == totals[1].cycles > 3000
    counter = Kernel(Counter(), "counter", backend="cxxrtl")
    assert counter(outputs=3)["payload"].tolist() == [5, 6, 7]
    assert counter(outputs=3, keep_state=True)["payload"].tolist() == [5, 6, 7]
    assert counter(outputs=3, keep_state=True)["payload"].tolist() == [8, 9, 10]
    assert counter(outputs=1)["payload"].tolist() == [5]


def message(call):
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call()
    return type(caught.value), str(caught.value)


@pytest.mark.parametrize("backend", OTHERS)
@pytest.mark.parametrize(
    "given",
    [
        {"a": [65536], "b": [0]},
        {"a": [0.5], "b": [0]},
        {"a": 0.5, "b": [0]},
        {"a": [0]},
        {"a": [0, 1], "b": [0]},
        {"a": [[0]], "b": [0]},
        {"a": -1, "b": [0]},
        {"a": 0, "b": 0},
        {"a": [0], "b": 0, "static": {"contol": 1}},
        {"a": [0], "b": 0, "static": {"control": {"bias": 8}}},
        {"a": range(10), "b": 0, "outputs": 9},
        {"a": range(10), "b": 0, "outputs": 11},
        {"a": range(1000), "b": 0, "outputs": 20},
    ],
)
def test_errors_are_the_same(kernels, given, backend):
    expected = message(lambda: kernels("add", "verilator")(**given))
    assert message(lambda: kernels("add", backend)(**given)) == expected


def test_bad_backend():
    with pytest.raises(ValueError, match=r"^backend must be verilator, cxxrtl, .*, not icarus$"):
        Kernel(Add(), "add", backend="icarus")


def plant(monkeypatch, old, new):
    real = build.verilog_text

    def faulty(component, name):
        text = real(component, name)
        assert old in text
        return text.replace(old, new, 1)

    monkeypatch.setattr(build, "verilog_text", faulty)


@pytest.mark.parametrize("backend", BACKENDS)
def test_planted_fault_is_seen(monkeypatch, backend):
    plant(monkeypatch, " + ", " ^ ")
    given = UNITS["add"][2](1000)
    result = Kernel(Add(), "add", backend=backend)(**given)["sum"]
    assert not np.array_equal(result, given["a"] + given["b"])


@pytest.mark.parametrize("backend", OTHERS)
def test_broken_verilog_is_a_toolchain_error(monkeypatch, backend):
    plant(monkeypatch, "endmodule", "endmodul")
    with pytest.raises(ToolchainError, match=r"yosys failed:\n(.*\n)*.*ERROR"):
        Kernel(Add(), "add", backend=backend).build()
