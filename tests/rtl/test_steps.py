import gc
from itertools import combinations

import numpy as np
import pytest
from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.multiplier import product
from rtl_gen.steps import Step, grouped, step
from rtl_gen.streams import rigid_pipeline
from sim.streams import run_stream
from tests.rtl.stream_checks import check_reset, check_timing


class Piped(wiring.Component):
    """Stages between two streams of one number, or of the given fields."""

    def __init__(self, stages, i=8, o=8):
        self.stages = stages
        super().__init__({"i": In(stream.Signature(i)), "o": Out(stream.Signature(o))})

    @property
    def LATENCY(self):
        return len(self.stages) - 1

    def elaborate(self, platform):
        m = Module()
        rigid_pipeline(m, self.i, self.o, self.stages)
        return m


def recorder(delays):
    """Steps that note that they ran, and the list of notes."""
    notes = []

    def noting(number):
        def run(m, fields, take):
            notes.append(number)
            return fields

        return run

    return [Step(noting(n), delay) for n, delay in enumerate(delays)], notes


def groups(delays, count):
    """Numbers of the steps in each stage."""
    steps, notes = recorder(delays)
    found = []
    for stage in grouped(steps, count):
        notes.clear()
        assert stage(None, {"payload": Signal(8)}, Signal()).keys() == {"payload"}
        found.append(list(notes))
    return found


@pytest.mark.parametrize("count", range(1, 7))
def test_the_slowest_stage_is_as_fast_as_any_cut_makes_it(count):
    rng = np.random.default_rng(count)
    for _ in range(30):
        delays = rng.integers(1, 9, rng.integers(count, 8)).tolist()
        found = groups(delays, count)
        assert [n for group in found for n in group] == list(range(len(delays)))
        cuts = combinations(range(1, len(delays)), count - 1)
        slowest = (
            max(
                sum(delays[low:high])
                for low, high in zip((0, *cut), (*cut, len(delays)), strict=True)
            )
            for cut in cuts
        )
        assert max(sum(delays[n] for n in group) for group in found) == min(slowest)


def test_among_equally_slow_cuts_the_rest_is_balanced():
    assert groups([9, 1, 1, 1, 1], 3) == [[0], [1, 2], [3, 4]]


def test_stages_beyond_the_steps_pass_everything_on():
    assert groups([1, 5], 4) == [[0], [1], [], []]


@step(1.0)
def increment(m, fields, take):
    return {"payload": (fields["payload"] + 1)[:8]}


@step(1.0)
def double(m, fields, take):
    return {"payload": (fields["payload"] << 1)[:8]}


STEPS = [increment, double, increment]
VALUES = list(range(256))
RESULTS = [(2 * (n + 1) + 1) % 256 for n in VALUES]


@pytest.mark.parametrize("p_stall", [0.0, 0.4])
@pytest.mark.parametrize("count", range(1, 6))
def test_pipelines_of_any_depth_compute_the_same(count, p_stall):
    dut = Piped(grouped(STEPS, count))
    assert run_stream(dut, VALUES, seed=count, p_stall=p_stall) == RESULTS


@pytest.mark.parametrize("count", range(1, 6))
def test_latency_and_reset(count):
    dut = Piped(grouped(STEPS, count))
    assert count - 1 == dut.LATENCY
    check_timing(dut, VALUES[:20], RESULTS[:20])
    check_reset(Piped(grouped(STEPS, count)), VALUES[:20], RESULTS[:20], after=7)


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_beat_that_is_not_kept_is_dropped(at):
    def odd(m, fields, take):
        return fields | {"keep": fields["payload"][0]}

    stages = [lambda m, fields, take: fields] * 3
    stages[at] = odd
    assert run_stream(Piped(stages), VALUES, seed=1, count=128) == VALUES[1::2]


@pytest.mark.parametrize("count", [1, 3])
def test_state_in_a_stage_moves_once_per_beat(count):
    def total(m, fields, take):
        acc = Signal(8)
        now = (acc + fields["payload"])[:8]
        with m.If(take):
            m.d.sync += acc.eq(now)
        return {"payload": now}

    stages = [*[lambda m, fields, take: fields] * (count - 1), total]
    expected = (np.cumsum(VALUES) % 256).tolist()
    assert run_stream(Piped(stages), VALUES, seed=2) == expected


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_other_fields_than_those_of_the_output_are_refused():
    def wrong(m, fields, take):
        return {"sum": fields["payload"]}

    message = r"^the last stage must return \['payload'\], not \['sum'\]$"
    with pytest.raises(ValueError, match=message):
        Piped([wrong]).elaborate(None)
    gc.collect()  # what nothing elaborates, while its warning is ignored


def multiplied(how, widths):
    x, y = widths

    def stage(m, fields, take):
        return {"payload": product(m, fields["x"], fields["y"], how, "product")}

    return Piped([stage], data.StructLayout({"x": x, "y": y}), x + y)


@pytest.mark.parametrize("how", ["operator", "rows"])
@pytest.mark.parametrize("widths", [(5, 4), (4, 5), (3, 1), (1, 3), (6, 3)])
def test_products_of_all_significands(how, widths):
    pairs = [(x, y) for x in range(2 ** widths[0]) for y in range(2 ** widths[1])]
    payloads = [{"x": x, "y": y} for x, y in pairs]
    found = run_stream(multiplied(how, widths), payloads, seed=3, p_stall=0)
    assert found == [x * y for x, y in pairs]


def test_shared_values_are_wires():
    """An expression that later steps use twice each must not be walked 2**steps times."""

    def twice(m, fields, take):
        value = fields["payload"]
        assert isinstance(Value.cast(value), Signal)
        return {"payload": Mux(value[0], value, value + 1)[:8]}

    assert run_stream(Piped(grouped([Step(twice, 1.0)] * 60, 1)), [4, 5], seed=4) == [5, 5]
