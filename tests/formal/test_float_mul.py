import pytest

from models.config.floats import FloatMulConfig
from models.formats import BF16, FP8_E4M3, FloatFormat
from rtl_gen.units.float_mul import FloatMul
from sim.formal import prove_stream

pytestmark = pytest.mark.formal

TINY = FloatFormat(name="tiny", exponent_bits=2, mantissa_bits=1, bias=1)


# without a register z3 has to see that two multipliers are equal: quick only if they are tiny
@pytest.mark.parametrize(("depth", "number"), [(0, TINY), (2, BF16), (5, BF16)])
def test_waiting_output_holds(depth, number, tmp_path):
    prove_stream(FloatMul(FloatMulConfig(format=number, result=number, depth=depth)), tmp_path)


def test_waiting_output_holds_with_random_words(tmp_path):
    config = FloatMulConfig(
        format=FP8_E4M3, result=FP8_E4M3, subnormals="flushed", rounding="stochastic", depth=1
    )
    prove_stream(FloatMul(config), tmp_path)
