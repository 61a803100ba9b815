import pytest

from models.config.units import AdcInterfaceConfig
from rtl_gen.units.adc_interface import AdcInterface
from sim.formal import prove_stream


@pytest.mark.formal
def test_waiting_output_holds(tmp_path):
    config = AdcInterfaceConfig(
        adc_count=2, adc_bits=2, group_count=2, dac_bits=2, gain_fraction_bits=1
    )
    prove_stream(AdcInterface(config), tmp_path)
