import pytest

from models.config.floats import FloatAddConfig
from models.formats import BF16, FP8_E4M3, FloatFormat
from rtl_gen.units.float_add import FloatAdd
from sim.formal import prove_stream

pytestmark = pytest.mark.formal

TINY = FloatFormat(name="tiny", exponent_bits=2, mantissa_bits=1, bias=1)


# without a register z3 has to see that two adders are equal: quick only if they are tiny
@pytest.mark.parametrize(("depth", "number"), [(0, TINY), (2, BF16), (5, BF16)])
def test_waiting_output_holds(depth, number, tmp_path):
    prove_stream(FloatAdd(FloatAddConfig(format=number, result=number, depth=depth)), tmp_path)


def test_waiting_output_holds_with_random_words(tmp_path):
    config = FloatAddConfig(
        format=FP8_E4M3, result=FP8_E4M3, subnormals="flushed", rounding="stochastic", depth=1
    )
    prove_stream(FloatAdd(config), tmp_path)
