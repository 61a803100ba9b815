import numpy as np
import pytest

from sim.kernel import Kernel, build, build_all
from sim.streams import run_stream
from sim.toolchain import ToolchainError
from tests.sim.designs import Add, AddConfig, Counter, Lanes, Total

pytestmark = pytest.mark.cosim

RNG_SEED = 1


@pytest.fixture(scope="module")
def add():
    return Kernel(Add(), "add")


def operands(count):
    rng = np.random.default_rng(RNG_SEED)
    a = rng.integers(0, 2**16, count, dtype=np.uint16)
    b = rng.integers(-(2**15), 2**15, count, dtype=np.int16)
    a[:4], b[:4] = [0, 65535, 0, 65535], [-32768, 32767, 32767, -32768]
    return a, b


@pytest.mark.parametrize(("mode", "bias"), [(0, 7), (1, -8)])
def test_fields_and_static_inputs(add, mode, bias):
    a, b = operands(10_000)
    result = add(static={"control": {"mode": mode, "bias": bias}}, a=a, b=b)
    expected = a.astype(np.int64) + (-1 if mode else 1) * b.astype(np.int64) + bias
    assert np.array_equal(result["sum"], expected)
    assert np.array_equal(result["a"], a)
    assert result["sum"].dtype == np.int32
    assert result["a"].dtype == np.uint16
    assert add.cycles == 10_000 + Add.LATENCY + 16


@pytest.mark.parametrize("width", [1, 8, 9, 23, 24, 25, 32, 33, 47, 60])
def test_every_width_packs_and_unpacks(width):
    kernel = Kernel(Add(AddConfig(width=width)), "add")
    rng = np.random.default_rng(RNG_SEED)
    a = rng.integers(0, 2**width, 300)
    b = rng.integers(-(2 ** (width - 1)), 2 ** (width - 1), 300)
    result = kernel(a=a, b=b)
    assert np.array_equal(result["a"], a)
    assert np.array_equal(result["sum"], a + b)


@pytest.mark.parametrize(("count", "width"), [(1, 5), (7, 9), (8, 8), (33, 11), (16, 16), (5, 32)])
@pytest.mark.parametrize("is_signed", [False, True])
def test_lanes(count, width, is_signed):
    lanes = {"i.codes": (width, False), "o.codes": (width, is_signed)}
    kernel = Kernel(Lanes(count, width), "lanes", lanes=lanes)
    rng = np.random.default_rng(RNG_SEED)
    codes = rng.integers(0, 2**width, (500, count))
    tag, wide = rng.integers(0, 8, 500), rng.integers(-(2**49) + 1, 2**49, 500)
    result = kernel(codes=codes, tag=tag, wide=wide)
    expected = (codes + tag[:, None]) % 2**width
    if is_signed:
        expected = np.where(expected >= 2 ** (width - 1), expected - 2**width, expected)
    assert np.array_equal(result["codes"], expected)
    assert np.array_equal(result["wide"], wide - 1)
    assert np.array_equal(result["tag"], tag)


def test_wide_field_without_lanes_is_bytes():
    kernel = Kernel(Lanes(9, 8), "lanes")
    codes = np.arange(18, dtype=np.uint8).reshape(2, 9)
    assert np.array_equal(kernel(codes=codes, tag=2, wide=0)["codes"], codes + 2)


def test_packets_with_input_stalls():
    rng = np.random.default_rng(RNG_SEED)
    last = rng.random(3000) < 0.3
    last[-1] = True
    first = np.concatenate([[True], last[:-1]])
    value = rng.integers(-128, 128, 3000)
    kernel = Kernel(Total(), "total")
    result = kernel(value=value, first=first, last=last)["payload"]
    ends = np.flatnonzero(last)
    assert np.array_equal(result, np.add.reduceat(value, np.concatenate([[0], ends[:-1] + 1])))
    assert kernel.cycles > 3000 + 3 * len(ends)


def test_kernel_agrees_with_the_amaranth_simulator(add):
    a, b = operands(40)
    beats = [{"a": int(x), "b": int(y)} for x, y in zip(a, b, strict=True)]
    result = add(a=a, b=b)
    assert [r["sum"] for r in run_stream(Add(), beats, seed=2)] == result["sum"].tolist()


def test_state_is_reset_unless_kept():
    kernel = Kernel(Counter(), "counter")
    assert kernel(outputs=3)["payload"].tolist() == [5, 6, 7]
    assert kernel(outputs=3)["payload"].tolist() == [5, 6, 7]
    assert kernel(outputs=3, keep_state=True)["payload"].tolist() == [5, 6, 7]
    assert kernel(outputs=0, keep_state=True)["payload"].tolist() == []
    assert kernel(outputs=3, keep_state=True)["payload"].tolist() == [8, 9, 10]
    assert kernel(outputs=1)["payload"].tolist() == [5]


def test_no_beats_give_no_results(add):
    assert add(a=np.array([], dtype=int), b=np.array([], dtype=int))["sum"].shape == (0,)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"a": [65536], "b": [0]}, ValueError, "a must be between 0 and 65535, not 65536"),
        ({"a": [0], "b": [-32769]}, ValueError, "b must be between -32768 and 32767, not -32769"),
        ({"a": [0.5], "b": [0]}, TypeError, "a must be integers, not float64"),
        ({"a": [0]}, TypeError, "fields of add must be a, b, not a"),
        ({"a": [0, 1], "b": [0]}, ValueError, r"arrays of add must have one length, not \[1, 2\]"),
        ({"a": [[0]], "b": [0]}, ValueError, r"a must have shape \(1,\), not \(1, 1\)"),
    ],
)
def test_bad_arrays(add, fields, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        add(**fields)


@pytest.mark.parametrize(
    ("static", "error", "message"),
    [
        (
            {"contol": 0},
            TypeError,
            r"static must name inputs among \['control'\], not \['contol'\]",
        ),
        ({"control": {"bias": 8}}, ValueError, "control.bias must be between -8 and 7, not 8"),
        ({"control": {"x": 8}}, TypeError, r"control must have fields .*, not \['x'\]"),
    ],
)
def test_bad_static_inputs(add, static, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        add(static=static, a=[0], b=[0])


def test_bad_lanes():
    with pytest.raises(ValueError, match=r"^lanes must name fields of add, not i\.c$"):
        Kernel(Add(), "add", lanes={"i.c": (8, False)})
    with pytest.raises(ValueError, match=r"^lanes of i\.a must be .* divide 16, not 5$"):
        Kernel(Add(), "add", lanes={"i.a": (5, False)})


def test_missing_outputs_are_an_error_with_the_name(monkeypatch):
    kernel = Kernel(Add(fault="stuck"), "broken_add")
    message = "^kernel broken_add is stuck: 10 of 10 inputs went in, 0 of 10 outputs came out$"
    with pytest.raises(RuntimeError, match=message):
        kernel(a=range(10), b=0)


def test_unexpected_outputs_are_an_error(add):
    with pytest.raises(RuntimeError, match=r"^kernel add gave more outputs than expected"):
        add(a=range(10), b=0, outputs=9)


def plant(monkeypatch, old, new):
    real = build.verilog_text

    def faulty(component, name):
        text = real(component, name)
        assert old in text
        return text.replace(old, new, 1)

    monkeypatch.setattr(build, "verilog_text", faulty)


def test_planted_fault_reaches_the_results(monkeypatch):
    plant(monkeypatch, " + ", " ^ ")
    a, b = operands(1000)
    assert not np.array_equal(Kernel(Add(), "add")(a=a, b=b)["sum"], a.astype(int) + b)


def test_broken_verilog_is_a_toolchain_error(monkeypatch):
    plant(monkeypatch, "endmodule", "endmodul")
    with pytest.raises(ToolchainError, match="verilator_bin failed"):
        Kernel(Add(), "add")(a=[0], b=[0])


def test_kernels_in_one_process_do_not_mix():
    kernels = [Kernel(Add(AddConfig(width=w)), "add") for w in (5, 6, 7)]
    build_all(kernels)
    for width, kernel in zip((5, 6, 7), kernels, strict=True):
        top = 2**width - 1
        assert kernel(a=[top], b=[-1])["sum"].tolist() == [top - 1]
