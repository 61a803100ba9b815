import pytest

from models.config.floats import FloatFmaConfig
from models.formats import FP8_E4M3, FloatFormat
from rtl_gen.units.float_fma import FloatFma
from sim.formal import prove_stream

pytestmark = pytest.mark.formal

TINY = FloatFormat(name="tiny", exponent_bits=2, mantissa_bits=1, bias=1)


# without a register z3 has to see that two multipliers are equal: quick only if they are tiny
@pytest.mark.parametrize(("depth", "number"), [(0, TINY), (2, FP8_E4M3), (5, FP8_E4M3)])
def test_waiting_output_holds(depth, number, tmp_path):
    config = FloatFmaConfig(format=number, addend=number, result=number, depth=depth)
    prove_stream(FloatFma(config), tmp_path)


def test_waiting_output_holds_with_random_words(tmp_path):
    config = FloatFmaConfig(
        format=FP8_E4M3,
        addend=FP8_E4M3,
        result=FP8_E4M3,
        subnormals="flushed",
        rounding="stochastic",
        depth=2,
    )
    prove_stream(FloatFma(config), tmp_path)
