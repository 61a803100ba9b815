"""Bit-sliced models with state: 512 instances give what one instance in Verilator gives."""

import numpy as np
import pytest
from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.units import AccumulateThresholdConfig, LfsrConfig, PostProcessConfig
from rtl_gen.units.accumulate_threshold import AccumulateThreshold
from rtl_gen.units.lfsr import Lfsr
from rtl_gen.units.post_process import PostProcess
from sim.kernel import Kernel
from sim.kernel.sampled import SampledKernel
from tests.sim.designs import Add, Counter, Total

pytestmark = [pytest.mark.cosim, pytest.mark.formal]

RNG_SEED = 1


class Sleepy(wiring.Component):
    """Sum of a packet like `Total`, asleep after each beat for as many cycles as its value says.

    With ``start`` the register of the sum is not 0 after a reset.
    """

    def __init__(self, start=0):
        self.start = start
        beat = data.StructLayout({"value": 2, "first": 1, "last": 1})
        super().__init__({"i": In(stream.Signature(beat)), "o": Out(stream.Signature(signed(12)))})

    def elaborate(self, platform):
        m = Module()
        rest, total = Signal(2), Signal(signed(12), init=self.start)
        beat = self.i.payload
        m.d.comb += self.i.ready.eq((rest == 0) & (self.o.ready | ~self.o.valid))
        m.d.comb += self.o.payload.eq(total)
        with m.If(rest != 0):
            m.d.sync += rest.eq(rest - 1)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.i.valid & self.i.ready):
            before = Mux(beat.first & (self.start == 0), 0, total)
            m.d.sync += [total.eq(before + beat.value), rest.eq(beat.value)]
            m.d.sync += self.o.valid.eq(beat.last)
        return m


@pytest.fixture(scope="module")
def total():
    return {backend: Kernel(Total(), "total", backend=backend) for backend in BACKENDS}


BACKENDS = ("verilator", "bitsliced")


def packets(lengths, width=8):
    """Random values in packets of such lengths, extreme ones first, and their marks."""
    rng = np.random.default_rng(RNG_SEED)
    count, ends = int(np.sum(lengths)), np.cumsum(lengths)
    value = rng.integers(-(2 ** (width - 1)), 2 ** (width - 1), count)
    value[:4] = [-(2 ** (width - 1)), 2 ** (width - 1) - 1, -1, 0][:count]
    first, last = np.zeros((2, count), np.uint8)
    last[ends - 1] = 1
    first[ends - lengths] = 1
    return value, first, last


@pytest.mark.parametrize("count", [0, 1, 2, 511, 512, 513, 3000])
def test_packets_of_any_length(total, count):
    lengths = np.random.default_rng(RNG_SEED).integers(1, 10, count)
    value, first, last = packets(lengths)
    wanted = np.add.reduceat(value, np.cumsum(lengths) - lengths) if count else value
    for kernel in total.values():
        result = kernel(value=value, first=first, last=last)["payload"]
        assert np.array_equal(result, wanted)
    assert (total["bitsliced"].cycles < total["verilator"].cycles / 20) == (count > 500)


def test_beats_after_the_last_packet_are_taken(total):
    value, first, last = packets(np.array([3, 2, 4]))
    last[-1] = 0
    for kernel in total.values():
        result = kernel(value=value, first=first, last=last)["payload"]
        assert result.tolist() == [value[:3].sum(), value[3:5].sum()]


def test_rows_are_read_where_they_lie(total):
    rng = np.random.default_rng(RNG_SEED)
    values = rng.integers(-128, 128, (7, 9, 130)).astype(np.int8)
    beat = np.arange(7)
    for kernel in total.values():
        result = kernel.packets(value=values.transpose(2, 1, 0), first=beat == 0, last=beat == 6)
        assert np.array_equal(result["payload"], values.sum(axis=0, dtype=np.int64).T)
        one = kernel.packets(value=values[:, 0, 0], first=beat == 0, last=beat == 6)["payload"]
        assert one.tolist() == values[:, 0, 0].sum(dtype=np.int64)
        assert one.shape == ()
        spread = kernel.packets(value=values[:, :, 0, None].T, first=beat == 0, last=beat == 6)
        assert np.array_equal(spread["payload"], values[:, :, 0].sum(axis=0, dtype=np.int64)[None])
        none = kernel.packets(value=values[:, :0, 0].T, first=beat == 0, last=beat == 6)["payload"]
        assert none.shape == (0,)


def test_rows_with_other_ends_than_their_last_beat(total):
    values = np.random.default_rng(RNG_SEED).integers(-128, 128, (600, 6))
    beat = np.arange(6)
    ends = (beat == 1) | (beat == 5)
    wanted = np.stack([values[:, :2].sum(axis=1), values[:, 2:].sum(axis=1)], axis=1).reshape(-1)
    starts = (beat == 0) | (beat == 2)
    for kernel in total.values():
        flat = {"first": np.tile(starts, 600), "last": np.tile(ends, 600)}
        assert np.array_equal(kernel(value=values.reshape(-1), **flat)["payload"], wanted)
        with pytest.raises(RuntimeError, match="gave more outputs than expected"):
            kernel.packets(value=values, first=starts, last=ends)


@pytest.mark.parametrize("count", [512, 1024, 1700])
def test_rounds_of_512_rows_follow_each_other(total, count):
    values, beat = np.random.default_rng(RNG_SEED).integers(-128, 128, (count, 5)), np.arange(5)
    result = total["bitsliced"].packets(value=values, first=beat == 0, last=beat == 4)["payload"]
    assert np.array_equal(result, values.sum(axis=1))


@pytest.mark.parametrize("start", [0, -5])
def test_instances_that_do_not_keep_step(start):
    rng = np.random.default_rng(RNG_SEED)
    values, beat = rng.integers(0, 4, (520, 5)), np.arange(5)
    found = [
        Kernel(Sleepy(start), f"sleepy_{abs(start)}", backend=backend).packets(
            value=values[:1] if start else values, first=beat == 0, last=beat == 4
        )["payload"]
        for backend in BACKENDS
    ]
    assert np.array_equal(*found)
    assert np.array_equal(found[0], (values[:1] if start else values).sum(axis=1) + start)


def test_scalars_hold_for_all_beats(total):
    for kernel in total.values():
        assert kernel(value=np.arange(-5, 5), first=1, last=1)["payload"].tolist() == [
            *range(-5, 5)
        ]
        assert kernel.packets(value=3, first=1, last=1)["payload"].tolist() == 3


def test_state_is_kept_in_the_first_instance(total):
    value, first, last = packets(np.array([4, 6]))
    for kernel in total.values():
        parts = [
            kernel(value=value[a:b], first=first[a:b], last=last[a:b], keep_state=True)["payload"]
            for a, b in ((0, 2), (2, 5), (5, 10))
        ]
        assert np.concatenate(parts).tolist() == [value[:4].sum(), value[4:].sum()]


def test_sources():
    for unit, name in ((Counter(), "counter"), (Lfsr(LfsrConfig(), 77), "lfsr")):
        one, other = (Kernel(unit, name, backend=backend) for backend in BACKENDS)
        for count in (0, 1, 1000, 3):
            assert np.array_equal(one(outputs=count)["payload"], other(outputs=count)["payload"])
        for count in (2, 0, 700):
            kept = [k(outputs=count, keep_state=True)["payload"] for k in (one, other)]
            assert np.array_equal(*kept)
        for kernel in (one, other):
            kernel.reset()
        kept = [k(outputs=9, keep_state=True)["payload"] for k in (one, other)]
        assert np.array_equal(*kept)
        assert np.array_equal(kept[0], one(outputs=9)["payload"])


def test_what_goes_wrong_is_said(total):
    kernel = Kernel(Add(fault="stuck"), "add_stuck", backend="bitsliced")
    kernel.PATIENCE = 50
    message = r"^kernel add_stuck is stuck: \d+ of 5 inputs went in, 0 of 5 outputs came out$"
    with pytest.raises(RuntimeError, match=message):
        kernel(a=np.arange(5), b=0)
    with pytest.raises(RuntimeError, match=r"^kernel total gave more outputs than expected: "):
        total["bitsliced"](value=np.arange(5), first=1, last=1, outputs=3)
    with pytest.raises(ValueError, match=r"^value must be between -128 and 127, not 128$"):
        total["bitsliced"].packets(value=[[128]], first=1, last=1)
    with pytest.raises(ValueError, match=r"^arrays must broadcast to one shape, not "):
        total["bitsliced"].packets(value=np.zeros((2, 3), int), first=np.zeros(2, int), last=1)
    with pytest.raises(TypeError, match=r"^value must be integers, not float64$"):
        total["bitsliced"].packets(value=[[0.5]], first=1, last=1)


def test_tied_fields():
    unit, rng = PostProcess(PostProcessConfig()), np.random.default_rng(RNG_SEED)
    fields = {
        "partial": rng.integers(-(2**20), 2**20, (40, 30, 3)),
        "scale": 0x3B10,
        "bias": rng.integers(0xBA00, 0xBC00, (40, 30, 1)),
        "mask": 1,
        "first": [1, 0, 0],
        "last": [0, 0, 1],
    }
    static = {"control": {"activation": 1, "exponent": -4, "stochastic": 0}}
    plain = Kernel(unit, "post_process").packets(static, random=0, **fields)
    for backend in BACKENDS:
        tied = Kernel(unit, "post_process", backend=backend, tied={"random": 0})
        result = tied.packets(static, **fields)
        assert all(np.array_equal(plain[name], result[name]) for name in plain)
        with pytest.raises(TypeError, match=r"^fields of post_process must be partial, .* not "):
            tied(static, random=0, **{**fields, "partial": np.arange(3), "bias": 0})
    with pytest.raises(ValueError, match=r"^tied must name fields among .*, not \['else'\]$"):
        Kernel(unit, "post_process", tied={"else": 0})
    with pytest.raises(ValueError, match=r"^i__payload.random must be between 0 and 255, not 256$"):
        Kernel(unit, "post_process", tied={"random": 256})


@pytest.mark.parametrize("variant", ["fixed", "bf16"])
def test_accumulators(variant):
    config = AccumulateThresholdConfig(variant=variant)
    rng, limit = np.random.default_rng(RNG_SEED), 2 ** (config.code_width - 1) - 1
    x, delta = rng.integers(-limit, limit + 1, (2, 16, 40))
    x[:, :3], delta[:, :3] = limit, [-limit, 0, limit]
    width, beat = config.state_width, np.arange(16)
    bf16 = rng.integers(0x3000, 0x4500, (40, 40))
    chi = bf16 if variant == "bf16" else rng.integers(0, 2**width, (40, 40))
    threshold = 0x4000 if variant == "bf16" else 2**30
    control = {"shift": 20, "scale": 0x3A80, "threshold": threshold, "transfer": 1}
    found = [
        Kernel(AccumulateThreshold(config), f"accumulate_{variant}", backend=backend).packets(
            {"control": control},
            x=x.T[:, None],
            delta=delta.T[None],
            chi=chi[..., None],
            first=beat == 0,
            last=beat == 15,
        )
        for backend in BACKENDS
    ]
    assert all(np.array_equal(found[0][name], found[1][name]) for name in found[0])
    assert len(np.unique(found[0]["count"])) > 3


def test_sample_on_verilator_finds_a_wrong_netlist(monkeypatch):
    kernel = SampledKernel(Total(), "total")
    fields = {"value": np.arange(100).reshape(20, 5) - 50, "first": [1, 0, 0, 0, 0]}
    fields["last"] = [0, 0, 0, 0, 1]
    right = kernel.packets(**fields)["payload"]
    assert np.array_equal(right, fields["value"].sum(axis=1))
    assert kernel.replayed == 1
    original = kernel.fast.packets
    monkeypatch.setattr(
        kernel.fast, "packets", lambda *a, **k: {"payload": original(*a, **k)["payload"] + 1}
    )
    message = r"^kernel total: field payload is -?\d+ bit-sliced but -?\d+ in Verilator, 0 "
    many = {"value": np.tile(fields["value"], (30, 1))}  # 600 packets: one at least runs again
    with pytest.raises(RuntimeError, match=message):
        kernel.packets(**fields | many)
