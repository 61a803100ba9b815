import numpy as np
import pytest

from models.digital.bf16_add import bf16_add
from tests.bf16_cases import exact_sum, pairs


@pytest.mark.parametrize(
    ("a", "b", "total"),
    [
        pytest.param(0x3F80, 0x3B80, 0x3F80, id="1 + 2**-8 ties to even"),
        pytest.param(0x3F81, 0x3B80, 0x3F82, id="1.0078125 + 2**-8 ties to even"),
        pytest.param(0x3F80, 0x3B81, 0x3F81, id="just above the tie"),
        pytest.param(0x3F80, 0xBB00, 0x3F80, id="1 - 2**-9 ties to even below a binade"),
        pytest.param(0x3F80, 0xBB01, 0x3F7F, id="just below that tie"),
        pytest.param(0x3F80, 0xBF7F, 0x3B80, id="cancellation"),
        pytest.param(0x3F80, 0xBF80, 0x0000, id="x - x is +0"),
        pytest.param(0x8000, 0x8000, 0x8000, id="-0 + -0"),
        pytest.param(0x8000, 0x0000, 0x0000, id="-0 + 0"),
        pytest.param(0x007F, 0x0001, 0x0080, id="subnormals give the smallest normal"),
        pytest.param(0x0080, 0x8001, 0x007F, id="normal minus subnormal"),
        pytest.param(0x7F7F, 0x7B00, 0x7F80, id="half an ulp above the largest"),
        pytest.param(0x7F7F, 0x7AFF, 0x7F7F, id="just below that"),
        pytest.param(0x7F7F, 0x0001, 0x7F7F, id="far apart"),
        pytest.param(0x7F80, 0xFF80, 0x7FC0, id="infinity minus infinity"),
        pytest.param(0xFF80, 0x7F7F, 0xFF80, id="infinity stays"),
        pytest.param(0xFF81, 0x0000, 0x7FC0, id="canonical NaN"),
    ],
)
def test_values_worked_by_hand(a, b, total):
    assert bf16_add(np.array([a, b]), np.array([b, a])).tolist() == [total] * 2


def test_directed_pairs_match_exact_fractions():
    a, b = pairs(20_000, seed=1)
    expected = [exact_sum(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    np.testing.assert_array_equal(bf16_add(a, b), expected)


def test_operands_broadcast_and_are_not_changed():
    a = np.array([[0x3F80], [0x7F7F], [0x7FC0]], np.uint16)
    b = np.array([0x4000, 0x0001], np.uint16)
    result = bf16_add(a, b)
    assert result.shape == (3, 2)
    assert result.dtype == np.uint16
    np.testing.assert_array_equal(result[1], bf16_add(np.full(2, 0x7F7F), b))
    assert bf16_add(0x3F80, 0x4000) == exact_sum(0x3F80, 0x4000)
    assert a.ravel().tolist() == [0x3F80, 0x7F7F, 0x7FC0]
