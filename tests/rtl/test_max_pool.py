import gc

import numpy as np
import pytest

from models.digital.max_pool import max_pool
from rtl_gen.units.max_pool import MaxPool
from sim.streams import run_stream
from tests.rtl.unstalled import run_unstalled


def case(windows, count, code_width, seed):
    """Windows of few different codes, so that many are equal, and of the extremes."""
    rng = np.random.default_rng([seed, count])
    limit = 2 ** (code_width - 1)
    few = rng.integers(-2, 2, (windows, count))
    ends = rng.choice([-limit, -limit + 1, limit - 1], (windows, count))
    codes = np.where(rng.random((windows, 1)) < 0.5, few, ends)
    payloads = [
        {"code": code, "first": place == 0, "last": place == count - 1}
        for window in codes.tolist()
        for place, code in enumerate(window)
    ]
    pooled = zip(*(part.tolist() for part in max_pool(codes)), strict=True)
    return payloads, [{"code": code, "index": index} for code, index in pooled]


@pytest.mark.parametrize("code_width", [2, 9, 16])
@pytest.mark.parametrize(("windows", "count"), [(300, 1), (300, 2), (300, 4), (3, 256)])
def test_windows_match_the_twin(windows, count, code_width):
    payloads, expected = case(windows, count, code_width, seed=1)
    assert run_stream(MaxPool(code_width), payloads, seed=1, count=windows) == expected


def test_throughput_and_latency():
    dut = MaxPool(9)
    payloads, expected = case(10, 4, 9, seed=2)
    taken, given = run_unstalled(dut, payloads)
    assert taken == list(range(40))
    assert given == [(4 * n + 3 + dut.LATENCY, window) for n, window in enumerate(expected)]


@pytest.mark.parametrize("after", [6, 7, 8])
def test_reset_in_mid_packet_forgets_it(after):
    interrupted, _ = case(10, 4, 9, seed=3)
    payloads, expected = case(10, 4, 9, seed=4)
    _, given = run_unstalled(MaxPool(9), interrupted[:after] + payloads, reset_after=after)
    first = max_pool(np.array([[beat["code"] for beat in interrupted[:4]]]))
    assert given[0][1] == {"code": int(first[0][0]), "index": int(first[1][0])}
    assert [pooled for _, pooled in given[1:]] == expected


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_bad_code_width_is_refused():
    with pytest.raises(ValueError, match=r"^code_width must be between 2 and 16, not 17$"):
        MaxPool(17)
    gc.collect()  # the half-made component, while its warning is ignored
