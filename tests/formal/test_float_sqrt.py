import pytest

from rtl_gen.units.float_sqrt import FloatSqrt
from sim.formal import prove_stream


@pytest.mark.formal
def test_waiting_output_holds(tmp_path):
    prove_stream(FloatSqrt(), tmp_path)
