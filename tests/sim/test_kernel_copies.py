import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from sim.kernel import Kernel, fanout
from tests.sim.designs import Add, Counter, Lanes, Total

pytestmark = [pytest.mark.cosim, pytest.mark.formal]

BACKENDS = ("verilator", "cxxrtl")
LENGTHS = (0, 1, 2, 3, 4, 7, 8, 9, 1000)
REST = Add.LATENCY + 16  # cycles of a call beyond one per beat


class Slow(wiring.Component):
    """Passes beats on every third cycle, or even ones at once, or even ones alone."""

    LATENCY = 0

    def __init__(self, kind):
        self.kind = kind
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        phase = Signal(range(3))
        m.d.sync += phase.eq(phase + 1)
        with m.If(phase == 2):
            m.d.sync += phase.eq(0)
        odd, go, valid = self.i.payload[0], Signal(), Signal()
        m.d.comb += go.eq((phase == 2) if self.kind != "ready" else ~odd | (phase == 2))
        m.d.comb += valid.eq(~odd if self.kind == "valid" else 1)
        m.d.comb += [
            self.o.payload.eq(self.i.payload),
            self.o.valid.eq(self.i.valid & go & valid),
            self.i.ready.eq(self.o.ready & go),
        ]
        return m


def operands(count):
    rng = np.random.default_rng(1)
    return {
        "a": rng.integers(0, 2**16, count, dtype=np.uint16),
        "b": rng.integers(-(2**15), 2**15, count, dtype=np.int16),
    }


def same(result, expected):
    assert set(result) == set(expected)
    for name, values in expected.items():
        assert result[name].dtype == values.dtype
        assert np.array_equal(result[name], values), name


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("copies", [2, 3, 8])
def test_copies_give_what_one_gives(backend, copies):
    one, many = (Kernel(Add(), "add", backend=backend, copies=n) for n in (1, copies))
    static = {"control": {"mode": 1, "bias": -8}}
    for count in LENGTHS:
        given = operands(count)
        same(many(static, **given), one(static, **given))
        assert many.cycles == (-(-count // copies) + REST if count else 0)
    same(many(static, a=given["a"], b=-5), one(static, a=given["a"], b=-5))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("count", "width"), [(7, 9), (8, 8), (5, 1)])
def test_lanes_aligned_and_not(backend, count, width):
    lanes = {"i.codes": (width, False), "o.codes": (width, True)}
    made = Lanes(count, width), "lanes"
    one, many = (Kernel(*made, lanes=lanes, backend=backend, copies=n) for n in (1, 5))
    rng = np.random.default_rng(1)
    given = {
        "codes": rng.integers(0, 2**width, (333, count)),
        "tag": rng.integers(0, 8, 333),
        "wide": rng.integers(-(2**48), 2**48, 333),
    }
    same(many(**given), one(**given))


@pytest.mark.parametrize("backend", BACKENDS)
def test_units_that_stop_together(backend):
    kernel = Kernel(Slow("together"), "slow", backend=backend, copies=4)
    payload = np.arange(41)
    assert np.array_equal(kernel(payload=payload)["payload"], payload)
    assert kernel.cycles > 3 * 11


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", ["ready", "valid"])
def test_units_that_go_apart(backend, kind):
    kernel = Kernel(Slow(kind), "slow", backend=backend, copies=2)
    same(kernel(payload=[0, 2, 4]), {"payload": np.array([0, 2, 4], np.uint8)})
    message = "^copies of slow must agree in ready and valid, but do not$"
    for payload in ([1, 0], [0, 1], [0, 0, 2, 1]):
        with pytest.raises(RuntimeError, match=message):
            kernel(payload=payload)


def test_the_last_beat_fills_the_group_and_not_what_lies_behind_it():
    kernel = Kernel(Slow("ready"), "slow", copies=2)  # would go apart with an odd one
    assert kernel(payload=np.array([4, 2, 6, 1], np.uint8)[:3])["payload"].tolist() == [4, 2, 6]


@pytest.mark.parametrize("backend", BACKENDS)
def test_wrong_numbers_of_outputs(backend):
    kernel = Kernel(Add(), "add", backend=backend, copies=4)
    with pytest.raises(RuntimeError, match=r"^kernel add gave more .* 9 of 9 outputs came out$"):
        kernel(outputs=9, **operands(10))
    with pytest.raises(RuntimeError, match=r"^kernel add gave more .* 4 of 4 outputs came out$"):
        kernel(outputs=4, **operands(10))
    stuck = "^kernel add is stuck: 10 of 10 inputs went in, 10 of 11 outputs came out$"
    with pytest.raises(RuntimeError, match=stuck):
        kernel(outputs=11, **operands(10))
    broken = Kernel(Add(fault="stuck"), "add", backend=backend, copies=4)
    stuck = "^kernel add is stuck: 10 of 10 inputs went in, 0 of 10 outputs came out$"
    with pytest.raises(RuntimeError, match=stuck):
        broken(**operands(10))


def test_with_workers(monkeypatch):
    monkeypatch.setattr(fanout, "LEAST", 600)
    kernel = Kernel(Add(), "add", copies=3, workers=2)
    given = operands(1234)
    same(kernel(**given), Kernel(Add(), "add")(**given))
    assert kernel.cycles == -(-512 // 3) + -(-722 // 3) + 2 * REST


@pytest.mark.parametrize(
    ("make", "backend", "message"),
    [
        (Total, "verilator", r"copies must be 1 for unit, which has packets \(a field last\)"),
        (Counter, "cxxrtl", "copies must be 1 for unit, which is a source"),
        (Add, "bitsliced", "copies must be 1 with bitsliced, which has 512 lanes of its own"),
    ],
)
def test_units_that_cannot(make, backend, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        Kernel(make(), "unit", backend=backend, copies=2)


def test_bad_number_and_kept_state():
    with pytest.raises(ValueError, match=r"^copies must be between 1 and 64, not 65$"):
        Kernel(Add(), "add", copies=65)
    with pytest.raises(ValueError, match=r"^keep_state must be False with copies$"):
        Kernel(Add(), "add", copies=2)(keep_state=True, **operands(3))
