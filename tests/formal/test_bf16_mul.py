import pytest

from rtl_gen.units.bf16_mul import Bf16Mul
from sim.formal import prove_stream


@pytest.mark.formal
def test_waiting_output_holds(tmp_path):
    prove_stream(Bf16Mul(), tmp_path)
