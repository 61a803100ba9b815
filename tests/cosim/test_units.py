import gc
import re

import pytest

from rtl_gen.units.max_pool import MaxPool
from sim.cosim import runner
from sim.cosim.unit import run_unit
from tests.cosim.unit_cases import UNITS

pytestmark = pytest.mark.cosim


def run(case, directory, **options):
    options = {"seed": 1, "static": case.static, "count": len(case.expected)} | options
    return run_unit(case.component, case.payloads, directory, **options)


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    return tmp_path_factory.mktemp("units")


@pytest.mark.parametrize("unit", UNITS)
def test_verilog_matches_the_twin(unit, builds):
    directory = builds / unit.replace(" ", "_")
    for number, case in enumerate(UNITS[unit]()):
        resets = number == 0  # then everything from the start
        assert run(case, directory, seed=number, resets=resets) == case.expected
        assert len(case.expected) >= 100


FAULTS = {  # what to write instead, and whether only a reset in mid-stream shows it
    "max_pool": (r"(?<=\) )>(?= \$signed)", ">=", False),  # the last of equals wins
    "pulse_sequencer": (r"if \(rst\)", "if (1'b0)", True),
}


@pytest.mark.parametrize("unit", FAULTS)
def test_planted_fault_is_seen(unit, tmp_path, monkeypatch):
    pattern, by, only_after_reset = FAULTS[unit]
    original = runner.write_verilog

    def planted(component, name, folder):
        path = original(component, name, folder)
        text = path.read_text()
        broken = re.sub(pattern, by, text)
        assert broken != text
        path.write_text(broken)
        return path

    monkeypatch.setattr(runner, "write_verilog", planted)
    (case,) = UNITS[unit]()
    assert (run(case, tmp_path, resets=False) == case.expected) == only_after_reset
    assert is_caught(case, tmp_path, resets=True)


def is_caught(case, directory, **options):
    try:
        return run(case, directory, **options) != case.expected
    except AssertionError as error:
        return "an output came after" in str(error) or "inputs went in" in str(error)


def test_wrong_number_of_outputs_is_seen(builds):
    (case,) = UNITS["max_pool"]()
    assert len(case.expected) == 150
    with pytest.raises(AssertionError, match="an output came after the 149 expected"):
        run(case, builds / "max_pool", count=149)
    with pytest.raises(AssertionError, match="600 of 600 inputs went in and 150 of 151 outputs"):
        run(case, builds / "max_pool", count=151)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
@pytest.mark.parametrize(
    ("payload", "static", "message"),
    [
        (16, None, "^code must be between -16 and 15, not 16$"),
        (0, {"mode": 1}, r"^static must name inputs \(\), not 'mode'$"),
    ],
)
def test_what_does_not_fit_is_refused(payload, static, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        run_unit(MaxPool(5), [{"code": payload}], tmp_path, seed=1, static=static)
    gc.collect()  # the component that nothing elaborates, while its warning is ignored
