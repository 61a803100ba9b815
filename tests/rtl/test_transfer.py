import numpy as np
import pytest

from models.config.chopped_units import ReferenceConfig, TransferConfig
from models.digital.reference import plain_difference, reference
from models.digital.transfer import TransferControl, transfer
from rtl_gen.units.transfer import ReadTransfer, Transfer
from sim.kernel import Kernel
from sim.streams import run_stream
from tests.models.test_reference import SPECIALS
from tests.models.test_transfer import FLOATS, LIMIT
from tests.rtl import test_reference as references
from tests.rtl.stream_checks import check_reset, check_timing

TINY = ReferenceConfig(code_width=3, fraction_bits=2)


def transfer_config(variant, forget, **changes):
    config = ReferenceConfig(variant=variant, **changes)
    return TransferConfig(reference=config, forget=forget)


def control_of(config):
    """Values that many of `states` reach."""
    if config.variant == "bf16":
        return FLOATS
    return TransferControl(2 ** (config.state_width - 5), 2 ** (config.state_width - 6), 77, 0, 410)


def states(config, count, seed):
    """H on and beside the threshold, at its ends, anywhere; choppers and enables."""
    rng = np.random.default_rng([seed, 1])
    if config.variant == "bf16":
        near = rng.integers(0x3F00, 0x4000, count) | rng.integers(0, 2, count) << 15
        ends = rng.choice(SPECIALS, count)
    else:
        limit, threshold = 2 ** (config.state_width - 1) - 1, control_of(config).threshold
        near = rng.integers(-2 * threshold, 2 * threshold + 1, count)
        ends = rng.choice([limit, -limit, threshold, -threshold, threshold - 1, 0], count)
    h = np.where(rng.random(count) < 0.2, ends, near)
    return {"h": h} | dict(zip(("negative", "enable"), rng.integers(0, 2, (2, count)), strict=True))


def read_case(config, follows, count, seed):
    """Beats of a `ReadTransfer`, and what the twins make of them, as arrays."""
    given, control = states(config, count, seed), control_of(config)
    codes = references.fields(config.reference, count, seed)
    if follows:
        difference, *means = reference(**codes, config=config.reference, beta=control.beta)
        means = dict(zip(("mean", "past"), means, strict=True))
    else:
        codes = {"z": codes["z"]}
        difference, means = plain_difference(codes["z"], config.reference), {}
    found = transfer(difference=difference, config=config, control=control, **given)
    return codes | given, {"h": found.h, "count": found.counts} | means


def lists(given, expected, config):
    static = {"control": control_of(config)._asdict()}
    return references.payloads(given), references.payloads(expected), static


def check_kernel(kernel, config, control, difference, h):
    """Every pair of difference and state, with each sign and enable."""
    grid = np.meshgrid(np.arange(len(h)), [0, 1], [0, 1])
    place, negative, enable = (axis.ravel() for axis in grid)
    given = {"difference": difference[place], "h": h[place], "negative": negative, "enable": enable}
    found = kernel({"control": control._asdict()}, **given)
    expected = transfer(**given, config=config, control=control)
    np.testing.assert_array_equal(found["h"], expected.h)
    np.testing.assert_array_equal(found["count"], expected.counts)


@pytest.mark.parametrize("forget", [True, False])
def test_fixed_every_state_of_the_narrowest(forget):
    config = TransferConfig(reference=TINY, state_width=16, forget=forget)
    kernel = Kernel(Transfer(config), "transfer", backend="cxxrtl")
    states = np.arange(-LIMIT, LIMIT + 1)
    for control in (TransferControl(10, 7, 77), TransferControl(LIMIT, LIMIT, 255)):
        for difference in (-24, -1, 0, 24):
            check_kernel(kernel, config, control, np.full(len(states), difference), states)
    near = np.concatenate([np.arange(-30, 31), states[:40], states[-40:]])
    pairs = [axis.ravel() for axis in np.meshgrid(np.arange(-24, 25), near)]  # all differences
    for threshold in (1, 10):
        check_kernel(kernel, config, TransferControl(threshold, 1, 3), *pairs)


@pytest.mark.parametrize("forget", [True, False])
def test_bf16_every_state(forget):
    config = transfer_config("bf16", forget)
    kernel = Kernel(Transfer(config), "transfer", backend="cxxrtl")
    states = np.arange(2**16)
    rng = np.random.default_rng(1)
    difference = rng.integers(0x3C00, 0x4400, 2**16) | rng.integers(0, 2, 2**16) << 15
    difference[::7] = rng.choice(SPECIALS, len(difference[::7]))
    for control in (FLOATS, TransferControl(step=0x3F7F, momentum=0, scale=0x3F80)):
        check_kernel(kernel, config, control, difference, states)


UNITS = {  # config, whether a reference is taken off, latency
    "fixed": (transfer_config("fixed", True), True, 8),
    "fixed, no reference": (transfer_config("fixed", False), False, 5),
    "bf16": (transfer_config("bf16", False), True, 15),
    "bf16, no reference": (transfer_config("bf16", True), False, 9),
}


@pytest.mark.parametrize("name", UNITS)
def test_whole_path_stalls_latency_and_reset(name):
    config, follows, latency = UNITS[name]
    given, expected, static = lists(*read_case(config, follows, 60, 2), config)

    def unit():
        dut = ReadTransfer(config, follows=follows)
        assert latency == dut.LATENCY
        return dut

    assert run_stream(unit(), given, seed=1, static=static) == expected
    check_timing(unit(), given, expected, static=static)
    check_reset(unit(), given, expected, after=30, static=static)
    assert {beat["count"] for beat in expected} == {-1, 0, 1}


def test_back_ends_agree():
    config = TransferConfig(reference=TINY, state_width=16, forget=True)
    given, expected = read_case(config, True, 5000, 3)
    for backend in ("verilator", "cxxrtl", "bitsliced"):
        kernel = Kernel(ReadTransfer(config, follows=True), "read_transfer", backend=backend)
        found = kernel({"control": control_of(config)._asdict()}, **given)
        for name, array in expected.items():
            np.testing.assert_array_equal(found[name], array)
