import math

import numpy as np
import pytest

from models.digital.sar import sar


@pytest.mark.parametrize("adc_bits", [1, 4, 8, 9, 12])
def test_code_is_the_largest_trial_not_above_the_input(adc_bits):
    top = 2**adc_bits - 1
    whole = np.arange(-2, top + 4, dtype=np.float32)
    below, above = np.nextafter(whole, np.float32(-1e9)), np.nextafter(whole, np.float32(1e9))
    held = np.concatenate([whole, below, above, [-1e30, 1e30, -np.inf, np.inf, -0.0]])
    expected = [max((code for code in range(top + 1) if v >= code), default=0) for v in held]
    codes = sar(held.astype(np.float32), adc_bits)
    assert codes.dtype == (np.uint8 if adc_bits <= 8 else np.uint16)
    assert codes.tolist() == expected


def test_shape_is_kept_over_several_blocks():
    held = np.random.default_rng(1).normal(100, 100, (3, 11, 2000)).astype(np.float32)
    codes = sar(held, 8)
    assert codes.shape == held.shape
    for v, code in zip(held[-1, -1].tolist(), codes[-1, -1].tolist(), strict=True):
        assert code == min(max(math.floor(v), 0), 255)


def test_float64_and_strided_inputs():
    held = np.random.default_rng(2).normal(8, 8, (20, 6))
    assert np.array_equal(sar(held.T, 4), sar(held, 4).T)
