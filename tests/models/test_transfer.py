from fractions import Fraction

import numpy as np
import pytest

from models.config.chopped_units import ReferenceConfig, SequencerConfig, TransferConfig
from models.digital.reference import plain_difference, reference
from models.digital.sequencer import Sequence, initial_state, sequence
from models.digital.transfer import TransferControl, transfer, transfer_sequence
from models.formats import BF16
from tests.models.test_reference import SPECIALS, add, minus, multiply

LIMIT = 2**15 - 1
FLOATS = TransferControl(step=0x3F80, momentum=0x3E00, scale=0x3C80, beta=0x3DCD)


def fixed(forget, state_width=16, **reference):
    small = {"code_width": 9, "fraction_bits": 2} | reference
    return TransferConfig(
        reference=ReferenceConfig(**small), state_width=state_width, forget=forget
    )


def floats(forget):
    return TransferConfig(reference=ReferenceConfig(variant="bf16"), forget=forget)


def plain_fixed(h, difference, negative, enable, config, control):
    """One crosspoint in Python integers and fractions."""
    limit = 2 ** (config.state_width - 1) - 1
    h = min(max(h - difference if negative else h + difference, -limit), limit)
    if abs(h) < control.threshold:
        return [h, 0]
    sign = 1 if h > 0 else -1
    if config.forget:  # int() cuts off towards zero
        h = int(h * Fraction(control.momentum, 256))
    else:
        h -= sign * control.step
    return [h, sign if enable else 0]


def plain_bf16(h, difference, negative, enable, config, control):
    """One crosspoint in exact fractions, rounded after each operation."""
    product = multiply(control.scale, difference)
    h = add(h, minus(product) if negative else product)
    value = BF16.decode(h)
    if not abs(value) >= 1:  # NaN is not
        return [h, 0]
    sign = 1 if value > 0 else -1
    if config.forget:
        h = multiply(control.momentum, h)
    else:
        h = add(h, minus(control.step) if sign > 0 else control.step)
    return [h, sign if enable else 0]


def check(plain, h, difference, config, control):
    """All four signs and enables of each pair of state and difference."""
    grid = np.meshgrid(np.arange(len(h)), [0, 1], [0, 1], indexing="ij")
    place, negative, enable = (axis.ravel() for axis in grid)
    given = np.asarray(h)[place], np.asarray(difference)[place], negative, enable
    found = transfer(*given, config, control)
    rows = zip(*(array.tolist() for array in given), strict=True)
    expected = [plain(*row, config, control) for row in rows]
    assert np.column_stack([found.h, found.counts]).tolist() == expected
    return found.counts


@pytest.mark.parametrize("forget", [True, False])
@pytest.mark.parametrize("threshold", [1, 10, 20000, LIMIT])
def test_fixed_around_threshold_and_saturation(threshold, forget):
    config, h = fixed(forget), set()
    for centre in (0, threshold, -threshold, LIMIT, -LIMIT, 200):
        h |= {min(max(centre + off, -LIMIT), LIMIT) for off in range(-6, 7)}
    pairs = np.meshgrid(sorted(h), [-1020, -256, -5, -1, 0, 1, 4, 1020])
    for step, momentum in ((1, 0), (10, 128), (LIMIT, 255)):
        control = TransferControl(threshold, step, momentum)
        counts = check(plain_fixed, *(axis.ravel() for axis in pairs), config, control)
        assert set(counts.tolist()) == {-1, 0, 1}


@pytest.mark.parametrize("forget", [True, False])
def test_fixed_every_state_of_the_narrowest_accumulator(forget):
    # every state of 16 bits against integers of numpy; differences reach over the ends
    config, control = fixed(forget), TransferControl(777, 500, 77)
    h = np.arange(-LIMIT, LIMIT + 1)
    for difference in (0, 1, -1, 1020, -1020):
        summed = np.clip(h + difference, -LIMIT, LIMIT)
        due, size = np.abs(summed) >= 777, np.abs(summed)
        after = np.sign(summed) * (size * 77 // 256 if forget else size - 500)
        found = transfer(h, difference, 0, 1, config, control)
        assert np.array_equal(found.h, np.where(due, after, summed))
        assert np.array_equal(found.counts, np.sign(summed) * due)


@pytest.mark.parametrize(("width", "code_width", "bits"), [(24, 9, 8), (40, 12, 12)])
@pytest.mark.parametrize("forget", [True, False])
def test_fixed_widths_of_use_match_integers(width, code_width, bits, forget):
    config = fixed(forget, width, code_width=code_width, fraction_bits=bits)
    limit, reach = 2 ** (width - 1) - 1, 2 ** (code_width + bits) - 1
    rng = np.random.default_rng(width)
    h = [limit, -limit, 0, *rng.integers(-limit, limit + 1, 30).tolist()]
    h += rng.integers(-3 * reach, 3 * reach, 60).tolist()
    difference = rng.choice([-reach, -1, 0, 1, reach, 12345], len(h))
    for control in (TransferControl(reach, reach // 3, 26), TransferControl(limit, limit, 255)):
        check(plain_fixed, h, difference, config, control)


@pytest.mark.parametrize("forget", [True, False])
@pytest.mark.parametrize("scale", [0x3F80, 0x3C80, 0x0080, 0x7F00, 0x7FC0])
def test_bf16_matches_exact_fractions(scale, forget):
    rng = np.random.default_rng(scale)
    n = 150
    near = rng.integers(0x3F78, 0x3F90, n) | rng.integers(0, 2, n) << 15
    h = np.choose(rng.integers(0, 4, n), [near, near, rng.integers(0, 2**16, n), near])
    h[:30] = np.resize(SPECIALS, 30)
    difference = np.choose(
        rng.integers(0, 4, n),
        [rng.integers(0x3800, 0x4480, n), near, rng.integers(0, 2**16, n), np.zeros(n, int)],
    )
    difference[rng.random(n) < 0.1] = 0x7F80
    for step, momentum in ((0x3F80, 0), (0x3F66, 0x3DCD)):
        control = TransferControl(step=step, momentum=momentum, scale=scale)
        check(plain_bf16, h, difference, floats(forget), control)


def test_bf16_threshold_is_met_exactly():
    h = np.array([0x3F7F, 0x3F80, 0xBF80, 0xBF7F, 0x7F80, 0xFF80, 0x7FC0], np.uint16)
    found = transfer(h, 0, 0, 1, floats(True), TransferControl(momentum=0x3F00))
    assert found.counts.tolist() == [0, 1, -1, 0, 1, -1, 0]
    assert found.h.tolist() == [0x3F7F, 0x3F00, 0xBF00, 0xBF7F, 0x7F80, 0xFF80, 0x7FC0]
    found = transfer(h[:4], 0, 0, 0, floats(False), TransferControl(step=0x3F80))
    assert found.counts.tolist() == [0] * 4  # no pulses, but H goes on as if
    assert found.h.tolist() == [0x3F7F, 0, 0, 0xBF7F]


def steps(h, mean, past, place, z, order, config, control):
    """Sequence of reads by the elementwise twins."""
    h, counts = h.copy(), []
    means = None if mean is None else [mean.copy(), past.copy()]
    for t, k in enumerate(place.tolist()):
        if means is None:
            difference = plain_difference(z[t], config.reference)
        else:
            given = means[0][k], means[1][k], order.fresh[t]
            found = reference(z[t], *given, config.reference, control.beta)
            difference, means[0][k], means[1][k] = found
        negative = order.negative[t] ^ (0 if order.out_signs is None else order.out_signs[t])
        h[k], count = transfer(h[k], difference, negative, order.enable[t], config, control)
        counts.append(count)
    return [h, *(means or [None, None]), np.array(counts)]


def states(rng, config, shape):
    """H and means over all their range, thick around the threshold."""
    if config.variant == "bf16":
        near = rng.integers(0x3F00, 0x4000, shape) | rng.integers(0, 2, shape) << 15
        wide = rng.integers(0, 2**16, shape)
        h = np.where(rng.random(shape) < 0.1, wide, near).astype(np.uint16)
        means = rng.integers(0x3F80, 0x4380, (2, *shape)) | rng.integers(0, 2, (2, *shape)) << 15
        means[:, -1, : len(SPECIALS)] = SPECIALS[: shape[1]]
        return h, *means.astype(np.uint16)
    limit = 2 ** (config.state_width - 1) - 1
    reach = 2 ** (config.reference.mean_width - 1) - 2**config.reference.fraction_bits
    h = rng.integers(-limit, limit + 1, shape)
    return h, *rng.integers(-reach, reach + 1, (2, *shape)).astype(np.int32)


@pytest.mark.parametrize("forget", [True, False])
@pytest.mark.parametrize("follows", [True, False])
@pytest.mark.parametrize("variant", ["fixed", "bf16"])
@pytest.mark.parametrize("out_chance", [0, 30000])
def test_sequences_match_one_read_after_another(variant, follows, forget, out_chance):
    config = TransferConfig(reference=ReferenceConfig(variant=variant), forget=forget)
    order_config = SequencerConfig(rows=5, columns=17, period=2, waits=True, out_chance=out_chance)
    order, _ = sequence(initial_state(order_config, 3), 60, 5, 17, 1, order_config)
    rng = np.random.default_rng([follows, forget, out_chance])
    h, mean, past = states(rng, config, (8, 17))
    z = rng.integers(-255, 256, (60, 17)).astype(np.int16)
    place = np.array([3, 0, 7, 1, 4])[order.row]  # rows in other places, three of them not read
    control = TransferControl(50000, 33333, 77, 0, 410) if variant == "fixed" else FLOATS
    given = (h, mean, past) if follows else (h, None, None)
    before = [None if a is None else a.copy() for a in given]
    found = transfer_sequence(*given, place, z, order, config, control)
    expected = steps(*given, place, z, order, config, control)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    for one, other in zip(given, before, strict=True):  # not modified
        np.testing.assert_array_equal(one, other)
    assert 40 < np.abs(found.counts).sum() < found.counts.size
    assert not found.counts[: 2 * 5].any()  # first period


def order_of(place):
    """Reads without choppers, each with pulses."""
    none = np.zeros(len(place), np.uint8)
    return Sequence(place, place, none, none, none + 1, none, None)


@pytest.mark.parametrize("forget", [True, False])
def test_fixed_loops_around_threshold_and_saturation(forget):
    config, place = fixed(forget), np.arange(4)
    z = np.repeat(np.array([-255, 0, 1, 255], np.int16)[:, None], 500, axis=1)
    for threshold in (1, 300, LIMIT):
        near = [e + off for e in (0, threshold, LIMIT) for off in range(-40, 41)]
        h = np.clip(np.resize([*near, *(-n for n in near)], (4, 500)), -LIMIT, LIMIT)
        h -= z.astype(np.int64) * 4 * (np.abs(h - z * 4) <= LIMIT)  # so that the sums are these
        given = h, None, None, place, z, order_of(place), config
        control = TransferControl(threshold, threshold, 99)
        for one, other in zip(
            transfer_sequence(*given, control), steps(*given, control), strict=True
        ):
            np.testing.assert_array_equal(one, other)


def test_bf16_loops_agree_with_the_float_units_on_wide_codes():
    # 12-bit codes are rounded on their way in, and every operand pattern occurs
    config = TransferConfig(reference=ReferenceConfig(variant="bf16", code_width=12))
    rng = np.random.default_rng(9)
    h, mean, past = rng.integers(0, 2**16, (3, 4, 2**14)).astype(np.uint16)
    h[:] = np.arange(2**16).reshape(h.shape)
    z = rng.integers(-2047, 2048, (4, 2**14)).astype(np.int16)
    place = np.arange(4)
    order = order_of(place)
    for number in (0x3C80, 0x0081, 0x7F00):
        control = TransferControl(step=number, momentum=number, scale=number, beta=number)
        given = h, mean, past, place, z, order, config, control
        for one, other in zip(transfer_sequence(*given), steps(*given), strict=True):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("config", "change", "message"),
    [
        (fixed(True), {"threshold": 0}, "^threshold must be between 1 and 32767, not 0$"),
        (fixed(True), {"step": 2**15}, "^step must be between 1 and 32767, not 32768$"),
        (fixed(True), {"momentum": 256}, "^momentum must be between 0 and 255, not 256$"),
        (fixed(True), {"beta": 4097}, "^beta must be between 0 and 4096, not 4097$"),
        (floats(True), {"scale": 2**16}, "^scale must be between 0 and 65535, not 65536$"),
    ],
)
def test_bad_control_is_refused(config, change, message):
    with pytest.raises(ValueError, match=message):
        transfer(0, 0, 0, 0, config, TransferControl()._replace(**change))
