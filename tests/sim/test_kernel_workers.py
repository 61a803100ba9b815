from itertools import pairwise

import numpy as np
import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from sim.kernel import Kernel, fanout
from sim.kernel.fanout import Piece, pieces
from tests.sim.designs import Add, Counter, Total

pytestmark = [pytest.mark.cosim, pytest.mark.formal]

REST = Add.LATENCY + 16  # cycles of a call beyond one per beat


class Both(wiring.Component):
    """Gives every second beat twice, so it carries something from one beat to the next."""

    LATENCY = 0

    def __init__(self):
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        state = Signal(2)  # 0: the first beat goes away, 1: the second comes out, 2: once more
        m.d.comb += [
            self.o.payload.eq(self.i.payload),
            self.o.valid.eq(self.i.valid & (state != 0)),
            self.i.ready.eq((state == 0) | ((state == 2) & self.o.ready)),
        ]
        with m.If(self.i.valid & ((state == 0) | self.o.ready)):
            m.d.sync += state.eq(state + 1)
        with m.If(self.i.valid & (state == 2) & self.o.ready):
            m.d.sync += state.eq(0)
        return m


def operands(count):
    rng = np.random.default_rng(1)
    return {
        "a": rng.integers(0, 2**16, count, dtype=np.uint16),
        "b": rng.integers(-(2**15), 2**15, count, dtype=np.int16),
    }


def packets(count, density, seed=1):
    rng = np.random.default_rng(seed)
    last = rng.random(count) < density
    first = np.concatenate([[True], last[:-1]])[:count]
    return {"value": rng.integers(-128, 128, count), "first": first, "last": last}


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(fanout, "LEAST", 600)


def same(result, expected):
    assert set(result) == set(expected)
    assert all(np.array_equal(result[name], expected[name]) for name in expected)


@pytest.mark.parametrize("backend", ["verilator", "cxxrtl", "bitsliced"])
@pytest.mark.parametrize("workers", [2, 3, 7])
def test_beats_do_not_depend_on_the_number_of_workers(small, backend, workers):
    one, many = (Kernel(Add(), "add", backend=backend, workers=n) for n in (1, workers))
    static = {"control": {"mode": 1, "bias": 3}}
    for count in (0, 1, 1199, 1200, 1801, 6000):
        given = operands(count)
        same(many(static, **given), one(static, **given))
        parts = max(1, min(workers, count // 600))
        clocked = backend != "bitsliced" and count
        assert many.cycles == (count + parts * REST if clocked else 0)
        if count:
            given["b"] = int(given["b"][0])  # for all beats
            same(many(static, **given), one(static, **given))


@pytest.mark.parametrize("backend", ["verilator", "cxxrtl"])
@pytest.mark.parametrize("density", [0.3, 0.002, 1.0])
def test_packets_do_not_depend_on_the_number_of_workers(small, backend, density):
    one, many = (Kernel(Total(), "total", backend=backend, workers=n) for n in (1, 4))
    for count in (1, 2399, 5000):
        given = packets(count, density)
        expected = one(**given)
        same(many(**given), expected)
        assert len(expected["payload"]) == np.count_nonzero(given["last"])
        assert many.cycles >= one.cycles
    assert many.cycles > one.cycles + 16


def test_last_for_all_beats(small):
    one, many = (Kernel(Total(), "total", workers=n) for n in (1, 3))
    value = np.arange(4000) % 100
    same(many(value=value, first=1, last=1), one(value=value, first=1, last=1))
    assert many.cycles > one.cycles


@pytest.mark.parametrize("count", [0, 1, 599, 600, 1200, 5000])
@pytest.mark.parametrize("density", [None, 0.0, 0.001, 0.5, 1.0])
def test_pieces_are_the_batch(small, count, density):
    last = None if density is None else packets(count, density)["last"]
    cut = pieces(count, last, 4)
    assert cut[0].start == cut[0].first == 0
    assert cut[-1].stop == count
    assert cut[-1].end == (count if last is None else np.count_nonzero(last))
    assert 1 <= len(cut) <= max(1, min(4, count // 600))
    for before, after in pairwise(cut):
        assert before.start < before.stop == after.start
        assert before.end == after.first
        assert last is None or last[before.stop - 1]
        assert last is None or np.count_nonzero(last[: before.stop]) == before.end
        assert last is not None or before.stop % fanout.BLOCK == 0


def test_small_batches_are_not_cut():
    assert pieces(2 * fanout.LEAST - 1, None, 8) == [Piece(0, 39_999, 0, 39_999)]
    assert len(pieces(2 * fanout.LEAST, None, 8)) == 2


def test_calls_that_keep_state_or_expect_other_outputs_are_not_cut(small):
    kernel = Kernel(Add(), "add", workers=4)
    kernel(keep_state=True, **operands(3000))
    assert kernel.cycles == 3000 + REST
    kernel = Kernel(Both(), "both", workers=4)
    twice = kernel(outputs=3000, payload=np.arange(3000) // 2 % 256)["payload"]
    assert np.array_equal(twice, np.arange(3000) // 2 % 256)
    source = Kernel(Counter(), "counter", workers=4)
    assert source(outputs=3000)["payload"][-1] == (5 + 2999) % 256


def test_errors_are_those_of_one_worker(small):
    kernels = [Kernel(Add(fault="stuck"), "add", workers=n) for n in (1, 4)]
    message = "^kernel add is stuck: 3000 of 3000 inputs went in, 0 of 3000 outputs came out$"
    for kernel in kernels:
        with pytest.raises(RuntimeError, match=message):
            kernel(**operands(3000))
    with pytest.raises(RuntimeError, match=r"^kernel add gave more .* 2999 of 2999 outputs"):
        Kernel(Add(), "add", workers=4)(outputs=2999, **operands(3000))


def test_state_between_beats_is_seen_where_a_piece_goes_wrong(monkeypatch):
    monkeypatch.setattr(fanout, "LEAST", 5)
    monkeypatch.setattr(fanout, "BLOCK", 1)  # pieces of 5 beats give 4 outputs
    payload = np.arange(10)
    Kernel(Both(), "both")(payload=payload)
    with pytest.raises(
        RuntimeError, match=r"^kernel both must run in pieces as in one, but does not"
    ):
        Kernel(Both(), "both", workers=2)(payload=payload)


@pytest.mark.parametrize(("workers", "error"), [(0, ValueError), (1.5, TypeError)])
def test_bad_number(workers, error):
    with pytest.raises(error, match=r"^workers must be .*, not "):
        Kernel(Add(), "add", workers=workers)
