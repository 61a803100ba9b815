import pytest

from models.config.units import AccumulateThresholdConfig
from rtl_gen.units.accumulate_threshold import AccumulateThreshold
from sim.formal import prove_stream


@pytest.mark.formal
@pytest.mark.parametrize("variant", ["fixed", "bf16"])
def test_waiting_output_holds(tmp_path, variant):
    config = AccumulateThresholdConfig(
        variant=variant, code_width=2, acc_width=8, chi_width=16, count_width=2, chunk=2
    )
    prove_stream(AccumulateThreshold(config), tmp_path)
