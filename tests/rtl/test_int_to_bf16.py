import numpy as np
import pytest

from models.config.units import IntToBf16Config
from models.digital.int_to_bf16 import int_to_bf16
from rtl_gen.units.int_to_bf16 import IntToBf16
from sim.streams import run_stream
from tests.rtl.stream_checks import check_reset, check_timing


def near_ties(width, count, seed):
    """The ends of the range, and integers of any length around ties."""
    rng = np.random.default_rng([seed, width])
    length = rng.integers(1, width, count)
    halves = 2 * rng.integers(128, 256, count) + 1
    number = (halves << 39 >> (48 - length)) + rng.integers(-1, 2, count)
    number *= rng.choice([-1, 1], count)
    limit = 2 ** (width - 1)
    ends = [-limit, 1 - limit, -1, 0, 1, limit - 2, limit - 1]
    return np.concatenate([ends, np.clip(number, -limit, limit - 1)])


def check(width, number, seed):
    dut = IntToBf16(IntToBf16Config(int_width=width))
    assert run_stream(dut, number.tolist(), seed=seed) == int_to_bf16(number).tolist()


@pytest.mark.parametrize("width", [2, 3, 8, 9, 10, 11, 13])
def test_every_integer_of_a_narrow_width_matches_the_twin(width):
    check(width, np.arange(-(2 ** (width - 1)), 2 ** (width - 1)), seed=1)


@pytest.mark.parametrize("width", [16, 24, 32, 33, 48])
def test_directed_integers_match_the_twin(width):
    check(width, near_ties(width, 2000, seed=2), seed=3)


def test_throughput_and_latency():
    number = near_ties(32, 20, seed=4)
    check_timing(IntToBf16(IntToBf16Config()), number.tolist(), int_to_bf16(number).tolist())


@pytest.mark.parametrize("after", [3, 7])
def test_reset_in_mid_stream_forgets_it(after):
    number = near_ties(32, 20, seed=5)
    dut = IntToBf16(IntToBf16Config())
    check_reset(dut, number.tolist(), int_to_bf16(number).tolist(), after=after)
