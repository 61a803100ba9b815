import pytest

from models.config.floats import FusedSumConfig
from models.formats import FP8_E5M2
from rtl_gen.units.fused_sum import FusedSum
from sim.formal import prove_stream


@pytest.mark.formal
@pytest.mark.parametrize("depth", [1, 3])
def test_waiting_output_holds(tmp_path, depth):
    config = FusedSumConfig(terms=2, window=4, format=FP8_E5M2, result=FP8_E5M2, depth=depth)
    prove_stream(FusedSum(config), tmp_path)
