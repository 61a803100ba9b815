from fractions import Fraction
from math import floor

import numpy as np
import pytest

from models.config.chopped_units import ReferenceConfig
from models.config.floats import FloatAddConfig
from models.digital.reference import plain_difference, reference
from models.formats import BF16
from tests.float_cases import encoded, operand, plus, times

TINY = ReferenceConfig(code_width=3, fraction_bits=2)
BETAS = (0, 1, 410, 2047, 2048, 2049, 4095, 4096)
SPECIALS = [0, 0x8000, 1, 0x8001, 0x7F, 0x80, 0x3F80, 0xBF80, 0x7F7F, 0xFF7F, 0x7F80, 0xFF80]
SPECIALS += [0x7FC0, 0xFFC0, 0x7F81]


def plain_fixed(z, mean, past, fresh, config, beta):
    """One crosspoint, exactly: numbers in codes, rounded to the grid, halves up."""
    grid = 2**config.fraction_bits
    past = mean if fresh else past
    exact = Fraction(mean, grid) + (z - Fraction(mean, grid)) * Fraction(beta, 2**12)
    moved = floor(exact * grid + Fraction(1, 2))
    difference = (z - Fraction(past, grid)) * grid
    return [int(difference), moved, past]


def rounded(term):
    return encoded(term, FloatAddConfig())


def minus(pattern):
    return pattern ^ 0x8000


def add(a, b):
    return rounded(plus([operand(a, BF16), operand(b, BF16)]))


def multiply(a, b):
    return rounded(times(operand(a, BF16), operand(b, BF16)))


def plain_bf16(z, mean, past, fresh, beta):
    """One crosspoint in exact fractions, rounded after each operation."""
    past, code = mean if fresh else past, rounded((z < 0, Fraction(z)))
    moved = add(mean, multiply(beta, add(code, minus(mean))))
    return [add(code, minus(past)), moved, past]


def as_rows(found):
    return np.column_stack([field.ravel() for field in found]).tolist()


@pytest.mark.parametrize("beta", BETAS)
def test_fixed_every_tiny_case_matches_fractions(beta):
    reach = 3 << TINY.fraction_bits
    means = np.arange(-reach, reach + 1)
    grid = np.meshgrid(np.arange(-3, 4), means, [-reach, -1, 0, 1, 5, reach], [0, 1])
    arrays = [axis.ravel() for axis in grid]
    found = reference(*arrays, TINY, beta)
    rows = zip(*(array.tolist() for array in arrays), strict=True)
    assert as_rows(found) == [plain_fixed(*row, TINY, beta) for row in rows]
    assert np.abs(found.mean).max() <= reach  # a stored mean never leaves the range of codes


@pytest.mark.parametrize("widths", [(9, 8), (12, 12), (2, 0)])
def test_fixed_corners_match_fractions(widths):
    config = ReferenceConfig(code_width=widths[0], fraction_bits=widths[1])
    top = 2 ** (config.code_width - 1) - 1
    reach = top << config.fraction_bits
    codes = sorted({-top, -1, 0, 1, top - 1, top})
    rng = np.random.default_rng(1)
    means = [-reach, 1 - reach, -1, 0, 1, reach, *rng.integers(-reach, reach + 1, 12).tolist()]
    grid = np.meshgrid(codes, means, [-reach, 0, reach], [0, 1])
    arrays = [axis.ravel() for axis in grid]
    for beta in BETAS:
        found = reference(*arrays, config, beta)
        rows = zip(*(array.tolist() for array in arrays), strict=True)
        assert as_rows(found) == [plain_fixed(*row, config, beta) for row in rows]
        assert np.abs(found.mean).max() <= reach
        assert np.abs(found.difference).max() < 2 ** (config.difference_width - 1)


def test_fixed_values_worked_by_hand():
    found = reference([3, 3, -3, 1], [0, 0, 0, 5], [8, 8, -8, 9], [0, 1, 0, 1], TINY, 2048)
    assert found.difference.tolist() == [12 - 8, 12 - 0, -12 + 8, 4 - 5]
    assert found.mean.tolist() == [6, 6, -6, 5]  # halfway from 5 to 4 is rounded up
    assert found.past.tolist() == [8, 0, -8, 5]


def test_bf16_matches_exact_fractions():
    rng = np.random.default_rng(2)
    n = 600
    z = rng.integers(-255, 256, n)
    near = np.array([rounded((bool(v < 0), Fraction(int(v)))) for v in z])
    anything, close = rng.integers(0, 2**16, n), (near + rng.integers(-3, 4, n)) % 2**16
    small = rng.integers(0x3800, 0x4400, n) | rng.integers(0, 2, n) << 15
    ends = rng.choice(SPECIALS, n)
    mean, past = (np.choose(rng.integers(0, 4, n), [anything, close, small, ends]) for _ in "mp")
    fresh = rng.integers(0, 2, n)
    for beta in (0x3DCD, 0x3F80, 0, 0x3EAB, 0x0080):
        found = reference(z, mean, past, fresh, ReferenceConfig(variant="bf16"), beta)
        rows = zip(z.tolist(), mean.tolist(), past.tolist(), fresh.tolist(), strict=True)
        assert as_rows(found) == [plain_bf16(*row, beta) for row in rows]


def test_plain_differences():
    wide = ReferenceConfig(code_width=12, fraction_bits=3)
    z = np.arange(-2047, 2048)
    assert plain_difference(z, wide).tolist() == [8 * code for code in z.tolist()]
    found = plain_difference(z, ReferenceConfig(variant="bf16", code_width=12))
    assert found.tolist() == [rounded((code < 0, Fraction(code))) for code in z.tolist()]


def test_shapes_broadcast_and_arguments_stay():
    mean = np.arange(6).reshape(2, 3)
    found = reference(np.arange(3), mean, np.int64(1), [[1], [0]], TINY, 4096)
    assert found.past.tolist() == [[0, 1, 2], [1, 1, 1]]
    assert found.mean.tolist() == [[0, 4, 8]] * 2
    assert mean.tolist() == [[0, 1, 2], [3, 4, 5]]
    patterns = reference(np.arange(3), mean, 0, 1, ReferenceConfig(variant="bf16"), 0)
    assert [field.shape for field in patterns] == [(2, 3)] * 3


@pytest.mark.parametrize(("variant", "limit"), [("fixed", 4096), ("bf16", 65535)])
def test_bad_rate_is_refused(variant, limit):
    message = rf"^beta must be between 0 and {limit}, not {limit + 1}$"
    with pytest.raises(ValueError, match=message):
        reference(0, 0, 0, 0, ReferenceConfig(variant=variant), limit + 1)
