import numpy as np
import pytest

from models.digital.float_reciprocal import float_reciprocal
from models.formats import BF16
from rtl_gen.units.float_reciprocal import FloatReciprocal
from sim.kernel import Kernel
from sim.streams import run_stream
from tests.float_cases import corners
from tests.rtl.stream_checks import check_reset, check_timing


def case(count, seed):
    value = np.random.default_rng(seed).integers(0, 2**16, count)
    value = np.concatenate([corners(BF16), value])[:count]
    return value.tolist(), float_reciprocal(value).tolist()


@pytest.mark.cosim
def test_every_input_matches_the_twin():
    value = np.arange(2**16, dtype=np.uint16)
    found = Kernel(FloatReciprocal(), "reciprocal", backend="cxxrtl")(payload=value)["payload"]
    np.testing.assert_array_equal(found, float_reciprocal(value))


def test_streams_match_the_twin():
    payloads, expected = case(300, seed=1)
    assert run_stream(FloatReciprocal(), payloads, seed=1) == expected


def test_throughput_and_latency():
    check_timing(FloatReciprocal(), *case(20, seed=2))


@pytest.mark.parametrize("after", [3, 7])
def test_reset_in_mid_stream_forgets_it(after):
    check_reset(FloatReciprocal(), *case(20, seed=3), after=after)
