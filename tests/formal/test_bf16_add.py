import pytest

from rtl_gen.units.bf16_add import Bf16Add
from sim.formal import prove_stream


@pytest.mark.formal
def test_waiting_output_holds(tmp_path):
    prove_stream(Bf16Add(), tmp_path)
