import numpy as np
import pytest

from models.digital.relu_mask import relu_mask
from models.formats import BF16
from rtl_gen.units.relu_mask import ReluMask
from sim.streams import run_stream
from tests.float_cases import corners
from tests.rtl.stream_checks import check_reset, check_timing

CORNERS = corners(BF16)


def case(count, mode, seed):
    """Corners with either mask, then random patterns."""
    rng = np.random.default_rng([seed, mode])
    value = np.concatenate([CORNERS, CORNERS, rng.integers(0, 2**16, count)]).astype(np.uint16)
    mask = np.concatenate([np.repeat([0, 1], len(CORNERS)), rng.integers(0, 2, count)])
    result = relu_mask(value, mask, mode)
    payloads, expected = (
        [{"value": v, "mask": b} for v, b in zip(values.tolist(), bits.tolist(), strict=True)]
        for values, bits in ((value, mask), result)
    )
    return payloads, expected, {"mode": mode}


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_values_match_the_twin(mode):
    payloads, expected, static = case(2000, mode, seed=1)
    assert run_stream(ReluMask(), payloads, seed=1, static=static) == expected


def test_reserved_mode_passes():
    payloads, expected, _ = case(0, 0, seed=2)
    assert run_stream(ReluMask(), payloads, seed=2, static={"mode": 3}) == expected


def test_throughput_and_latency():
    payloads, expected, static = case(0, 1, seed=3)
    check_timing(ReluMask(), payloads, expected, static=static)


def test_reset_in_mid_stream_forgets_it():
    payloads, expected, static = case(0, 2, seed=4)
    check_reset(ReluMask(), payloads, expected, after=5, static=static)
