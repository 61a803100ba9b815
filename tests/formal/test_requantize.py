import pytest

from models.config.units import RequantizeConfig
from rtl_gen.units.requantize import Requantize
from sim.formal import prove_stream


@pytest.mark.formal
def test_waiting_output_holds(tmp_path):
    prove_stream(Requantize(RequantizeConfig(code_width=4, random_bits=2)), tmp_path)
