"""Compiled BF16 loops against the twins of the units that they stand for."""

import numpy as np
import pytest

from models.config.units import RequantizeConfig
from models.digital import bf16_loops as loops
from models.digital.bf16 import BF16_ADD, BF16_MUL, INT_TO_BF16
from models.digital.float_add import float_add
from models.digital.float_mul import float_mul
from models.digital.float_reciprocal import float_reciprocal
from models.digital.int_to_float import int_to_float
from models.digital.requantize import requantize

EVERY = np.arange(65536, dtype=np.uint16)
# ones, powers of two, subnormals, largest, infinities, NaN, and some in between
SCALES = [0x3F80, 0xBF80, 0x4000, 0x0001, 0x007F, 0x0080, 0x7F7F, 0x7F80, 0xFF80, 0x7FC0, 0x0000]
SCALES += [0x3FFF, 0x3F81, 0x42FC, 0xC27C, 0x3C23, 0x00C0, 0x8001, 0x7E81, 0x3E2B]
SCALE = np.array(SCALES, np.uint16)


def test_every_pattern_scaled_and_rounded_to_codes():
    values = np.tile(EVERY, (len(SCALE), 1))
    product = float_mul(values, SCALE[:, None], BF16_MUL)
    for bits in (2, 7, 9):
        config = RequantizeConfig(code_width=bits)
        want = requantize(product, config, exponent=0, stochastic=False)
        np.testing.assert_array_equal(loops.rounded_codes(values, SCALE, config.limit), want)


def test_every_code_times_a_scale():
    codes = np.tile(np.arange(-32768, 32768, dtype=np.int16), (len(SCALE), 1))
    number = int_to_float(codes.astype(np.int64), INT_TO_BF16)
    want = float_mul(number, SCALE[:, None], BF16_MUL)
    np.testing.assert_array_equal(loops.scaled_codes(codes, SCALE), want)


@pytest.mark.parametrize(
    ("loop", "twin", "config"),
    [(loops.products, float_mul, BF16_MUL), (loops.sums, float_add, BF16_ADD)],
    ids=["products", "sums"],
)
def test_every_pattern_with_some_others(loop, twin, config):
    rng = np.random.default_rng(3)
    for other in [*SCALES, *rng.integers(0, 65536, 30).tolist()]:
        b = np.full(len(EVERY), other, np.uint16)
        np.testing.assert_array_equal(loop(EVERY, b), twin(EVERY, b, config))


def test_every_reciprocal():
    np.testing.assert_array_equal(loops.reciprocals(EVERY), float_reciprocal(EVERY))


def test_largest_magnitude_of_each_row():
    values = np.random.default_rng(4).integers(0, 65536, (50, 33)).astype(np.uint16)
    values[7] = 0x8000
    want = (values & 0x7FFF).max(axis=1)
    np.testing.assert_array_equal(loops.largest(values), want)
