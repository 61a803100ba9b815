import pytest

from models.config.units import LfsrConfig
from rtl_gen.units.lfsr import Lfsr
from sim.formal import prove_stream


@pytest.mark.formal
def test_waiting_output_holds(tmp_path):
    prove_stream(Lfsr(LfsrConfig(width=16, word_bits=4), 1), tmp_path)
