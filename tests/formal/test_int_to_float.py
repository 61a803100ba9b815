import pytest

from models.config.floats import IntToFloatConfig
from models.formats import FP8_E4M3
from rtl_gen.units.int_to_float import IntToFloat
from sim.formal import prove_stream

pytestmark = pytest.mark.formal


@pytest.mark.parametrize("depth", [0, 2])
def test_waiting_output_holds(depth, tmp_path):
    prove_stream(IntToFloat(IntToFloatConfig(int_width=8, result=FP8_E4M3, depth=depth)), tmp_path)


def test_waiting_output_holds_with_random_words(tmp_path):
    config = IntToFloatConfig(int_width=8, result=FP8_E4M3, rounding="stochastic", depth=1)
    prove_stream(IntToFloat(config), tmp_path)
