"""Generated Verilog of the units between fast and slow array, on its pins."""

import pytest

from models.config.chopped_units import ReferenceConfig
from models.digital.transfer import transfer
from rtl_gen.units.reference import Reference
from rtl_gen.units.transfer import ReadTransfer, Transfer
from sim.cosim.unit import run_unit
from sim.kernel.sequencer_bench import SequencerBench
from tests.cosim.unit_cases import Case
from tests.rtl import test_choppers as choppers
from tests.rtl import test_reference as references
from tests.rtl import test_transfer as transfers

pytestmark = pytest.mark.cosim


def reference_unit():
    config = ReferenceConfig(code_width=5, fraction_bits=4)
    return Case(Reference(config), *references.case(config, 400, 2))


def transfer_unit():
    config, _, _ = transfers.UNITS["fixed, no reference"]
    arrays, _ = transfers.read_case(config, False, 400, 1)
    arrays["difference"] = arrays.pop("z") << config.reference.fraction_bits
    control = transfers.control_of(config)
    found = transfer(**arrays, config=config, control=control)
    expected = {"h": found.h, "count": found.counts}
    return Case(Transfer(config), *transfers.lists(arrays, expected, config))


def read_transfer_bf16():
    config, follows, _ = transfers.UNITS["bf16, no reference"]
    arrays, expected = transfers.read_case(config, follows, 400, 1)
    unit = ReadTransfer(config, follows=follows)
    return Case(unit, *transfers.lists(arrays, expected, config))


UNITS = {
    "reference": reference_unit,
    "transfer": transfer_unit,
    "read_transfer bf16": read_transfer_bf16,
}


@pytest.mark.parametrize("unit", UNITS)
def test_verilog_matches_the_twin(unit, tmp_path):
    case = UNITS[unit]()
    options = {"seed": 1, "static": case.static, "count": len(case.expected)}
    assert (
        run_unit(case.component, case.payloads, tmp_path, resets=True, **options) == case.expected
    )


def test_verilog_of_sequencer_and_choppers_matches_the_twin(tmp_path):
    commands, expected, static = choppers.case("random, columns", 100, 1)
    dut = SequencerBench(choppers.CONFIGS["random, columns"])
    options = {"seed": 1, "static": static, "count": len(expected)}
    choppers.check(run_unit(dut, commands, tmp_path, resets=True, **options), expected)
