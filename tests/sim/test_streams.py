import numpy as np
import pytest

from sim.streams import run_stream
from tests.sim.designs import Add, Counter, Total

PAIRS = [{"a": 65535, "b": -32768}, {"a": 0, "b": -1}, {"a": 7, "b": 32767}] * 20


@pytest.mark.parametrize("p_stall", [0.0, 0.3, 0.9])
def test_fields_go_in_and_come_out_by_name(p_stall):
    static = {"control": {"mode": 1, "bias": -8}}
    results = run_stream(Add(), PAIRS, seed=1, p_stall=p_stall, static=static)
    assert results == [{"a": p["a"], "sum": p["a"] - p["b"] - 8} for p in PAIRS]


def test_numpy_integers_are_taken():
    (result,) = run_stream(Add(), [{"a": np.uint16(3), "b": np.int64(-5)}], seed=1)
    assert result == {"a": 3, "sum": -2}


def test_packets_give_the_outputs_counted():
    beats = [{"value": v, "first": v == 1, "last": v == 3} for v in (1, 2, 3, 1, 3)]
    assert run_stream(Total(), beats, seed=2, count=2) == [6, 4]


def test_source_is_asked_for_a_count():
    assert run_stream(Counter(), [], seed=3, count=4) == [5, 6, 7, 8]


def test_missing_output_is_a_timeout():
    message = "^60 of 60 inputs went in and 60 of 61 outputs came out$"
    with pytest.raises(TimeoutError, match=message):
        run_stream(Add(), PAIRS, seed=4, count=61)


@pytest.mark.parametrize("fault", ["payload", "valid"])
def test_fault_under_stalls_is_seen(fault):
    expected = run_stream(Add(), PAIRS, seed=5)
    try:
        assert run_stream(Add(fault=fault), PAIRS, seed=5) != expected
    except TimeoutError:
        assert fault == "valid"


def test_unexpected_output_is_an_error():
    with pytest.raises(AssertionError, match=r"^an output came after the 59 expected"):
        run_stream(Add(), PAIRS, seed=6, count=59)
