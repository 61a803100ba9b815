import pytest

from models.config.floats import FloatConvertConfig
from models.formats import FP8_E4M3, FP8_E5M2
from rtl_gen.units.float_convert import FloatConvert
from sim.formal import prove_stream

pytestmark = pytest.mark.formal


@pytest.mark.parametrize("depth", [0, 2])
def test_waiting_output_holds(depth, tmp_path):
    prove_stream(
        FloatConvert(FloatConvertConfig(format=FP8_E4M3, result=FP8_E5M2, depth=depth)), tmp_path
    )


def test_waiting_output_holds_with_random_words(tmp_path):
    config = FloatConvertConfig(format=FP8_E4M3, result=FP8_E5M2, rounding="stochastic", depth=1)
    prove_stream(FloatConvert(config), tmp_path)
