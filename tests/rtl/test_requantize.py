import numpy as np
import pytest

from models.config.units import RequantizeConfig
from models.digital.requantize import requantize
from rtl_gen.units.requantize import Requantize
from sim.streams import run_stream
from tests.bf16_cases import CORNERS
from tests.rtl.stream_checks import check_reset, check_timing

CONFIG = RequantizeConfig(code_width=5, random_bits=4)


def case(value, config, exponent, stochastic, seed):
    """Payloads with random words, half of them the highest or the lowest; and the result."""
    rng = np.random.default_rng([seed, exponent + 256])
    top = 2**config.random_bits - 1
    random = np.where(
        rng.random(len(value)) < 0.5,
        rng.choice([0, top], len(value)),
        rng.integers(0, top + 1, len(value)),
    )
    codes = requantize(value, config, exponent=exponent, stochastic=stochastic, random=random)
    payloads = [
        {"value": v, "random": r} for v, r in zip(value.tolist(), random.tolist(), strict=True)
    ]
    static = {"control": {"exponent": exponent, "stochastic": stochastic}}
    return payloads, codes.tolist(), static


def around_the_range(config, exponent, count, seed):
    """Corners, and values from well below the code's LSB to well above its limit."""
    rng = np.random.default_rng([seed, exponent + 256])
    lowest = 127 + exponent - config.random_bits - 3
    field = rng.integers(lowest, 127 + exponent + config.code_width + 2, count)
    value = np.clip(field, 0, 254) << 7 | rng.integers(0, 128, count)
    return np.concatenate([CORNERS, value | rng.integers(0, 2, count) << 15]).astype(np.uint16)


@pytest.mark.parametrize("stochastic", [False, True])
def test_every_mantissa_of_every_exponent_near_the_range_matches_the_twin(stochastic):
    value = np.arange(115 << 7, 134 << 7, dtype=np.uint16)  # 2**-12 to 2**7 for limit 15, LSB 1
    value[::2] |= 0x8000
    payloads, expected, static = case(value, CONFIG, 0, stochastic, seed=1)
    assert run_stream(Requantize(CONFIG), payloads, seed=1, static=static) == expected


@pytest.mark.parametrize("stochastic", [False, True])
@pytest.mark.parametrize("exponent", [-256, -140, -133, -7, 3, 126, 200, 255])
@pytest.mark.parametrize(("code_width", "random_bits"), [(2, 1), (9, 8), (16, 16)])
def test_directed_values_match_the_twin(code_width, random_bits, exponent, stochastic):
    config = RequantizeConfig(code_width=code_width, random_bits=random_bits)
    value = around_the_range(config, exponent, 200, seed=2)
    payloads, expected, static = case(value, config, exponent, stochastic, seed=3)
    assert run_stream(Requantize(config), payloads, seed=3, static=static) == expected


def test_throughput_and_latency():
    value = around_the_range(CONFIG, -3, 20, seed=4)
    payloads, expected, static = case(value, CONFIG, -3, True, seed=5)
    check_timing(Requantize(CONFIG), payloads, expected, static=static)


@pytest.mark.parametrize("after", [3, 7])
def test_reset_in_mid_stream_forgets_it(after):
    value = around_the_range(CONFIG, -3, 20, seed=6)
    payloads, expected, static = case(value, CONFIG, -3, False, seed=7)
    check_reset(Requantize(CONFIG), payloads, expected, after=after, static=static)
