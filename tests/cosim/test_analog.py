"""The tile with the analog macro itself on its pins, two macros in turn."""

import dataclasses

import numpy as np
import pytest

from models.analog.macro import AnalogMacro, draw_converters
from models.config.analog import AdcConfig, DeviceConfig
from sim.cosim.expected import compare, expect_all
from sim.cosim.random_ops import conversion
from sim.cosim.replay import replay
from tests.cosim.test_tile import CONFIGS

pytestmark = pytest.mark.cosim


def test_converters_of_each_operation(tmp_path):
    rng = np.random.default_rng(1)
    config, adc = CONFIGS["bit serial, fixed, push-pull"], AdcConfig(gain_spread=0.1, offset_lsb=2)
    conductance = (rng.integers(0, 2**12, (8, 8)) / 2**12).astype(np.float32)
    ours, theirs = (draw_converters(adc, config.macro.adc_count, rng) for _ in range(2))
    macro = AnalogMacro(config.macro, DeviceConfig(), adc, ours)
    op = conversion(rng, config, "forward", conductance, outputs=4, slices=4, stochastic=False)
    ops = [op, dataclasses.replace(op, converters=theirs), op]
    results = replay(ops, config, macro, tmp_path, seed=1)
    for result, wanted in zip(results, expect_all(ops, config, macro), strict=True):
        assert list(result.errors) == []
        assert not any(wrong for _, wrong in compare(result, wanted).values())
    assert (results[0].adc_codes != results[1].adc_codes).any()
    assert (results[0].adc_codes == results[2].adc_codes).all()
