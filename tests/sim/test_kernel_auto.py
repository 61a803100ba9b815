import importlib.util

import numpy as np
import pytest

from models.config.floats import FloatMulConfig
from models.config.units import AdcInterfaceConfig, LfsrConfig
from rtl_gen.units.adc_interface import AdcInterface
from rtl_gen.units.float_mul import FloatMul
from rtl_gen.units.lfsr import Lfsr
from rtl_gen.units.max_pool import MaxPool
from rtl_gen.units.relu_mask import ReluMask
from sim.kernel import Kernel, engines
from tests.sim.designs import Table

pytestmark = [pytest.mark.cosim, pytest.mark.formal]

UNITS = {  # component, outputs if it is a source, what is chosen
    "lfsr": (lambda: Lfsr(LfsrConfig(), 1), 1000, "cxxrtl"),
    "relu_mask": (ReluMask, None, "cxxrtl"),
    "max_pool": (lambda: MaxPool(8), None, "cxxrtl"),
    "table": (Table, None, "cxxrtl"),
    "adc_interface": (lambda: AdcInterface(AdcInterfaceConfig(adc_count=4)), None, "verilator"),
    "float_mul": (lambda: FloatMul(FloatMulConfig()), None, "verilator"),
}


def beats(kernel, count):
    """Random fields, in packets of four."""
    rng, fields = np.random.default_rng(1), {}
    for field in kernel._i.fields if kernel._i else ():
        low = -(2 ** (field.width - 1)) if field.signed else 0
        fields[field.name] = rng.integers(low, low + 2**field.width, field.shape(count))
    place = np.arange(count) % 4
    ends = {"first": place == 0, "last": place == 3}
    return fields | {name: values for name, values in ends.items() if name in fields}


@pytest.mark.parametrize("unit", UNITS)
def test_goes_by_size_and_gives_the_same(unit):
    make, outputs, expected = UNITS[unit]
    backends = ("auto", *engines.BACKENDS[:2])
    auto, *others = (Kernel(make(), unit, backend=backend) for backend in backends)
    assert auto.backend == expected
    given = beats(auto, 1000)
    result = auto(outputs=outputs, **given)
    assert sum(len(values) for values in result.values()) > 0
    for other in others:
        reference = other(outputs=outputs, **given)
        assert set(result) == set(reference)
        assert all(np.array_equal(result[name], reference[name]) for name in result)
        assert auto.cycles == other.cycles


def test_the_limit_and_a_missing_yosys(monkeypatch):
    assert engines.chosen("auto", "x" * engines.SMALL) == "cxxrtl"
    assert engines.chosen("auto", "x" * (engines.SMALL + 1)) == "verilator"
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert engines.chosen("auto", "x") == "verilator"
    assert engines.chosen("cxxrtl", "x") == "cxxrtl"  # its build says what is missing
