from fractions import Fraction
from math import ceil, isqrt

import numpy as np
import pytest

from models.config.pulsed import PulsedUpdateConfig
from models.digital.update_management import update_management
from models.formats import BF16

HALF_ULP = 2.0**-8  # largest relative error of one rounding to 8 significant bits
CONFIGS = [
    PulsedUpdateConfig(desired_bl=bl, update_management=balance, update_bl_management=shorten)
    for bl in (1, 31, 61, 127)  # 61 times its reciprocal, rounded twice, is not 1
    for balance, shorten in ((True, True), (False, True), (True, False), (False, False))
]
every_config = pytest.mark.parametrize(
    "config",
    CONFIGS,
    ids=lambda c: f"{c.desired_bl} {c.update_management:d}{c.update_bl_management:d}",
)


def directed(rate, config, count, seed):
    """Pairs whose k is spread around 1 to ``desired_bl``, and every pair of corners."""
    rng = np.random.default_rng([seed, rate, config.desired_bl])
    k = 2.0 ** rng.uniform(-4, 9, count)
    k[: count // 4] = rng.integers(1, config.desired_bl + 2, count // 4)
    k[:4] = config.desired_bl
    x = 2.0 ** rng.uniform(-20, 20, count)
    x[::3] = 2.0 ** rng.integers(-20, 20, len(x[::3]))  # k keeps its bits
    delta = k / x / float(BF16.decode(rate))
    ends = [0, 1, 0x7F, 0x80, 0x37F, 0x380, 0x3F80, 0x7E80, 0x7F7F, 0x7F80, 0x7FC0, 0xBF80]
    corners = np.array([(a, b) for a in ends for b in ends]).T
    found = [np.array([BF16.encode(float(v)) for v in side]) for side in (x, delta)]
    return tuple(
        np.concatenate(both).astype(np.uint16) for both in zip(found, corners, strict=True)
    )


def rounded(value):
    return BF16.decode(BF16.encode(value))


def root(value):
    """Root by integers with a bit for what is cut."""
    square = int(value * 4**200)
    return rounded(Fraction(2 * isqrt(square) + (isqrt(square) ** 2 != square), 2**201))


def exact(x, delta, rate, config):
    """Slots and patterns of the scales, step by step in fractions; specials as None."""
    x, delta, rate = (BF16.decode(n & 0x7FFF) for n in (x, delta, rate))
    if not all(isinstance(n, Fraction) for n in (x, delta, rate)):
        return 0, 0, 0
    k = rounded(rate * x)
    k = rounded(k * delta) if isinstance(k, Fraction) else k
    tiny = not isinstance(k, Fraction) or k < Fraction(2) ** -126
    if tiny or min(x, delta) < Fraction(2) ** -120:
        return 0, 0, 0
    longest, shorten = config.desired_bl, config.update_bl_management
    slots = min(ceil(k), longest) if shorten else longest
    inverse = rounded(Fraction(1, slots))
    if not (shorten or config.update_management):
        scale = BF16.encode(root(rounded(rate * inverse)))
        return slots, scale, scale
    ratio, x_inverse, delta_inverse = rounded(k * inverse), rounded(1 / x), rounded(1 / delta)
    if k > longest:
        return slots, BF16.encode(x_inverse), BF16.encode(ratio * delta_inverse)
    both = root(ratio)
    return slots, BF16.encode(both * x_inverse), BF16.encode(both * delta_inverse)


@every_config
def test_every_step_matches_exact_fractions(config):
    for rate in (BF16.encode(16.0), BF16.encode(1234.5), 0x0001, 0x7F7F, 0x7FC0):
        x, delta = directed(rate, config, 60, seed=1)
        found = np.stack(update_management(x, delta, rate, config), axis=1)
        pairs = zip(x.tolist(), delta.tolist(), strict=True)
        assert found.tolist() == [list(exact(*pair, rate, config)) for pair in pairs]


@every_config
def test_mean_update_is_the_learning_rate_where_nothing_clips(config):
    """``slots * p_x * p_delta`` is ``rate * x * delta``, to the roundings on the way.

    k has 2 roundings, the ratio 2 more, each root half of these and 1, each scale 2 more: 10 in
    the product of both scales.
    """
    rng, rate = np.random.default_rng(2), 100.0
    x, delta = (2.0 ** rng.uniform(-30, 30, 2000) for _ in range(2))
    delta[:1900] = 2.0 ** rng.uniform(-6, 12, 1900) / x[:1900] / rate
    x, delta = (np.array([BF16.encode(v) for v in side.tolist()], np.uint16) for side in (x, delta))
    managed = update_management(x, delta, BF16.encode(rate), config)
    used = managed.slots > 0
    assert used.all()
    value = [
        np.array([float(BF16.decode(n)) for n in a.tolist()]) for a in (x, delta, *managed[1:])
    ]
    product = managed.slots * value[2] * value[3]
    assert np.abs(product / rate - 1).max() < (1 + HALF_ULP) ** 10 - 1
    largest = value[0] * value[2], value[1] * value[3]
    if config.update_management or config.update_bl_management:
        # both sides have the largest probability, or x has 1 and delta is cut
        k = rate * value[0] * value[1]
        fits = k < config.desired_bl * (1 - HALF_ULP) ** 2
        assert np.abs(largest[0] / largest[1] - 1)[fits].max() < (1 + HALF_ULP) ** 4 - 1
        cut = k > config.desired_bl * (1 + HALF_ULP) ** 2
        assert np.abs(largest[0] - 1)[cut].max() <= HALF_ULP
        assert largest[1][cut].min() > (1 - HALF_ULP) ** 4
        assert largest[0].max() < (1 + HALF_ULP) ** 5


@pytest.mark.parametrize(
    ("x", "delta", "slots"),
    [
        pytest.param(1.0, 31.0, 31, id="k just at the longest train"),
        pytest.param(1.0, 31.25, 31, id="k above it"),
        pytest.param(1.0, 30.125, 31, id="k is rounded up"),
        pytest.param(1.0, 1.0, 1, id="k is 1"),
        pytest.param(2.0, 0.50390625, 2, id="k just above 1"),
        pytest.param(1.0, 2.0**-100, 1, id="k far below 1"),
        pytest.param(0.0, 1.0, 0, id="no input"),
        pytest.param(2.0**-120, 2.0**100, 1, id="the smallest maximum"),
        pytest.param(2.0**-121, 2.0**100, 0, id="below the smallest maximum"),
        pytest.param(2.0**-70, 2.0**-70, 0, id="k underflows"),
        pytest.param(2.0**100, 2.0**100, 0, id="k overflows"),
        pytest.param(1.0, float("nan"), 0, id="NaN"),
    ],
)
def test_slots_by_hand(x, delta, slots):
    x, delta = ([BF16.encode(v)] for v in (x, delta))
    managed = update_management(x, delta, BF16.encode(1.0), PulsedUpdateConfig(desired_bl=31))
    assert managed.slots.tolist() == [slots]
    assert all(scale.any() == (slots > 0) for scale in managed[1:])


def test_scales_by_hand():
    """Rate 4, x 2, delta 0.5: 4 pulses in 4 slots, all lines fire always."""
    pair = [BF16.encode(2.0)], [BF16.encode(0.5)]
    managed = update_management(*pair, BF16.encode(4.0), PulsedUpdateConfig())
    assert [int(a[0]) for a in managed] == [4, BF16.encode(0.5), BF16.encode(2.0)]
    plain = PulsedUpdateConfig(desired_bl=16, update_management=False, update_bl_management=False)
    managed = update_management(*pair, BF16.encode(4.0), plain)
    assert [int(a[0]) for a in managed] == [16, BF16.encode(0.5), BF16.encode(0.5)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"desired_bl": 128}, "desired_bl must be between 1 and 127, not 128"),
        (
            {"pulse_type": "mean_count"},
            "pulse_type must be 'stochastic_compressed', not 'mean_count'",
        ),
        ({"fixed_bl": False, "update_bl_management": False}, "fixed_bl must be True, not False"),
        ({"resolution": 0.5}, "resolution must be 0.0, not 0.5"),
    ],
)
def test_what_the_unit_cannot_do_is_refused(options, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        update_management([0], [0], 0, PulsedUpdateConfig(**options))


def test_bad_arrays_are_refused():
    with pytest.raises(
        ValueError, match=r"^delta_max must be a vector as long as x_max, not \(2,\)"
    ):
        update_management([0], [0, 0], 0, PulsedUpdateConfig())
    with pytest.raises(ValueError, match=r"^rate must be between 0 and 65535, not 65536$"):
        update_management([0], [0], 65536, PulsedUpdateConfig())
