import pytest

from rtl_gen.units.relu_mask import ReluMask
from sim.formal import prove_stream


@pytest.mark.formal
def test_waiting_output_holds(tmp_path):
    prove_stream(ReluMask(), tmp_path)
