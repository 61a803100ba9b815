import pytest

from models.digital.bf16_mul import bf16_mul
from rtl_gen.units.bf16_mul import Bf16Mul
from sim.streams import run_stream
from tests.bf16_cases import pairs
from tests.rtl.stream_checks import check_reset, check_timing


def case(count, seed):
    a, b = pairs(count, seed)
    payloads = [{"a": x, "b": y} for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    return payloads, bf16_mul(a, b).tolist()


@pytest.mark.parametrize(("seed", "p_stall"), [(1, 0.0), (2, 0.3)])
def test_directed_pairs_match_the_twin(seed, p_stall):
    payloads, expected = case(7000, seed)
    assert run_stream(Bf16Mul(), payloads, seed=seed, p_stall=p_stall) == expected


def test_throughput_and_latency():
    payloads, expected = case(0, 3)
    check_timing(Bf16Mul(), payloads[-20:], expected[-20:])


@pytest.mark.parametrize("after", [3, 4, 7])
def test_reset_in_mid_stream_forgets_it(after):
    payloads, expected = case(0, 3)
    check_reset(Bf16Mul(), payloads[-20:], expected[-20:], after=after)
