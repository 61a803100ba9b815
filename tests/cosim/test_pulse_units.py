"""The generated Verilog of update management and of the pulse trains under Verilator."""

import re

import pytest

from models.config.chopped_units import PulseTrainConfig
from rtl_gen.units.pulse_trains import PulseTrains
from rtl_gen.units.update_management import UpdateManagement
from sim.cosim import runner
from sim.cosim.unit import run_unit
from tests.cosim.unit_cases import Case
from tests.rtl import test_pulse_trains as trains
from tests.rtl import test_update_management as management

pytestmark = pytest.mark.cosim


def update_management():
    config = management.FORMS["both"]
    return Case(UpdateManagement(config), *management.case(config, 200, seed=11))


def pulse_trains():
    vectors = trains.Vectors(PulseTrainConfig(rows=2, columns=2), 60, seed=12)
    payloads, expected, _ = vectors.all()
    return Case(PulseTrains(vectors.config, trains.SEED), payloads, expected, vectors.static)


UNITS = {"update_management": update_management, "pulse_trains": pulse_trains}


def run(unit, case, directory, **options):
    """Outputs; of pulses only the signs that matter."""
    options = {"seed": 1, "static": case.static, "count": len(case.expected)} | options
    found = run_unit(case.component, case.payloads, directory, **options)
    return trains.seen(found) if unit == "pulse_trains" else found


@pytest.mark.parametrize("unit", UNITS)
def test_verilog_matches_the_twin(unit, tmp_path):
    """After three resets at random cycles, with random gaps on both sides."""
    case = UNITS[unit]()
    assert run(unit, case, tmp_path, resets=True) == case.expected
    assert len(case.expected) >= 100


def test_fault_that_only_a_reset_shows_is_seen(tmp_path, monkeypatch):
    original = runner.write_verilog

    def planted(component, name, folder):
        path = original(component, name, folder)
        broken = re.sub(r"if \(rst\)", "if (1'b0)", text := path.read_text())
        assert broken != text
        path.write_text(broken)
        return path

    monkeypatch.setattr(runner, "write_verilog", planted)
    case = pulse_trains()
    assert run("pulse_trains", case, tmp_path) == case.expected
    assert is_caught(case, tmp_path, resets=True)


def is_caught(case, directory, **options):
    try:
        return run("pulse_trains", case, directory, **options) != case.expected
    except AssertionError as error:
        return "an output came after" in str(error) or "inputs went in" in str(error)
