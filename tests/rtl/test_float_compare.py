import numpy as np
import pytest

from models.config.floats import FloatCompareConfig
from models.digital.float_compare import float_compare
from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP32
from rtl_gen.units.float_compare import FloatCompare
from sim.kernel import Kernel
from sim.streams import run_stream
from tests.float_cases import FORMATS, every_subnormals, pairs
from tests.rtl.stream_checks import check_reset, check_timing

DEPTHS = (0, 1, 5)


def case(config, count, seed):
    a, b = pairs(config.format, config.format, count, seed)
    order = np.random.default_rng(seed).permutation(len(a))[:count]
    a, b = a[order], b[order]
    payloads = [{"a": x, "b": y} for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    twin = float_compare(a, b, config)
    rows = zip(*(column.tolist() for column in twin), strict=True)
    return payloads, [dict(zip(twin._fields, row, strict=True)) for row in rows]


def check_vectors(config, a, b):
    found = Kernel(FloatCompare(config), "unit", backend="cxxrtl")(a=a, b=b)
    twin = float_compare(a, b, config)
    assert set(found) == set(twin._fields)
    for name in found:
        np.testing.assert_array_equal(found[name], getattr(twin, name), err_msg=name)


@pytest.mark.parametrize("p_stall", [0.0, 0.3])
@pytest.mark.parametrize("depth", DEPTHS)
def test_streams_match_the_twin(depth, p_stall):
    config = FloatCompareConfig(depth=depth)
    payloads, expected = case(config, 1200, seed=1)
    assert run_stream(FloatCompare(config), payloads, seed=1, p_stall=p_stall) == expected


@every_subnormals
@pytest.mark.parametrize("kind", [FP8_E4M3, FP32], ids=lambda kind: kind.name)
def test_other_formats_in_the_amaranth_simulator(kind, subnormals):
    config = FloatCompareConfig(format=kind, subnormals=subnormals, depth=2)
    payloads, expected = case(config, 500, seed=2)
    assert run_stream(FloatCompare(config), payloads, seed=2) == expected


@pytest.mark.parametrize("depth", DEPTHS)
def test_throughput_and_latency(depth):
    config = FloatCompareConfig(depth=depth)
    payloads, expected = case(config, 20, seed=3)
    dut = FloatCompare(config)
    assert depth == dut.LATENCY
    check_timing(dut, payloads, expected)


@pytest.mark.parametrize("after", [5, 9])
@pytest.mark.parametrize("depth", DEPTHS)
def test_reset_in_mid_stream_forgets_it(depth, after):
    config = FloatCompareConfig(depth=depth)
    payloads, expected = case(config, 20, seed=4)
    check_reset(FloatCompare(config), payloads, expected, after=after)


@pytest.mark.cosim
@pytest.mark.formal
@every_subnormals
@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.name)
def test_directed_vectors_match_the_twin(kind, subnormals):
    config = FloatCompareConfig(format=kind, subnormals=subnormals, depth=3)
    check_vectors(config, *pairs(kind, kind, 60_000, seed=5))


@pytest.mark.cosim
@pytest.mark.formal
@every_subnormals
@pytest.mark.parametrize("kind", [FP8_E4M3, FP8_E5M2], ids=lambda kind: kind.name)
def test_every_pair_of_8_bits(kind, subnormals):
    config = FloatCompareConfig(format=kind, subnormals=subnormals, depth=0)
    a, b = np.meshgrid(np.arange(256), np.arange(256))
    check_vectors(config, a.ravel(), b.ravel())


@pytest.mark.cosim
@pytest.mark.formal
def test_zeros_of_both_signs():
    zeros = np.array([0x0000, 0x0000, 0x8000, 0x8000])
    found = Kernel(FloatCompare(FloatCompareConfig(format=BF16)), "unit", backend="cxxrtl")(
        a=zeros, b=zeros[[0, 2, 1, 3]]
    )
    assert found["equal"].tolist() == [1, 1, 1, 1]
    assert found["less"].tolist() == [0, 0, 0, 0]
    assert found["maximum"].tolist() == [0x0000, 0x0000, 0x0000, 0x8000]
    assert found["minimum"].tolist() == [0x0000, 0x8000, 0x8000, 0x8000]
