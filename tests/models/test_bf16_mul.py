import numpy as np
import pytest
from gfloat import decode_float, round_float
from gfloat.formats import format_info_bfloat16

from models.digital.bf16_mul import bf16_mul
from tests.bf16_cases import exact_product, pairs


@pytest.mark.parametrize(
    ("a", "b", "product"),
    [
        pytest.param(0x3F81, 0x3F81, 0x3F82, id="1.0078125 squared, rounded down"),
        pytest.param(0x3FC0, 0x3F81, 0x3FC2, id="1.51171875 ties to even 1.515625"),
        pytest.param(0x3FFF, 0x3FFF, 0x407E, id="carry into the exponent"),
        pytest.param(0x0080, 0x3F00, 0x0040, id="half the smallest normal is subnormal"),
        pytest.param(0x0001, 0x3F00, 0x0000, id="half the smallest ties to zero"),
        pytest.param(0x8003, 0x3F00, 0x8002, id="subnormal tie to even"),
        pytest.param(0x0001, 0x4300, 0x0080, id="subnormal operand, normal product"),
        pytest.param(0x00FF, 0x3F00, 0x0080, id="rounds up to the smallest normal"),
        pytest.param(0x7F7F, 0x3F81, 0x7F80, id="overflow"),
        pytest.param(0x7F80, 0x8000, 0x7FC0, id="infinity times zero"),
        pytest.param(0xFF80, 0x0001, 0xFF80, id="infinity times subnormal"),
        pytest.param(0xFFFF, 0x3F80, 0x7FC0, id="canonical NaN"),
        pytest.param(0x8000, 0x3F80, 0x8000, id="minus zero"),
    ],
)
def test_values_worked_by_hand(a, b, product):
    assert bf16_mul(np.array([a, b]), np.array([b, a])).tolist() == [product] * 2


def test_directed_pairs_match_exact_fractions():
    a, b = pairs(20_000, seed=1)
    expected = [exact_product(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    np.testing.assert_array_equal(bf16_mul(a, b), expected)


def test_directed_products_match_gfloat():
    a, b = pairs(3000, seed=2)
    info = format_info_bfloat16
    for x, y, z in zip(a.tolist(), b.tolist(), bf16_mul(a, b).tolist(), strict=True):
        product = decode_float(info, x).fval * decode_float(info, y).fval  # exact in float64
        expected = round_float(info, product)
        got = decode_float(info, z).fval
        assert got == expected or np.isnan([got, expected]).all()


def test_operands_broadcast_and_are_not_changed():
    a = np.array([[0x3F80], [0x7F7F], [0x7FC0]], np.uint16)
    b = np.array([0x4000, 0x0001], np.uint16)
    result = bf16_mul(a, b)
    assert result.shape == (3, 2)
    assert result.dtype == np.uint16
    np.testing.assert_array_equal(result[1], bf16_mul(np.full(2, 0x7F7F), b))
    assert bf16_mul(0x3F80, 0x4000) == exact_product(0x3F80, 0x4000)
    assert a.ravel().tolist() == [0x3F80, 0x7F7F, 0x7FC0]
