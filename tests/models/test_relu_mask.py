import numpy as np
import pytest

from models.digital.relu_mask import MASK, PASS, RELU, relu_mask

VALUE = np.array([0x0000, 0x8000, 0x0001, 0x8001, 0x3F80, 0xBF80, 0x7F80, 0xFF80, 0x7FC0])
BITS = np.array([0, 1, 0, 1, 0, 1, 0, 1, 1], bool)


def test_pass_changes_nothing():
    value, mask = relu_mask(VALUE, BITS, PASS)
    assert value.tolist() == VALUE.tolist()
    assert mask.tolist() == BITS.tolist()


def test_relu_gives_plus_zero_and_the_mask_of_its_derivative():
    value, mask = relu_mask(VALUE, BITS, RELU)
    assert value.tolist() == [0, 0, 1, 0, 0x3F80, 0, 0x7F80, 0, 0x7FC0]
    assert mask.tolist() == [False, False, True, False, True, False, True, False, True]


def test_mask_gives_plus_zero_where_it_is_clear():
    value, mask = relu_mask(VALUE, BITS, MASK)
    assert value.tolist() == [0, 0x8000, 0, 0x8001, 0, 0xBF80, 0, 0xFF80, 0x7FC0]
    assert mask.tolist() == BITS.tolist()
    assert value.dtype == np.uint16


def test_the_mask_broadcasts():
    value, mask = relu_mask(VALUE, False, MASK)
    assert not value.any()
    assert mask.shape == value.shape


def test_bad_mode_is_refused_by_name():
    with pytest.raises(ValueError, match=r"^mode must be between 0 and 2, not 3$"):
        relu_mask(VALUE, BITS, 3)
