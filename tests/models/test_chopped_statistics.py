"""`ChoppedArray` against a plain per-pulse reference: same means, variances, stationary states.

Bounds are 5 standard errors (a false alarm in some 10^6 comparisons of a run with other seeds; the
seeds are fixed), and where the golden side rounds to BF16 its rounding is added: two scales and a
rate, each within 2^-9 of itself, and words of 12 bits, of which a chance p takes up 2^-12 / p.
"""

from dataclasses import replace

import numpy as np
import pytest

from models.config.chopped import ChoppedConfig, DigitalConfig, SchemeConfig
from models.config.mvm import MvmConfig
from models.config.network import LayerConfig, NetworkConfig
from models.config.pulsed import PulsedDeviceConfig, PulsedUpdateConfig
from models.digital.bf16 import from_float32, to_float32
from models.digital.chopped import GoldenChoppedUnits
from models.systems.chopped_array import ChoppedArray
from models.systems.counters import Counters
from tests.models.plain_chopped import AGAD, CTTV2, NAMES, SGD, TTV1, TTV2, Plain, draw_devices

ROUNDING = 3 * 2**-9 + 2**-6  # the last: words of 12 bits at chances from 2^-6 on
READ = MvmConfig(
    output_bound=20.0, output_noise=0.1, noise_management="none", bound_management="none"
)


def device(dw=0.05, spread=0.0, skew=0.0, cycle=0.3):
    return PulsedDeviceConfig(
        kind="soft_bounds_reference",
        cycle_noise="additive",
        dw_min=dw,
        w_max=1.0,
        w_min=-1.0,
        dw_min_dtod=spread,
        w_max_dtod=spread,
        w_min_dtod=spread,
        up_down_dtod=skew,
        cycle_spread=cycle,
        subtract_symmetry_point=True,
    )


def golden(algorithm, shape, fast=None, slow=None, seed=1, digital=None, **scheme):
    """Array of one layer."""
    layer = LayerConfig(kind="linear", units=shape[1])
    config = ChoppedConfig(
        network=NetworkConfig(name="one", input_shape=(1, 1, shape[0] - 1), layers=(layer,)),
        scheme=SchemeConfig(algorithm=NAMES[algorithm], **scheme),
        fast=fast or device(),
        slow=slow or device(),
        read=READ,
        update=PulsedUpdateConfig(desired_bl=5),
        digital=digital or DigitalConfig(),
    )
    units, weight = GoldenChoppedUnits(config), np.zeros(shape)
    return ChoppedArray(0, weight, config, units, seed, Counters())


def plain(algorithm, shape, dw=0.05, seed=2, spread=0.0, skew=0.0, cycle=0.3, **settings):
    rng = np.random.default_rng(seed)
    values = {"dtod": spread, "bounds": spread, "up_down": skew, "cycle": cycle}
    arrays = [draw_devices(rng, shape, dw, **values) for _ in "AW"]
    return Plain(algorithm, rng, *arrays, dw_fast=dw, dw_slow=dw, **settings)


def patterns(values):
    return from_float32(np.atleast_2d(np.asarray(values, np.float32)).copy())


def exact(values):
    """Values that BF16 has."""
    return to_float32(patterns(values))[0].astype(np.float64)


def same_mean(ours, theirs, relative=ROUNDING):
    """Means of independent draws agree, column by column."""
    error = np.sqrt(ours.var(0) / len(ours) + theirs.var(0) / len(theirs))
    mean = theirs.mean(0)
    np.testing.assert_array_less(np.abs(ours.mean(0) - mean), 5 * error + relative * np.abs(mean))


def same_variance(ours, theirs, relative=ROUNDING):
    def error(draws):
        centred = draws - draws.mean(0)
        return np.sqrt(((centred**4).mean(0) - draws.var(0) ** 2).clip(0) / len(draws))

    bound = 5 * np.hypot(error(ours), error(theirs)) + relative * theirs.var(0)
    np.testing.assert_array_less(np.abs(ours.var(0) - theirs.var(0)), bound)


X = exact([1.0, -0.4, 0.15, 0.7, 0.3, -0.9, 0.05, 0.5])
D = exact([0.9, -0.25, 0.5, -1.0, 0.1])
STEP = 1e-5  # so small against the bounds that the weights do not matter: draws are independent


@pytest.mark.parametrize("rate", [1.7e-5, 4e-4])  # fewer slots than 5 and cut at 5
@pytest.mark.parametrize("source", ["lfsr", "philox"])
def test_mean_and_variance_of_updates_of_a(rate, source):
    count = 2500  # of 40 devices each: 10^5 draws
    ours = golden(
        TTV2, (8, 5), device(STEP), fast_lr=rate, auto_scale=False, transfer_every=65535,
        digital=DigitalConfig(source=source),
    )  # fmt: skip
    theirs = plain(TTV2, (8, 5), STEP, fast_lr=rate, auto_scale=False, transfer_every=65535)
    x, d = patterns(X), patterns(D)
    seen = np.zeros((2, count + 1, 40))
    for step in range(count):
        ours.update(x, d, step, 0.1)
        theirs.update(X, D)
        seen[:, step + 1] = ours.fast.seen.ravel(), theirs.gradient.ravel()
    ours, theirs = np.diff(seen, axis=1)
    same_mean(ours, theirs)
    same_variance(ours, theirs)
    if rate < 1e-4:  # nothing is cut: the mean is that of the gradient
        error = np.sqrt(ours.var(0) / count)
        want = -rate * np.outer(X, D).ravel()
        assert np.all(np.abs(ours.mean(0) - want) < 5 * error + ROUNDING * np.abs(want))


def test_mean_and_variance_of_updates_of_w_by_sgd():
    count, rate = 2500, 1.7e-5
    ours, theirs = golden(SGD, (8, 5), slow=device(STEP)), plain(SGD, (8, 5), STEP, rate=rate)
    seen = np.zeros((2, count + 1, 40))
    for step in range(count):
        ours.update(patterns(X), patterns(D), step, rate)
        theirs.update(X, D)
        seen[:, step + 1] = ours.slow.seen.ravel(), theirs.weights.ravel()
    same_mean(*np.diff(seen, axis=1))
    same_variance(*np.diff(seen, axis=1))


def every_device(array, is_plain, sign, step):
    """One pulse on every device of A: chances are 1."""
    rows, columns = (array.a if is_plain else array.fast.seen).shape
    if is_plain:
        array.update(np.ones(rows), np.full(columns, float(sign)))
    else:
        array.update(patterns(np.ones(rows)), patterns(np.full(columns, float(sign))), step, 0.1)


def test_response_curves():
    shape, kind = (40, 50), {"spread": 0.2, "skew": 0.1}
    off = {"fast_lr": 0.05, "auto_scale": False, "transfer_every": 65535}
    ours = golden(TTV2, shape, device(**kind), **off)
    theirs = plain(TTV2, shape, **kind, **off)
    for step in range(80):
        sign = -1 if step < 40 else 1
        every_device(ours, False, sign, step)
        every_device(theirs, True, sign, step)
        if step % 10 == 9:
            pair = ours.fast.seen.reshape(-1, 1), theirs.gradient.reshape(-1, 1)
            same_mean(*pair, relative=0)
            same_variance(*pair, relative=0)


def test_stationary_distribution_at_the_symmetry_point():
    shape, kind = (40, 50), {"spread": 0.2, "skew": 0.1}
    off = {"fast_lr": 0.05, "auto_scale": False, "transfer_every": 65535}
    ours, theirs = golden(TTV2, shape, device(**kind), **off), plain(TTV2, shape, **kind, **off)
    signs = np.random.default_rng(3).choice([-1, 1], (2, 160))
    for step in range(160):  # eight times the 20 pulses in which a device forgets
        every_device(ours, False, signs[0, step], step)
        every_device(theirs, True, signs[1, step], step)
    pairs = []  # from here on half of the devices go up, half down, others every time
    for step in range(160, 400):
        d = np.roll(signs[1, :50], step) * 1.0
        x = np.roll(signs[1, 60:100], 7 * step) * 1.0
        ours.update(patterns(x), patterns(d), step, 0.1)
        theirs.update(x, d)
        if step % 40 == 39:
            pairs.append((ours.fast.seen.ravel(), theirs.gradient.ravel()))
    one, two = (np.concatenate([pair[side] for pair in pairs])[:, None] for side in (0, 1))
    same_mean(one, two, relative=0)
    same_variance(one, two, relative=0.05)
    assert abs(one.mean()) < 0.02


@pytest.mark.parametrize("variant", ["fixed", "bf16"])
@pytest.mark.parametrize("forget", [True, False])
def test_transfer_pulses_of_a_constant_array(variant, forget):
    """x = 0 pulses nothing: A stays, is read with noise and transferred."""
    shape, passes = (4, 16), 1000
    common = {"transfer_every": 1, "forget": forget, "momentum": 0.25, "auto_scale": False}
    held = np.linspace(-0.9, 0.9, 64).reshape(shape)
    digital = DigitalConfig(variant=variant)
    ours = golden(TTV2, shape, auto_granularity=40.0, digital=digital, **common)
    theirs = plain(
        TTV2, shape, granularity=40.0, read_noise=0.1, read_step=READ.output_step, **common
    )
    ours.fast.placed(held)
    theirs.a = held + theirs.fast.reference
    zero = np.zeros((4, 4)), np.ones((4, 16))
    pulses = np.zeros((2, passes, 64))
    count_pulses(ours, pulses[0])
    for step in range(passes):
        ours.update(*map(patterns, zero), step, 0.1)
        before = theirs.asked.copy()
        for _ in range(4):
            theirs.update(zero[0][0], zero[1][0])
        pulses[1, step] = (theirs.asked - before).ravel()
    # batches of 10 passes: beyond the memory of H; its threshold is rounded to its LSB
    ours, theirs = (side.reshape(-1, 10, 64).sum(1) for side in pulses)
    same_mean(ours, theirs, relative=0.01)
    towards = np.sign(held).ravel()[:, None]  # all together: some 4 % of a rate that is wrong
    same_mean(ours @ towards, theirs @ towards, relative=0.01)
    assert np.all(np.sign(ours.mean(0)[:20]) == -1)
    assert np.all(np.sign(ours.mean(0)[-20:]) == 1)


def count_pulses(array, into):
    """Record the pulses of every step, by crosspoint."""

    class Watch:
        def conversion(self, seen):
            pass

        def update(self, seen):
            counts = into[seen.step].reshape(array.rows, array.columns)
            np.add.at(counts, seen.order.row, seen.transfer.counts)

    array.watch = Watch()


@pytest.mark.parametrize("variant", ["fixed", "bf16"])
def test_running_mean_of_agad(variant):
    """E of the stationary mean is what is read, its variance beta / (2 - beta) of the noise's."""
    shape = (8, 1000)
    digital = DigitalConfig(variant=variant, fraction_bits=10)
    ours = golden(AGAD, shape, transfer_every=1, digital=digital)
    ours.fast.placed(np.full(shape, 0.3))
    raw = ours.fast.raw().astype(np.float64)
    zero, ones = np.zeros((8 * 20, 8)), np.ones((8 * 20, 1000))
    for step in range(4):
        ours.update(patterns(zero), patterns(ones), step, 0.1)
    lsb = READ.output_step
    mean = ours.memories[1]
    value = mean / 2**10 if variant == "fixed" else to_float32(mean)
    left = (lsb * value - raw).ravel()
    beta, noise = 0.5, READ.output_noise**2 + lsb**2 / 12
    variance = beta / (2 - beta) * noise
    assert abs(left.mean()) < 5 * np.sqrt(variance / 8000) + lsb * 2**-9
    assert abs(left.var() / variance - 1) < 5 * np.sqrt(2 / 8000) + 2**-7


@pytest.mark.parametrize("algorithm", [TTV2, CTTV2, AGAD])
def test_regular_choppers_flip_together(algorithm):
    """Signs, and for AGAD which rows take over their mean, after every update."""
    settings = {"transfer_every": 2, "fast_lr": 1.0}
    ours = golden(algorithm, (5, 3), in_chop_prob=0.3, **settings)
    theirs = plain(algorithm, (5, 3), chop=0.3, **settings)
    rng = np.random.default_rng(4)
    for step in range(200):
        x, d = exact(rng.standard_normal(5)), exact(rng.standard_normal(3))
        ours.update(patterns(x), patterns(d), step, 0.1)
        theirs.update(x, d)
        signs = 1 - 2 * ours.sequencer.row_choppers[:5].astype(int)
        assert signs.tolist() == theirs.signs.astype(int).tolist()
    assert (theirs.signs != 1).any() or algorithm == TTV2


def programmed(array, target, seed, updates, rate=0.1):
    """Error that is left after ``updates`` noisy gradients towards a target."""
    rng, size = np.random.default_rng(seed), len(target)
    errors = []
    for step in range(updates):
        x = exact(rng.uniform(-1, 1, size))
        weights = array.weights if isinstance(array, Plain) else array.weight()
        d = exact((weights - target).T @ x + 0.3 * rng.standard_normal(size))
        if isinstance(array, Plain):
            array.update(x, d)
        else:
            array.update(patterns(x), patterns(d), step, rate)
        if step >= updates // 2 and step % 20 == 0:
            errors.append(np.std(weights - target))
    return np.mean(errors)


@pytest.mark.parametrize("algorithm", [SGD, TTV1, TTV2, CTTV2, AGAD])
def test_all_algorithms_program_a_matrix_as_well_as_the_plain_ones(algorithm):
    """Devices differ between the sides; 64 of them give the error to some 1 / sqrt(2 * 64)."""
    kind = {"dw": 0.1, "spread": 0.2, "skew": 0.1}
    settings = {"transfer_every": 1, "fast_lr": 0.5}
    target = np.clip(0.3 * np.random.default_rng(5).standard_normal((8, 8)), -0.6, 0.6)
    slow = replace(device(**kind), w_max_dtod=0.0, w_min_dtod=0.0)
    ours = golden(algorithm, (8, 8), device(**kind), slow, auto_granularity=100.0, **settings)
    theirs = plain(algorithm, (8, 8), granularity=100.0, read_noise=0.1, **kind, **settings)
    found = programmed(ours, target, 6, 1500), programmed(theirs, target, 7, 1500)
    assert 1 / 1.4 < found[0] / found[1] < 1.4, found
