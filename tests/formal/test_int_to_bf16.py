import pytest

from models.config.units import IntToBf16Config
from rtl_gen.units.int_to_bf16 import IntToBf16
from sim.formal import prove_stream


@pytest.mark.formal
def test_waiting_output_holds(tmp_path):
    prove_stream(IntToBf16(IntToBf16Config(int_width=12)), tmp_path)
