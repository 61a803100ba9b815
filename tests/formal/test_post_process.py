import pytest

from models.config.units import PostProcessConfig
from rtl_gen.units.post_process import PostProcess
from sim.formal import prove_stream


@pytest.mark.formal
def test_waiting_output_holds(tmp_path):
    prove_stream(
        PostProcess(PostProcessConfig(sum_width=10, code_width=4, random_bits=2)), tmp_path
    )
