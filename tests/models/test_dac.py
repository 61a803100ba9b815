import numpy as np
import pytest

from models.analog.dac import column_levels, row_levels
from models.config.macro import MacroConfig

WIDTHS = [1, 2, 3, 4]
CODES = np.arange(-255, 256, dtype=np.int16)


def macro(slice_bits, dac_bits=8):
    return MacroConfig(rows=64, columns=32, adc_count=16, slice_bits=slice_bits, dac_bits=dac_bits)


def recombined(levels, slice_bits):
    """Codes from levels [n, slice, phase, line]: most significant first, phase 1 negative."""
    total = 0
    for place in range(levels.shape[1]):
        total = total * 2**slice_bits + levels[:, place, 0]
        if levels.shape[2] == 2:
            total = total - levels[:, place, 1]
    return total


def phases(magnitude, signed):
    """Levels of the columns [n, slice, phase, line] as the macro drives them."""
    first, second = (magnitude + signed) / 2, (magnitude - signed) / 2
    pairs = np.stack([np.stack([first, second], -1), np.stack([second, first], -1)], axis=2)
    return pairs.reshape(*pairs.shape[:3], -1)


@pytest.mark.parametrize("slice_bits", WIDTHS)
def test_rows_recombine_to_every_code(slice_bits):
    config = macro(slice_bits)
    codes = np.stack([CODES, CODES[::-1], 0 * CODES], axis=1)
    levels = row_levels(codes, config, slices=config.slice_count, phases=2)
    assert levels.shape == (511, -(-8 // slice_bits), 2, 3)
    assert levels.dtype == np.float32
    assert set(np.unique(levels)) == set(range(2**slice_bits))
    assert np.array_equal(recombined(levels, slice_bits), codes)
    assert not levels[:, :, 1][np.broadcast_to(codes[:, None] > 0, levels[:, :, 0].shape)].any()
    assert not levels[:, :, 0][np.broadcast_to(codes[:, None] < 0, levels[:, :, 0].shape)].any()


@pytest.mark.parametrize("slice_bits", WIDTHS)
def test_one_phase_recombines_to_every_code_that_is_not_negative(slice_bits):
    config = macro(slice_bits)
    codes = CODES[CODES >= 0][:, None]
    levels = row_levels(codes, config, slices=config.slice_count, phases=1, kind=np.float64)
    assert levels.shape == (256, -(-8 // slice_bits), 1, 1)
    assert levels.dtype == np.float64
    assert np.array_equal(recombined(levels, slice_bits), codes)


@pytest.mark.parametrize("slice_bits", WIDTHS)
def test_columns_recombine_to_every_code_and_its_opposite(slice_bits):
    config = macro(slice_bits)
    codes = np.stack([CODES, CODES[::-1], 0 * CODES], axis=1)
    levels = phases(*column_levels(codes, config, slices=config.slice_count))
    assert levels.shape == (511, -(-8 // slice_bits), 2, 6)
    found = recombined(levels, slice_bits)
    assert np.array_equal(found[:, 0::2], codes)
    assert np.array_equal(found[:, 1::2], -codes)
    assert levels.min() == 0
    assert not (levels[:, :, 0] * levels[:, :, 1]).any()


def test_slices_by_hand():
    levels = row_levels(np.array([[0b1101, -0b0110]]), macro(2, 4), slices=2, phases=2)
    assert levels[0].tolist() == [[[3, 0], [0, 1]], [[1, 0], [0, 2]]]
    levels = phases(*column_levels(np.array([[0b1101, -0b0110]]), macro(2, 4), slices=2))
    assert levels[0].tolist() == [[[3, 0, 0, 1], [0, 3, 1, 0]], [[1, 0, 0, 2], [0, 1, 2, 0]]]


def test_fewer_slices_drive_the_low_bits():
    levels = row_levels(np.array([[5, -3]]), macro(1), slices=3, phases=2)
    assert np.array_equal(recombined(levels, 1), [[5, -3]])
