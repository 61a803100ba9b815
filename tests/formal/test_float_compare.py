import pytest

from models.config.floats import FloatCompareConfig
from models.formats import FP8_E4M3
from rtl_gen.units.float_compare import FloatCompare
from sim.formal import prove_stream

pytestmark = pytest.mark.formal


@pytest.mark.parametrize("depth", [0, 2])
def test_waiting_output_holds(depth, tmp_path):
    prove_stream(FloatCompare(FloatCompareConfig(format=FP8_E4M3, depth=depth)), tmp_path)
