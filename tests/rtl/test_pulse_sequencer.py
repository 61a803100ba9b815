import gc

import numpy as np
import pytest

from models.config.macro import MacroConfig
from models.config.tile import SCHEMES
from models.digital.pulse_sequencer import pulse_program
from rtl_gen.array.pulse_sequencer import PulseSequencer
from sim.streams import run_stream
from tests.rtl.unstalled import run_unstalled

SMALL = MacroConfig(rows=4, columns=4, adc_count=2, count_width=2)


def commands(array):
    return [dict(zip(("row", "pair", "count"), line, strict=True)) for line in array.tolist()]


def program(array, scheme):
    names = ("row", "column", "polarity", "count")
    lines = pulse_program(*array.T, scheme).tolist()
    return [dict(zip(names, line, strict=True)) for line in lines]


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("p_stall", [0, 0.3, 0.7])
def test_every_command_gives_its_transfers(scheme, p_stall):
    array = np.stack(np.meshgrid(range(4), range(2), range(-3, 4)), axis=-1).reshape(-1, 3)
    array = np.random.default_rng(1).permutation(np.concatenate([array, array]))
    expected = program(array, scheme)
    dut = PulseSequencer(SMALL, scheme)
    found = run_stream(dut, commands(array), seed=2, p_stall=p_stall, count=len(expected))
    assert found == expected


@pytest.mark.parametrize("scheme", SCHEMES)
def test_full_scale_of_a_large_macro(scheme):
    config = MacroConfig(rows=1024, columns=1024, adc_count=32, count_width=8)
    array = np.array([[1023, 511, 255], [1023, 0, -255], [0, 511, -1], [512, 256, 1]])
    expected = program(array, scheme)
    dut = PulseSequencer(config, scheme)
    assert run_stream(dut, commands(array), seed=3, count=len(expected)) == expected


def test_one_pair_of_columns():
    config = MacroConfig(rows=2, columns=2, adc_count=2)
    array = np.array([[1, 0, 15], [0, 0, -15]])
    dut = PulseSequencer(config, "push_pull")
    assert run_stream(dut, commands(array), seed=4, count=4) == program(array, "push_pull")


@pytest.mark.parametrize(("scheme", "each"), [("push_pull", 2), ("plus_only", 1)])
def test_transfers_follow_without_gaps_after_the_latency(scheme, each):
    array = np.array([[1, 0, 1], [2, 1, -2], [3, 0, 3]])
    dut = PulseSequencer(SMALL, scheme)
    taken, given = run_unstalled(dut, commands(array))
    start = taken[0] + dut.LATENCY
    assert [cycle for cycle, _ in given] == list(range(start, start + 3 * each))


def test_reset_between_the_two_transfers_forgets_the_second():
    array = np.array([[1, 0, 1], [2, 1, -2]])
    dut = PulseSequencer(SMALL, "push_pull")
    _, given = run_unstalled(dut, commands(array), reset_after=1)
    assert [payload for _, payload in given] == program(array[1:], "push_pull")


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_unknown_scheme_is_refused():
    with pytest.raises(ValueError, match=r"^scheme must be one of push_pull, plus_only, not 'x'$"):
        PulseSequencer(SMALL, "x")
    gc.collect()  # the half-made component, while its warning is ignored
