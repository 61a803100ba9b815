import pytest

from models.config.floats import FusedDotConfig
from models.formats import FP8_E5M2
from rtl_gen.units.fused_dot import FusedDot
from sim.formal import prove_stream


@pytest.mark.formal
@pytest.mark.parametrize(("beats", "depth"), [(1, 3), (3, 4)])
def test_waiting_output_holds(tmp_path, beats, depth):
    config = FusedDotConfig(
        terms=2, window=6, format=FP8_E5M2, result=FP8_E5M2, depth=depth, beats=beats
    )
    prove_stream(FusedDot(config), tmp_path)
