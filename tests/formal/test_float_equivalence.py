from types import SimpleNamespace

import pytest

from models.config.floats import FloatAddConfig, FloatConvertConfig, FloatMulConfig
from models.formats import BF16, FP8_E4M3
from sim.kernel import build
from sim.verify.equivalence import NotEqual, prove_equal
from sim.verify.parts import TINY, parts
from sim.verify.units import component

pytestmark = pytest.mark.formal

PROOFS = [part for part in parts() if part.check == "proof" and part.quick]


@pytest.mark.parametrize("part", PROOFS, ids=lambda part: part.name)
def test_equal_to_the_specification(part, tmp_path):
    prove_equal(component(part.config), tmp_path)


@pytest.mark.parametrize(
    ("old", "new"), [(" * ", " + "), (" & ", " | "), ("1'h1", "1'h0")], ids=["times", "and", "one"]
)
def test_a_planted_fault_gives_a_counterexample(old, new, tmp_path, monkeypatch):
    real = build.verilog_text

    def faulty(unit, name):
        text = real(unit, name)
        assert old in text
        return text.replace(old, new, 1)

    monkeypatch.setattr(build, "verilog_text", faulty)
    unit = component(FloatMulConfig(format=TINY, result=TINY, depth=0))
    with pytest.raises(NotEqual, match="in_i"):
        prove_equal(unit, tmp_path)


@pytest.mark.parametrize(
    "config",
    [
        FloatAddConfig(depth=1),
        FloatAddConfig(depth=0, rounding="toward_zero"),
        FloatAddConfig(depth=0, format=FP8_E4M3, result=FP8_E4M3),
        FloatMulConfig(depth=0, format=TINY, result=BF16),
        FloatConvertConfig(depth=0),
    ],
)
def test_what_the_specification_does_not_cover(config, tmp_path):
    with pytest.raises(ValueError, match=r"^the specification does not cover "):
        prove_equal(SimpleNamespace(config=config), tmp_path)
