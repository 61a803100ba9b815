import pytest

from models.config.floats import FloatAddConfig
from models.digital.float_add import float_add
from rtl_gen.units.float_add import FloatAdd
from sim.streams import run_stream
from tests.rtl import float_checks
from tests.rtl.float_checks import FORMS
from tests.rtl.stream_checks import check_reset, check_timing

DEPTHS = (0, 2, 5)


def case(config, count, seed):
    return float_checks.case(float_add, config, count, seed)


@pytest.mark.parametrize("p_stall", [0.0, 0.3])
@pytest.mark.parametrize("depth", DEPTHS)
def test_streams_match_the_twin(depth, p_stall):
    config = FloatAddConfig(depth=depth)
    payloads, expected = case(config, 1500, seed=1)
    assert run_stream(FloatAdd(config), payloads, seed=1, p_stall=p_stall) == expected


@pytest.mark.parametrize("form", ["bf16 flushed stochastic", "e4m3", "bf16 to fp32"])
def test_other_forms_in_the_amaranth_simulator(form):
    config = FloatAddConfig(**FORMS[form])
    payloads, expected = case(config, 500, seed=2)
    assert run_stream(FloatAdd(config), payloads, seed=2) == expected


@pytest.mark.parametrize("depth", DEPTHS)
def test_throughput_and_latency(depth):
    config = FloatAddConfig(depth=depth)
    payloads, expected = case(config, 20, seed=3)
    dut = FloatAdd(config)
    assert depth == dut.LATENCY
    check_timing(dut, payloads, expected)


@pytest.mark.parametrize("after", [5, 9])
@pytest.mark.parametrize("depth", DEPTHS)
def test_reset_in_mid_stream_forgets_it(depth, after):
    config = FloatAddConfig(depth=depth)
    payloads, expected = case(config, 20, seed=4)
    check_reset(FloatAdd(config), payloads, expected, after=after)


@pytest.mark.cosim
@pytest.mark.formal
@pytest.mark.parametrize("form", FORMS)
def test_directed_vectors_match_the_twin(form):
    config = FloatAddConfig(**FORMS[form])
    float_checks.check_vectors(float_add, FloatAdd(config), 60_000)
