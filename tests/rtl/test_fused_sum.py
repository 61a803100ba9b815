from typing import Any

import numpy as np
import pytest

from models.config.floats import FusedSumConfig
from models.digital.fused_sum import fused_sum
from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32
from rtl_gen.units.fused_sum import FusedSum
from sim.kernel import Kernel
from sim.streams import run_stream
from tests.float_cases import rows, words
from tests.rtl.stream_checks import check_reset, check_timing


def case(config, count, seed):
    """Arrays of the fields of ``i`` and the sums that the twin gives."""
    x = rows(config.format, count, config.terms, seed)
    random = words(np.random.default_rng(seed), config, count)
    fields: dict[str, Any] = {"x": x} if random is None else {"x": x, "random": random}
    return fields, fused_sum(x, config, random)


def packed(config, fields):
    """Payloads for the simulator: a row of terms is one integer."""
    width = config.format.width
    wide = [sum(x << t * width for t, x in enumerate(row)) for row in fields["x"].tolist()]
    random = fields.get("random", np.zeros(len(wide), int)).tolist()
    if "random" not in fields:
        return [{"x": x} for x in wide]
    return [{"x": x, "random": word} for x, word in zip(wide, random, strict=True)]


STREAMED = [
    FusedSumConfig(terms=3, window=10, depth=0),
    FusedSumConfig(terms=8, window=16, subnormals="flushed", depth=6),
    FusedSumConfig(
        terms=5, window=12, format=FP16, rounding="stochastic", reduction="carry_save", depth=16
    ),
    FusedSumConfig(terms=4, window=0, format=FP8_E5M2, result=FP32, depth=4),
]
KERNELS = [
    FusedSumConfig(terms=8, window=16, subnormals="flushed", depth=6),
    FusedSumConfig(terms=16, window=16, subnormals="flushed", sticky=True, depth=2),
    FusedSumConfig(terms=8, window=24, reduction="carry_save", depth=9),
    FusedSumConfig(terms=5, window=30, result=FP32, rounding="toward_zero", depth=1),
    FusedSumConfig(terms=3, window=0, subnormals="flushed", reduction="carry_save", depth=5),
    FusedSumConfig(terms=2, window=0, rounding="stochastic", random_bits=5, depth=0),
    FusedSumConfig(
        terms=7,
        window=11,
        format=FP16,
        result=FP8_E4M3,
        sticky=True,
        rounding="stochastic",
        random_bits=17,
        depth=3,
    ),
    FusedSumConfig(terms=20, window=0, format=FP8_E4M3, result=BF16, depth=7),
    FusedSumConfig(terms=6, window=24, format=FP32, result=BF16, sticky=True, depth=12),
]


def name(config):
    formats = f"{config.format.name} to {config.result.name}".replace(" ", "_")
    return f"{config.terms}x{formats}_window{config.window}_depth{config.depth}"


@pytest.mark.parametrize("p_stall", [0.0, 0.3])
@pytest.mark.parametrize("config", STREAMED, ids=name)
def test_sums_match_the_twin_through_stalls(config, p_stall):
    fields, expected = case(config, 250, seed=1)
    results = run_stream(FusedSum(config), packed(config, fields), seed=2, p_stall=p_stall)
    assert results == expected.tolist()


@pytest.mark.parametrize("config", KERNELS, ids=name)
def test_many_sums_match_the_twin(config):
    fields, expected = case(config, 200_000, seed=3)
    kernel = Kernel(FusedSum(config), "fused_sum", lanes={"i.x": (config.format.width, False)})
    np.testing.assert_array_equal(kernel(**fields)["payload"], expected)


@pytest.mark.parametrize("depth", [0, 1, 4, 16])
def test_throughput_and_latency(depth):
    config = FusedSumConfig(terms=3, window=8, format=FP8_E4M3, result=FP16, depth=depth)
    fields, expected = case(config, 20, seed=4)
    check_timing(FusedSum(config), packed(config, fields), expected.tolist())


@pytest.mark.parametrize("after", [3, 4, 7])
def test_reset_in_mid_stream_forgets_it(after):
    config = FusedSumConfig(terms=3, window=10, depth=3)
    fields, expected = case(config, 20, seed=5)
    check_reset(FusedSum(config), packed(config, fields), expected.tolist(), after=after)
