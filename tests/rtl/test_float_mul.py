import pytest

from models.config.floats import FloatMulConfig
from models.digital.float_mul import float_mul
from rtl_gen.units.float_mul import FloatMul
from sim.streams import run_stream
from tests.rtl import float_checks
from tests.rtl.float_checks import FORMS
from tests.rtl.stream_checks import check_reset, check_timing

DEPTHS = (0, 2, 5)


def case(config, count, seed):
    return float_checks.case(float_mul, config, count, seed)


@pytest.mark.parametrize("p_stall", [0.0, 0.3])
@pytest.mark.parametrize("depth", DEPTHS)
def test_streams_match_the_twin(depth, p_stall):
    config = FloatMulConfig(depth=depth)
    payloads, expected = case(config, 1500, seed=1)
    assert run_stream(FloatMul(config), payloads, seed=1, p_stall=p_stall) == expected


@pytest.mark.parametrize("form", ["bf16 flushed stochastic", "e4m3", "bf16 to fp32"])
def test_other_forms_in_the_amaranth_simulator(form):
    config = FloatMulConfig(**FORMS[form])
    payloads, expected = case(config, 500, seed=2)
    assert run_stream(FloatMul(config), payloads, seed=2) == expected


@pytest.mark.parametrize("depth", DEPTHS)
def test_throughput_and_latency(depth):
    config = FloatMulConfig(depth=depth)
    payloads, expected = case(config, 20, seed=3)
    dut = FloatMul(config)
    assert depth == dut.LATENCY
    check_timing(dut, payloads, expected)


@pytest.mark.parametrize("after", [5, 9])
@pytest.mark.parametrize("depth", DEPTHS)
def test_reset_in_mid_stream_forgets_it(depth, after):
    config = FloatMulConfig(depth=depth)
    payloads, expected = case(config, 20, seed=4)
    check_reset(FloatMul(config), payloads, expected, after=after)


@pytest.mark.cosim
@pytest.mark.formal
@pytest.mark.parametrize("form", FORMS)
def test_directed_vectors_match_the_twin(form):
    config = FloatMulConfig(**FORMS[form])
    float_checks.check_vectors(float_mul, FloatMul(config), 60_000)


@pytest.mark.cosim
@pytest.mark.formal
@pytest.mark.parametrize("form", ["bf16", "fp16 flushed", "e5m2 stochastic", "fp32 to e4m3"])
def test_rows_of_partial_products_match_the_twin(form):
    config = FloatMulConfig(multiplier="rows", **FORMS[form])
    float_checks.check_vectors(float_mul, FloatMul(config), 40_000)
