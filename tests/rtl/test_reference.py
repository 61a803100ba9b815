import numpy as np
import pytest

from models.config.chopped_units import ReferenceConfig
from models.digital.reference import reference
from rtl_gen.units.reference import Reference
from sim.kernel import Kernel
from sim.streams import run_stream
from tests.models.test_reference import BETAS, SPECIALS, TINY
from tests.rtl.stream_checks import check_reset, check_timing

FLOATS = ReferenceConfig(variant="bf16")
RATES = {"fixed": (0, 1, 410, 4095, 4096), "bf16": (0x3DCD, 0x3F80, 0x3EAB, 0x7F00)}


def fields(config, count, seed):
    """Random beats; bf16 means are near codes, among the specials, or anything."""
    rng = np.random.default_rng(seed)
    top = 2 ** (config.code_width - 1) - 1
    z, fresh = rng.integers(-top, top + 1, count), rng.integers(0, 2, count)
    if config.variant == "fixed":
        reach = top << config.fraction_bits
        ends = rng.choice([-reach, -1, 0, 1, reach], (2, count))
        means = rng.integers(-reach, reach + 1, (2, count))
    else:
        ends = rng.choice(SPECIALS, (2, count))
        means = rng.integers(0x3F00, 0x4400, (2, count)) | rng.integers(0, 2, (2, count)) << 15
    mean, past = np.where(rng.random((2, count)) < 0.2, ends, means)
    return {"z": z, "mean": mean, "past": past, "fresh": fresh}


def payloads(arrays):
    """Beats of a stream, one dict each."""
    rows = zip(*(array.tolist() for array in arrays.values()), strict=True)
    return [dict(zip(arrays, row, strict=True)) for row in rows]


def case(config, count, seed):
    """Payloads, what the twin makes of them, static inputs."""
    given, beta = fields(config, count, seed), RATES[config.variant][seed % 4]
    expected = reference(**given, config=config, beta=beta)._asdict()
    return payloads(given), payloads(expected), {"beta": beta}


def check_kernel(kernel, config, beta, given):
    found = kernel({"beta": beta}, **given)
    expected = reference(**given, config=config, beta=beta)._asdict()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_fixed_every_tiny_case():
    reach = 3 << TINY.fraction_bits
    means = np.arange(-reach, reach + 1)
    grid = np.meshgrid(np.arange(-3, 4), means, means, [0, 1])
    given = dict(zip(("z", "mean", "past", "fresh"), (a.ravel() for a in grid), strict=True))
    kernel = Kernel(Reference(TINY), "reference", backend="cxxrtl")
    for beta in BETAS:
        check_kernel(kernel, TINY, beta, given)


@pytest.mark.parametrize(
    "config",
    [ReferenceConfig(), ReferenceConfig(code_width=12, fraction_bits=12), FLOATS],
    ids=["default", "widest", "bf16"],
)
def test_random_beats_match_the_twin(config):
    kernel = Kernel(Reference(config), "reference", backend="cxxrtl")
    for beta in RATES[config.variant]:
        check_kernel(kernel, config, beta, fields(config, 20_000, beta))


@pytest.mark.parametrize(
    ("config", "latency"), [(ReferenceConfig(), 4), (FLOATS, 8)], ids=["fixed", "bf16"]
)
def test_stalls_latency_and_reset(config, latency):
    given, expected, static = case(config, 60, 1)
    dut = Reference(config)
    assert latency == dut.LATENCY
    assert run_stream(dut, given, seed=1, static=static) == expected
    check_timing(Reference(config), given, expected, static=static)
    check_reset(Reference(config), given, expected, after=25, static=static)
