import numpy as np
import pytest

from models.config.floats import FloatMulConfig
from models.config.units import RequantizeConfig
from models.digital.float_arrays import storage
from models.digital.requantize import requantize
from models.formats import FP8_E4M3, FP8_E5M2, FP16, FP32
from rtl_gen.units.requantize import Requantize
from sim.kernel import Kernel
from sim.streams import run_stream
from tests.float_cases import corners, shaped, words
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
    number, one = config.format, config.format.bias + exponent
    field = rng.integers(one - config.random_bits - 3, one + config.code_width + 2, count)
    value = np.concatenate([corners(number), shaped(rng, number, field)])
    return value.astype(storage(number))


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


WIDE = [
    RequantizeConfig(format=number, code_width=code_width, random_bits=random_bits)
    for number in (FP16, FP8_E4M3, FP8_E5M2, FP32)
    for code_width, random_bits in ((4, 3), (48, 16))
]


@pytest.mark.cosim
@pytest.mark.parametrize(
    "config", WIDE, ids=lambda config: f"{config.format.name} {config.code_width}"
)
def test_other_formats_and_wide_codes_match_the_twin(config):
    number, rng = config.format, np.random.default_rng(8)
    draw = FloatMulConfig(rounding="stochastic", random_bits=config.random_bits)
    kernel = Kernel(Requantize(config), "requantize")
    lowest = 1 - number.bias - number.mantissa_bits
    for exponent in (-256, lowest - 2, lowest, -40, -9, 0, 7, 255):
        field = number.bias + exponent + rng.integers(-20, config.code_width + 2, 20_000)
        value = np.concatenate([np.arange(256), corners(number), shaped(rng, number, field)])
        random = words(rng, draw, len(value))
        for stochastic in (False, True):
            control = {"exponent": exponent, "stochastic": stochastic}
            found = kernel({"control": control}, value=value, random=random)["payload"]
            expected = requantize(value, config, random=random, **control)
            np.testing.assert_array_equal(found, expected)


def test_throughput_and_latency():
    value = around_the_range(CONFIG, -3, 20, seed=4)
    payloads, expected, static = case(value, CONFIG, -3, True, seed=5)
    check_timing(Requantize(CONFIG), payloads, expected, static=static)


@pytest.mark.parametrize("after", [3, 7])
def test_reset_in_mid_stream_forgets_it(after):
    value = around_the_range(CONFIG, -3, 20, seed=6)
    payloads, expected, static = case(value, CONFIG, -3, False, seed=7)
    check_reset(Requantize(CONFIG), payloads, expected, after=after, static=static)
