from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.config.units import AccumulateThresholdConfig
from models.digital.accumulate_threshold import accumulate_threshold

CONTROL = {"shift": 0, "scale": 0, "threshold": 1, "transfer": True}


def slow_fixed(chi, x, delta, config, *, shift, threshold, transfer):
    """One weight after another in Python integers."""
    limit = 2 ** (config.chi_width - 1) - 1
    vectors = list(zip(x, delta, strict=True))
    for start in range(0, len(vectors), config.chunk):
        acc = sum(a * b for a, b in vectors[start : start + config.chunk])
        chi = max(-limit, min(limit, chi - acc * 2**shift))
    if not transfer:
        return chi, 0
    count = min(abs(chi) // threshold, config.count_limit) * (1 if chi > 0 else -1)
    if count == 0:
        return chi, 0
    return (chi - count * threshold if config.keep_remainder else 0), count


def check_fixed(chi, x, delta, config, **control):
    found = accumulate_threshold(chi, x, delta, config, scale=0, **control)
    rows, columns = chi.shape
    expected = [
        slow_fixed(int(chi[r, c]), x[:, r].tolist(), delta[:, c].tolist(), config, **control)
        for r in range(rows)
        for c in range(columns)
    ]
    assert (
        list(zip(found.chi.ravel().tolist(), found.counts.ravel().tolist(), strict=True))
        == expected
    )
    return found


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_fixed_matches_one_weight_after_another(data):
    chi_width = data.draw(st.sampled_from([16, 24, 40, 48]))
    config = AccumulateThresholdConfig(
        code_width=data.draw(st.integers(2, 12)),
        chi_width=chi_width,
        count_width=data.draw(st.integers(1, 8)),
        keep_remainder=data.draw(st.booleans()),
        chunk=data.draw(st.sampled_from([1, 3, 64])),
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    top = 2 ** (config.code_width - 1) - 1
    k = data.draw(st.sampled_from([0, 1, 2, 3, 4, 7]))
    x, delta = (rng.choice([-top, -1, 0, 1, top], (k, n)).astype(np.int16) for n in (3, 4))
    reach = 2 ** data.draw(st.integers(0, chi_width - 1))
    chi = rng.integers(-reach, reach, (3, 4))
    check_fixed(
        chi,
        x,
        delta,
        config,
        shift=data.draw(st.one_of(st.integers(0, 8), st.integers(0, 63))),
        threshold=data.draw(st.integers(1, reach)),
        transfer=data.draw(st.booleans()),
    )


@pytest.mark.parametrize("keep_remainder", [True, False])
def test_every_decision_near_whole_thresholds(keep_remainder):
    config = AccumulateThresholdConfig(chi_width=16, count_width=3, keep_remainder=keep_remainder)
    x = np.zeros((1, 1), np.int16)
    chi = np.arange(-200, 201)[None]
    found = check_fixed(
        chi, x, np.zeros((1, 401), np.int16), config, shift=0, threshold=10, transfer=True
    )
    worked = {-71: (-1, -7), -70: (0, -7), -69: (-9, -6), -10: (0, -1), -9: (-9, 0), 10: (0, 1)}
    worked |= {70: (0, 7), 79: (9, 7), 80: (10, 7), 200: (130, 7), -200: (-130, -7)}
    for value, (rest, count) in worked.items():
        place = value + 200
        assert found.counts[0, place] == count
        assert found.chi[0, place] == (rest if keep_remainder or not count else 0)


def test_saturation_between_chunks_is_not_skipped():
    config = AccumulateThresholdConfig(chi_width=16, chunk=1)
    x = np.array([[100], [100]], np.int16)
    delta = np.array([[-100], [100]], np.int16)
    chi = np.full((1, 1), 30000)
    found = accumulate_threshold(chi, x, delta, config, **(CONTROL | {"threshold": 65535}))
    assert found.chi.tolist() == [[22767]]  # 40000 saturates at 32767 before 10000 are taken off


def test_lowest_state_saturates_on_entry():
    config = AccumulateThresholdConfig(chi_width=16)
    x = np.zeros((1, 1), np.int16)
    check_fixed(np.full((1, 1), -(2**15)), x, x, config, shift=0, threshold=7, transfer=False)


@pytest.mark.parametrize("shift", [0, 1, 15, 16, 17, 40, 62, 63])
def test_products_from_small_to_out_of_range(shift):
    config = AccumulateThresholdConfig(chi_width=16, code_width=12)
    x = np.full((1, 1), 30, np.int16)
    delta = np.array([[-2000, -1092, -1, 0, 1, 1092, 2000]], np.int16)
    for start in (-32767, -5, 0, 5, 32767):
        chi = np.full((1, 7), start)
        check_fixed(chi, x, delta, config, shift=shift, threshold=3, transfer=False)
        check_fixed(chi, x // 30, delta, config, shift=shift, threshold=3, transfer=True)


def test_long_batches_are_exact_beyond_float32():
    config = AccumulateThresholdConfig(chi_width=48, code_width=12, chunk=4096, acc_width=40)
    rng = np.random.default_rng(3)
    x, delta = (rng.choice([2047, 2046], (5000, n)).astype(np.int16) for n in (2, 3))
    chi = rng.integers(-5, 6, (2, 3))
    check_fixed(chi, x, delta, config, shift=3, threshold=2**40, transfer=True)


def test_input_state_is_not_modified():
    config = AccumulateThresholdConfig()
    chi = np.arange(12).reshape(3, 4)
    x, delta = np.ones((2, 3), np.int16), np.ones((2, 4), np.int16)
    accumulate_threshold(chi, x, delta, config, **CONTROL)
    assert np.array_equal(chi, np.arange(12).reshape(3, 4))


@pytest.mark.parametrize(("width", "kind"), [(1, np.int8), (7, np.int8), (8, np.int16)])
def test_counts_fit_their_type(width, kind):
    config = AccumulateThresholdConfig(count_width=width)
    x = np.zeros((1, 1), np.int16)
    found = accumulate_threshold(np.full((1, 1), -(10**6)), x, x, config, **CONTROL)
    assert found.counts.dtype == kind
    assert found.counts.tolist() == [[-(2**width - 1)]]


# BF16: patterns are decoded to exact fractions, and rounded by search among neighbours.


def decode(pattern):
    exponent, mantissa = pattern >> 7 & 255, pattern & 127
    magnitude = Fraction(mantissa + 128 * (exponent > 0)) * Fraction(2) ** (max(exponent, 1) - 134)
    return -magnitude if pattern >> 15 else magnitude


def encode(value):
    """Round to nearest even; +0 for 0, infinity from half a step above the largest number."""
    low, high = 0, 0x7F80  # patterns order as magnitudes do; decode(0x7F80) is 2**128
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if decode(middle) <= abs(value) else (low, middle)
    rest = abs(value) - decode(low)
    half = (decode(high) - decode(low)) / 2
    pattern = high if rest > half or (rest == half and low & 1) else low
    return pattern | 0x8000 if value < 0 else pattern


def slow_bf16(chi, x, delta, config, *, scale, threshold, transfer):
    """One weight with finite operands; None when a step leaves the finite numbers or gives -0."""
    vectors = list(zip(x, delta, strict=True))
    for start in range(0, len(vectors), config.chunk):
        acc = encode(Fraction(sum(a * b for a, b in vectors[start : start + config.chunk])))
        product = encode(decode(acc) * decode(scale))
        total = decode(chi) - decode(product)
        chi = encode(total)
        if product & 0x7FFF >= 0x7F80 or chi & 0x7FFF >= 0x7F80 or chi == 0x8000:
            return None
        if total == 0:
            return None  # the sign of zero is the adder's business
    return settle_bf16(chi, config, threshold, transfer)


def settle_bf16(chi, config, threshold, transfer):
    value, step = decode(chi), decode(threshold)
    count = min(abs(value) // step, config.count_limit) if transfer else 0
    count = -count if value < 0 else count
    if count == 0:
        return chi, 0
    return (encode(value - count * step) if config.keep_remainder else 0), count


FINITE = st.one_of(st.integers(0, 0x7F7F), st.integers(0x3F00, 0x4300), st.integers(0, 0x200))


@settings(max_examples=400, deadline=None)
@given(
    chi=st.lists(st.tuples(FINITE, st.booleans()), min_size=1, max_size=8),
    threshold=FINITE,
    count_width=st.integers(1, 8),
    keep=st.booleans(),
    near=st.booleans(),
)
def test_bf16_decisions_are_exact(chi, threshold, count_width, keep, near):
    config = AccumulateThresholdConfig(
        variant="bf16", count_width=count_width, keep_remainder=keep, chunk=1
    )
    patterns = [value | sign << 15 for value, sign in chi]
    if near:  # thresholds within a few binades of chi: all counts occur
        threshold = max(1, min(0x7F7F, chi[0][0] - threshold % 0x500))
    threshold = max(threshold, 1)
    state = np.array([patterns], np.uint16)
    x, delta = np.zeros((0, 1), np.int16), np.zeros((0, len(patterns)), np.int16)
    control = CONTROL | {"threshold": threshold}
    found = accumulate_threshold(state, x, delta, config, **control)
    expected = [settle_bf16(p, config, threshold, True) for p in patterns]
    assert list(zip(found.chi[0].tolist(), found.counts[0].tolist(), strict=True)) == expected


@settings(max_examples=60, deadline=None)
@given(
    chi=st.integers(0x3000, 0x4A00),
    scale=st.integers(0x3000, 0x4800),
    negative=st.booleans(),
    codes=st.lists(st.tuples(st.integers(-255, 255), st.integers(-255, 255)), max_size=9),
    threshold=st.integers(0x3800, 0x4A00),
    transfer=st.booleans(),
)
def test_bf16_packets_match_one_rounding_per_step(chi, scale, negative, codes, threshold, transfer):
    config = AccumulateThresholdConfig(variant="bf16", chunk=4)
    chi |= negative << 15
    x, delta = np.array(codes, np.int16).reshape(-1, 2).T[:, :, None]
    control = {"scale": scale, "threshold": threshold, "transfer": transfer}
    expected = slow_bf16(chi, x[:, 0].tolist(), delta[:, 0].tolist(), config, **control)
    state = np.full((1, 1), chi, np.uint16)
    found = accumulate_threshold(state, x, delta, config, shift=0, **control)
    if expected is not None:
        assert (int(found.chi[0, 0]), int(found.counts[0, 0])) == expected


def test_bf16_products_are_exact_beyond_float32():
    config = AccumulateThresholdConfig(variant="bf16", code_width=12)
    codes = np.array([[2047, 2047]] * 4 + [[2047, 40], [37, 1]], np.int16)
    x, delta = codes.T[:, :, None]  # 2**24 + 2**16 + 1, just above halfway between BF16 numbers
    control = CONTROL | {"scale": 0x3F80, "transfer": False}
    found = accumulate_threshold(np.zeros((1, 1), np.uint16), x, delta, config, **control)
    assert found.chi.tolist() == [[0xCB81]]


def test_bf16_remainder_beyond_the_limit_ties_to_even():
    config = AccumulateThresholdConfig(variant="bf16", count_width=1)
    state = np.array([[0x43C1, 0x43C2, 0xC3C1]], np.uint16)  # 386, 388, -386
    x, delta = np.zeros((1, 1), np.int16), np.zeros((1, 3), np.int16)
    found = accumulate_threshold(state, x, delta, config, **(CONTROL | {"threshold": 0x3F80}))
    assert found.chi.tolist() == [[0x43C0, 0x43C2, 0xC3C0]]  # 385 to 384, 387 to 388
    assert found.counts.tolist() == [[1, 1, -1]]


@pytest.mark.parametrize("keep_remainder", [True, False])
def test_bf16_specials_keep_their_state(keep_remainder):
    config = AccumulateThresholdConfig(variant="bf16", keep_remainder=keep_remainder)
    state = np.array([[0x7F80, 0xFF80, 0x7FC0, 0x8000]], np.uint16)
    x, delta = np.zeros((1, 1), np.int16), np.zeros((1, 4), np.int16)
    found = accumulate_threshold(state, x, delta, config, **(CONTROL | {"threshold": 0x3F80}))
    assert found.chi.tolist() == state.tolist()
    assert found.counts.tolist() == [[15, -15, 0, 0]]
