import numpy as np
import pytest

from models.digital.max_pool import max_pool


def test_windows_worked_by_hand():
    code, index = max_pool(np.array([[3, 7, 7, -1], [-5, -5, -5, -5], [-8, -3, -9, -2]]))
    assert code.tolist() == [7, -5, -2]
    assert index.tolist() == [1, 0, 3]
    assert index.dtype == np.uint8


@pytest.mark.parametrize("count", [1, 2, 9, 256])
def test_equal_codes_give_the_first_as_argmax_does(count):
    codes = np.random.default_rng(count).integers(-3, 4, (500, count)).astype(np.int16)
    code, index = max_pool(codes)
    np.testing.assert_array_equal(code, codes.max(axis=1))
    np.testing.assert_array_equal(index, codes.argmax(axis=1))


def test_too_long_windows_are_refused():
    with pytest.raises(ValueError, match=r"^codes per window must be between 1 and 256, not 257$"):
        max_pool(np.zeros((1, 257), np.int16))
