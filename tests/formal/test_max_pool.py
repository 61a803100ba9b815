import pytest

from rtl_gen.units.max_pool import MaxPool
from sim.formal import prove_stream


@pytest.mark.formal
def test_waiting_output_holds(tmp_path):
    prove_stream(MaxPool(4), tmp_path)
