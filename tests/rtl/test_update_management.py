import gc

import numpy as np
import pytest

from models.config.pulsed import PulsedUpdateConfig
from models.digital.update_management import update_management
from models.formats import BF16
from rtl_gen.units.update_management import UpdateManagement
from sim.kernel import Kernel
from sim.streams import run_stream
from tests.models.test_update_management import directed
from tests.rtl.unstalled import run_unstalled

RATE = BF16.encode(16.0)
FORMS = {
    "both": PulsedUpdateConfig(),
    "length management of a short train": PulsedUpdateConfig(desired_bl=1, update_management=False),
    "the longest train": PulsedUpdateConfig(desired_bl=127),
    "update management": PulsedUpdateConfig(desired_bl=61, update_bl_management=False),
    "none": PulsedUpdateConfig(update_management=False, update_bl_management=False),
}


def case(config, count, seed, rate=RATE):
    """Payloads, results and static inputs: 60 directed pairs, then corners."""
    x, delta = (side[:count] for side in directed(rate, config, 60, seed))
    found = update_management(x, delta, rate, config)
    payloads = [
        {"x_max": a, "delta_max": b} for a, b in zip(x.tolist(), delta.tolist(), strict=True)
    ]
    rows = zip(*(field.tolist() for field in found), strict=True)
    return payloads, [dict(zip(found._fields, row, strict=True)) for row in rows], {"rate": rate}


@pytest.mark.parametrize("form", FORMS)
def test_streams_match_the_twin(form):
    payloads, expected, static = case(FORMS[form], 204, seed=1)
    dut = UpdateManagement(FORMS[form])
    assert run_stream(dut, payloads, seed=1, static=static) == expected


@pytest.mark.cosim
def test_directed_pairs_match_the_twin():
    config = FORMS["both"]
    kernel = Kernel(UpdateManagement(config), "update_management")
    for rate in (BF16.encode(3.0), BF16.encode(-1000.0), 0x7F00, 0x0003):
        x, delta = directed(rate, config, 5000, seed=2)
        rng = np.random.default_rng(rate)
        x[::4], delta[::4] = rng.integers(0, 2**16, (2, len(x[::4])))  # any pattern
        found = kernel({"rate": rate}, x_max=x, delta_max=delta)
        for name, expected in update_management(x, delta, rate, config)._asdict().items():
            np.testing.assert_array_equal(found[name], expected)


def test_throughput_and_latency():
    payloads, expected, static = case(FORMS["both"], 8, seed=3)
    dut = UpdateManagement(FORMS["both"])
    taken, given = run_unstalled(dut, payloads, static=static)
    assert taken == [n * (dut.LATENCY + 1) for n in range(8)]
    assert given == [(t + dut.LATENCY, e) for t, e in zip(taken, expected, strict=True)]


def test_reset_in_mid_stream_forgets_it():
    payloads, expected, static = case(FORMS["both"], 8, seed=4)
    dut = UpdateManagement(FORMS["both"])
    _, given = run_unstalled(dut, payloads, static=static, reset_after=3)
    assert [payload for _, payload in given] == expected[:2] + expected[3:]


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_what_it_cannot_do_is_refused():
    with pytest.raises(ValueError, match=r"^desired_bl must be between 1 and 127, not 128$"):
        UpdateManagement(PulsedUpdateConfig(desired_bl=128))
    gc.collect()  # the half-made component, while its warning is ignored
