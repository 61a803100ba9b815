from math import isnan

import numpy as np
import pytest

from models.config.floats import FloatCompareConfig
from models.digital.float_compare import Compared, float_compare
from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32
from tests.float_cases import FORMATS, every_subnormals, operand, pairs


def compared(a, b, config):
    """The five results for two patterns (ints), from exact values."""
    kind = config.format
    (a_sign, x), (b_sign, y) = (operand(p, kind, config.is_flushed) for p in (a, b))
    if any(isinstance(v, float) and isnan(v) for v in (x, y)):
        return False, False, True, kind.nan, kind.nan
    high, low = (x, a_sign), (y, b_sign)
    if x < y or (x == y and a_sign):  # of equal zeros, the one without sign is the higher
        high, low = low, high
    both = [kind.encode(value, negative_zero=sign) for value, sign in (high, low)]
    return x < y, x == y, False, *both


def check(a, b, config):
    want = [compared(x, y, config) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    got = float_compare(a, b, config)
    for field, column in zip(Compared._fields, zip(*want, strict=True), strict=True):
        np.testing.assert_array_equal(getattr(got, field), column, err_msg=field)


@every_subnormals
@pytest.mark.parametrize("kind", FORMATS, ids=lambda kind: kind.name)
def test_directed_pairs_match_exact_values(kind, subnormals):
    a, b = pairs(kind, kind, 6000, seed=1)
    check(a, b, FloatCompareConfig(format=kind, subnormals=subnormals))


@every_subnormals
@pytest.mark.parametrize("kind", [FP8_E4M3, FP8_E5M2])
def test_every_pair_of_fp8_matches_exact_values(kind, subnormals):
    a, b = (side.ravel() for side in np.meshgrid(np.arange(256), np.arange(256)))
    check(a, b, FloatCompareConfig(format=kind, subnormals=subnormals))


def test_order_is_that_of_numpy():
    a, b = (side.astype(np.uint32) for side in pairs(FP32, FP32, 100_000, seed=2))
    x, y = a.view(np.float32), b.view(np.float32)
    got = float_compare(a, b, FloatCompareConfig(format=FP32))
    np.testing.assert_array_equal(got.less, x < y)
    np.testing.assert_array_equal(got.equal, x == y)
    np.testing.assert_array_equal(got.unordered, np.isnan(x) | np.isnan(y))
    np.testing.assert_array_equal(got.maximum.view(np.float32), np.maximum(x, y))
    np.testing.assert_array_equal(got.minimum.view(np.float32), np.minimum(x, y))


@pytest.mark.parametrize(
    ("a", "b", "subnormals", "want"),
    [
        pytest.param(0x8000, 0x0000, "kept", (0, 1, 0, 0x0000, 0x8000), id="zeros"),
        pytest.param(0x8000, 0x8000, "kept", (0, 1, 0, 0x8000, 0x8000), id="-0 and -0"),
        pytest.param(0x8001, 0x0000, "kept", (1, 0, 0, 0x0000, 0x8001), id="subnormal"),
        pytest.param(0x8001, 0x0001, "flushed", (0, 1, 0, 0x0000, 0x8000), id="flushed"),
        pytest.param(0x807F, 0x8000, "flushed", (0, 1, 0, 0x8000, 0x8000), id="both -0"),
        pytest.param(0xFF80, 0x7F80, "kept", (1, 0, 0, 0x7F80, 0xFF80), id="infinities"),
        pytest.param(0x7F81, 0x3F80, "kept", (0, 0, 1, 0x7FC0, 0x7FC0), id="NaN"),
        pytest.param(0xFFFF, 0xFFFF, "kept", (0, 0, 1, 0x7FC0, 0x7FC0), id="the same NaN"),
    ],
)
def test_bf16_values_worked_by_hand(a, b, subnormals, want):
    config = FloatCompareConfig(subnormals=subnormals)
    assert tuple(int(v) for v in float_compare(a, b, config)) == want


def test_operands_broadcast_and_types_are_small():
    got = float_compare(np.arange(300)[:, None], np.arange(200), FloatCompareConfig(format=FP16))
    assert got.less.shape == (300, 200)
    assert [field.dtype for field in got] == [bool] * 3 + [np.uint16] * 2
    assert int(got.maximum[299, 7]) == 299
    assert float_compare(1, 2, FloatCompareConfig(format=BF16)).less
