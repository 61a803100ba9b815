from typing import Any

import numpy as np
import pytest

from models.config.floats import FusedDotConfig
from models.digital.fused_dot import fused_dot
from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32
from rtl_gen.units.fused_dot import FusedDot
from sim.kernel import Kernel
from sim.streams import run_stream
from tests.float_cases import rows, words
from tests.rtl.stream_checks import check_reset, check_timing


def factors(config, count, beats, seed):
    """Arrays [count, beats, terms]; often the second half of a packet cancels the first."""
    rng, size = np.random.default_rng([seed, 1]), beats * config.terms
    a, b = (rows(config.format, count, size, seed + side) for side in (0, 1))
    twin, half = rng.random(count) < 0.3, size // 2
    b[twin, -half:] = b[twin, :half]
    a[twin, -half:] = a[twin, :half] ^ 2 ** (config.format.width - 1)
    a[rng.random(count) < 0.05] = 0
    sparse = rng.random((count, beats, 1)) < 0.15
    shape = count, beats, config.terms
    return np.where(sparse, 0, a.reshape(shape)), b.reshape(shape)


def packets(config, count, beats, seed):
    """Fields of ``i`` for ``count`` packets of so many beats, and their sums."""
    a, b = factors(config, count, beats, seed)
    rng = np.random.default_rng(seed)
    random = words(rng, config, count)
    one = config.beats == 1
    expected = fused_dot(a[:, 0] if one else a, b[:, 0] if one else b, config, random)
    fields: dict[str, Any] = {"a": a.reshape(-1, config.terms), "b": b.reshape(-1, config.terms)}
    place = np.tile(np.arange(beats), count)
    if not one:
        fields |= {"first": place == 0, "last": place == beats - 1}
    if random is not None:  # that of the last beat counts
        fields["random"] = rng.integers(0, 2**config.random_bits, count * beats)
        fields["random"][place == beats - 1] = random
    return fields, expected


def case(config, count, seed):
    """Packets of one to ``beats`` beats."""
    lengths = sorted({1, min(2, config.beats), min(5, config.beats), config.beats})
    parts = [packets(config, max(1, count // n // len(lengths)), n, seed + n) for n in lengths]
    fields: dict[str, Any] = {
        key: np.concatenate([part[key] for part, _ in parts]) for key in parts[0][0]
    }
    return fields, np.concatenate([expected for _, expected in parts])


def packed(config, fields):
    """Payloads for the simulator: a row of factors is one integer."""
    width = config.format.width
    lists = {key: array.tolist() for key, array in fields.items()}
    for side in "ab":
        lists[side] = [sum(x << t * width for t, x in enumerate(row)) for row in lists[side]]
    return [dict(zip(lists, values, strict=True)) for values in zip(*lists.values(), strict=True)]


STREAMED = [
    FusedDotConfig(terms=2, window=16, depth=0),
    FusedDotConfig(terms=8, window=20, subnormals="flushed", depth=9),
    FusedDotConfig(terms=3, window=20, beats=6, depth=0, result=FP32),
    FusedDotConfig(
        terms=3, window=20, beats=6, reduction="carry_save", rounding="stochastic", depth=12
    ),
    FusedDotConfig(terms=4, window=0, format=FP8_E5M2, beats=20, depth=3),
]
KERNELS = [
    FusedDotConfig(terms=8, window=20, subnormals="flushed", depth=9),
    FusedDotConfig(terms=5, window=24, multiplier="rows", sticky=True, depth=3),
    FusedDotConfig(terms=2, window=0, subnormals="flushed", result=FP32, depth=2),
    FusedDotConfig(terms=8, window=24, beats=64, result=FP32, subnormals="flushed", depth=9),
    FusedDotConfig(terms=3, window=40, beats=7, sticky=True, reduction="carry_save", depth=16),
    FusedDotConfig(terms=3, window=0, format=FP8_E5M2, beats=5, reduction="carry_save", depth=6),
    FusedDotConfig(
        terms=4,
        window=12,
        format=FP8_E4M3,
        result=FP8_E5M2,
        beats=9,
        rounding="stochastic",
        random_bits=3,
        depth=1,
    ),
    FusedDotConfig(
        terms=16, window=22, format=FP16, result=BF16, rounding="toward_zero", sticky=True, depth=5
    ),
    FusedDotConfig(terms=3, window=0, format=FP8_E4M3, beats=65536, result=FP32, depth=4),
]


def name(config):
    formats = f"{config.format.name} to {config.result.name}".replace(" ", "_")
    shape = f"{config.terms}x{config.beats}"
    return f"{shape}x{formats}_window{config.window}_depth{config.depth}"


@pytest.mark.parametrize("p_stall", [0.0, 0.3])
@pytest.mark.parametrize("config", STREAMED, ids=name)
def test_dots_match_the_twin_through_stalls(config, p_stall):
    fields, expected = case(config, 200, seed=1)
    dut, count = FusedDot(config), len(expected)
    results = run_stream(dut, packed(config, fields), seed=2, p_stall=p_stall, count=count)
    assert results == expected.tolist()


@pytest.mark.parametrize("config", KERNELS, ids=name)
def test_many_dots_match_the_twin(config):
    fields, expected = case(config, 100_000, seed=3)
    lanes = {f"i.{side}": (config.format.width, False) for side in "ab"}
    kernel = Kernel(FusedDot(config), "fused_dot", lanes=lanes)
    np.testing.assert_array_equal(kernel(**fields)["payload"], expected)


@pytest.mark.parametrize("beats", [1, 4])
@pytest.mark.parametrize("depth", [0, 1, 4, 16])
def test_throughput_and_latency_from_the_last_beat(depth, beats):
    # packets of one beat, as an accumulating unit takes them too
    config = FusedDotConfig(terms=2, window=8, format=FP8_E4M3, depth=depth, beats=beats)
    fields, expected = packets(config, 20, 1, seed=4)
    check_timing(FusedDot(config), packed(config, fields), expected.tolist())


@pytest.mark.parametrize("after", [3, 4, 7])
@pytest.mark.parametrize("beats", [1, 4])
def test_reset_in_mid_stream_forgets_it(after, beats):
    config = FusedDotConfig(terms=2, window=16, depth=3, beats=beats)
    fields, expected = packets(config, 20, 1, seed=5)
    check_reset(FusedDot(config), packed(config, fields), expected.tolist(), after=after)
