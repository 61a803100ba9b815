import numpy as np
import pytest

from models.config.units import AdcInterfaceConfig
from models.digital.adc_interface import adc_interface


def slow(codes, gain, offset, config, pair):
    """Correct, pair and add one code after another, as the hardware does, in Python integers."""
    count, slices, phases, adcs = codes.shape
    sums = []
    for n in range(count):
        acc = [0] * adcs
        for s in range(slices):
            for phase in range(phases):
                fixed = [
                    int(codes[n, s, phase, a]) * int(gain[a]) + int(offset[a]) for a in range(adcs)
                ]
                if pair:
                    fixed = [0 if a % 2 else fixed[a] - fixed[a + 1] for a in range(adcs)]
                shift = config.slice_bits if s and phase == 0 else 0
                acc = [(t << shift) + (-f if phase else f) for t, f in zip(acc, fixed, strict=True)]
        sums.append(acc)
    return sums


CONFIGS = [
    AdcInterfaceConfig(adc_count=4),
    AdcInterfaceConfig(adc_count=2, adc_bits=12, dac_bits=12, gain_fraction_bits=12),
    AdcInterfaceConfig(adc_count=6, adc_bits=2, dac_bits=5, slice_bits=2, gain_fraction_bits=0),
    AdcInterfaceConfig(adc_count=2, adc_bits=9, dac_bits=12, slice_bits=11),
]


def draw(rng, low, high, shape):
    """Integers in [low, high], half of them at one of the ends."""
    values = rng.integers(low, high + 1, shape)
    ends = rng.choice([low, high], shape)
    return np.where(rng.random(shape) < 0.5, ends, values)


def registers(rng, config):
    half = 2 ** (config.offset_width - 1)
    gain = draw(rng, 0, 2**config.gain_width - 1, config.adc_count)
    return gain, draw(rng, -half, half - 1, config.adc_count)


@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
@pytest.mark.parametrize("phases", [1, 2])
@pytest.mark.parametrize("pair", [False, True])
def test_sums_match_one_code_after_another(config, phases, pair):
    rng = np.random.default_rng([1, config.adc_bits, phases, pair])
    kind = np.uint8 if config.adc_bits <= 8 else np.uint16
    for slices in range(1, config.slice_count + 1):
        shape = (30, slices, phases, config.adc_count)
        codes = draw(rng, 0, 2**config.adc_bits - 1, shape).astype(kind)
        gain, offset = registers(rng, config)
        found = adc_interface(codes, gain, offset, config, pair=pair)
        assert found.dtype == np.int64
        assert found.tolist() == slow(codes, gain, offset, config, pair)


def test_more_conversions_than_one_block():
    config = AdcInterfaceConfig(adc_count=32)
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 256, (600, 8, 2, 32), dtype=np.uint8)
    gain, offset = registers(rng, config)
    found = adc_interface(codes, gain, offset, config, pair=True)
    weights = np.outer(2 ** np.arange(7, -1, -1), [1, -1])
    fixed = codes.astype(np.int64) * gain + offset
    sums = np.einsum("sp,nspa->na", weights, fixed)
    assert np.array_equal(found[:, ::2], sums[:, ::2] - sums[:, 1::2])
    assert not found[:, 1::2].any()


@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
def test_extreme_sums_fit_the_sum_width(config):
    top, half = 2**config.adc_bits - 1, 2 ** (config.offset_width - 1)
    gain = np.full(config.adc_count, 2**config.gain_width - 1)
    codes = np.zeros((2, config.slice_count, 2, config.adc_count), np.uint16)
    codes[0, :, 0, 0::2] = codes[0, :, 1, 1::2] = top
    codes[1] = top - codes[0]
    limit = 2 ** (config.sum_width - 1)
    offset = np.where(np.arange(config.adc_count) % 2, -half, half - 1)
    for phases, corner in ((1, offset), (1, -1 - offset), (2, offset)):
        sums = adc_interface(codes[:, :, :phases], gain, corner, config, pair=True)
        assert sums.any()
        assert sums.min() >= -limit
        assert sums.max() < limit


def test_a_worked_example():
    config = AdcInterfaceConfig(adc_count=2, dac_bits=2, gain_fraction_bits=1)
    codes = np.array([[[[10, 4], [1, 2]], [[7, 0], [0, 5]]]], np.uint8)
    # lane 0: 3 * (2 * 10 + 7 - 2 * 1) = 75, offset cancels; lane 1: 2 * (2 * 4 - 2 * 2 - 5) = -2
    assert adc_interface(codes, [3, 2], [1, -1], config, pair=False).tolist() == [[75, -2]]
    assert adc_interface(codes, [3, 2], [1, -1], config, pair=True).tolist() == [[77, 0]]
    # one phase: lane 0: 3 * 27 + 3 * 1, lane 1: 2 * 8 - 3 * 1
    one = adc_interface(codes[:, :, :1], [3, 2], [1, -1], config, pair=False)
    assert one.tolist() == [[84, 13]]


def test_no_conversions_give_no_sums():
    config = AdcInterfaceConfig(adc_count=4)
    codes = np.zeros((0, 8, 2, 4), np.uint8)
    assert adc_interface(codes, [1] * 4, [0] * 4, config, pair=True).shape == (0, 4)


def test_wrong_shapes_are_refused():
    config = AdcInterfaceConfig(adc_count=4)
    with pytest.raises(ValueError, match=r"^slices must be between 1 and 8, not 9$"):
        adc_interface(np.zeros((1, 9, 2, 4), np.uint8), [1] * 4, [0] * 4, config, pair=True)
    with pytest.raises(ValueError, match=r"^phases must be 1 or 2, not 3$"):
        adc_interface(np.zeros((1, 8, 3, 4), np.uint8), [1] * 4, [0] * 4, config, pair=True)
