import ml_dtypes
import numpy as np

from models.digital.bf16 import from_float32, to_float32


def test_every_pattern_is_read_as_in_ml_dtypes():
    patterns = np.arange(2**16, dtype=np.uint16)
    expected = patterns.view(ml_dtypes.bfloat16).astype(np.float32)
    np.testing.assert_array_equal(to_float32(patterns), expected)


def test_every_gap_rounds_as_in_ml_dtypes():
    high = np.arange(2**16, dtype=np.uint32) << 16
    for low in (0, 1, 0x7FFF, 0x8000, 0x8001, 0xFFFF):
        value = (high | np.uint32(low)).view(np.float32)
        with np.errstate(invalid="ignore"):
            expected = value.astype(ml_dtypes.bfloat16).view(np.uint16)
        expected[np.isnan(value)] = 0x7FC0
        np.testing.assert_array_equal(from_float32(value.copy()), expected)


def test_a_scalar_gives_a_scalar_pattern():
    assert from_float32(to_float32(0xC049)) == 0xC049
    assert from_float32(np.float32(np.nan)) == 0x7FC0
