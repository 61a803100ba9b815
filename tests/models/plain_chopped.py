"""The five algorithms in plain float arithmetic, one pulse after the other: a statistical oracle.

Written from E3.1 to E3.3 of papers.md alone, with nothing of the project's arithmetic: no BF16, no
integer codes, no pulse-train register. numba only makes it quick. Weights are [inputs, outputs].
"""

from typing import NamedTuple

import numpy as np

from models.compiled import compiled

SGD, TTV1, TTV2, CTTV2, AGAD = range(5)
NAMES = ("sgd", "ttv1", "ttv2", "cttv2", "agad")


class Devices(NamedTuple):
    """Soft-bounds devices with a reference (E3.1); arrays [inputs, outputs]."""

    up: np.ndarray
    down: np.ndarray
    b_max: np.ndarray
    b_min: np.ndarray
    reference: np.ndarray
    cycle_spread: float
    additive: bool


def draw_devices(
    rng, shape, dw, *, dtod=0.0, bounds=0.0, up_down=0.0, cycle=0.0, w_max=1.0, w_min=-1.0,
    offset=0.0, mean=0.0, symmetry=True, additive=True,
):  # fmt: skip
    """One population; ``offset`` is sigma_r, ``symmetry`` takes the symmetry point off."""
    gain = 1 + dtod * rng.standard_normal(shape)
    skew = up_down * rng.standard_normal(shape)
    up, down = np.abs(dw * (gain + skew)), np.abs(dw * (gain - skew))
    b_max = np.abs(w_max * (1 + bounds * rng.standard_normal(shape)))
    b_min = -np.abs(w_min * (1 + bounds * rng.standard_normal(shape)))
    reference = mean + offset * rng.standard_normal(shape)
    if symmetry:
        reference = reference + (up - down) / (up / b_max - down / b_min)
    return Devices(up, down, b_max, b_min, reference, cycle, additive)


@compiled
def pulse(hidden, i, j, is_up, devices, rng):
    """One pulse on the hidden weight ``w + reference``."""
    value, xi = hidden[i, j], devices.cycle_spread * rng.standard_normal()
    bound = devices.b_max[i, j] if is_up else devices.b_min[i, j]
    size = devices.up[i, j] if is_up else devices.down[i, j]
    factor = 1 - value / bound + xi if devices.additive else (1 - value / bound) * (1 + xi)
    value = value + size * factor if is_up else value - size * factor
    hidden[i, j] = min(max(value, devices.b_min[i, j]), devices.b_max[i, j])


@compiled
def rank_one(hidden, devices, x, d, rate, dw, desired_bl, signs, rng):
    """Pulsed update of E3.2; gives pulses and slots. ``signs`` multiply the inputs."""
    m_x, m_d = np.abs(x).max(), np.abs(d).max()
    k = rate * m_x * m_d / dw
    if not k > 0:
        return 0, 0
    slots = min(int(np.ceil(k)), desired_bl)
    root = np.sqrt(rate / (dw * slots))
    m_d_used = m_d * desired_bl / k if k > desired_bl else m_d
    p_x = np.abs(x) * root * np.sqrt(m_d_used / m_x)
    p_d = np.abs(d) * root * np.sqrt(m_x / m_d_used)
    pulses = 0
    for _ in range(slots):
        rows = rng.random(len(x)) < p_x
        columns = rng.random(len(d)) < p_d
        for i in range(len(x)):
            if rows[i]:
                for j in range(len(d)):
                    if columns[j]:
                        pulse(hidden, i, j, (x[i] * signs[i] > 0) != (d[j] > 0), devices, rng)
                        pulses += 1
    return pulses, slots


class Plain:
    """One weight matrix.

    Parameters
    ----------
    rng : numpy.random.Generator
        Of every draw.
    fast, slow : Devices
        Arrays A and W.
    dw_fast, dw_slow : float
        Their nominal steps.
    read_noise, read_step, read_bound : float
        Of a read of A; 0 for no noise, no quantisation, no bound.
    """

    def __init__(
        self, algorithm, rng, fast, slow, *, dw_fast, dw_slow, rate=0.1, fast_lr=1.0,
        auto_scale=True, auto_momentum=0.99, desired_bl=5, transfer_every=2, granularity=200.0,
        chop=0.1, random_chop=False, tail=5.0, momentum=0.0, forget=True, read_noise=0.0,
        read_step=0.0, read_bound=0.0,
    ):  # fmt: skip
        self.algorithm, self.rng, self.fast, self.slow = algorithm, rng, fast, slow
        self.dw_fast, self.dw_slow, self.rate, self.fast_lr = dw_fast, dw_slow, rate, fast_lr
        self.auto_scale, self.auto_momentum, self.desired_bl = auto_scale, auto_momentum, desired_bl
        self.transfer_every, self.granularity = transfer_every, granularity
        self.chop, self.random_chop, self.momentum, self.forget = (
            chop,
            random_chop,
            momentum,
            forget,
        )
        self.read_noise, self.read_step, self.read_bound = read_noise, read_step, read_bound
        self.period = max(int(np.ceil(1 / chop)), 2)
        self.beta = min(tail / self.period, 1.0)
        shape = slow.up.shape
        self.w, self.a = slow.reference.copy(), fast.reference.copy()  # hidden weights
        self.h, self.mean, self.past = np.zeros(shape), np.zeros(shape), np.zeros(shape)
        self.signs, self.flipped = np.ones(shape[0]), np.zeros(shape[0], bool)
        self.vectors = self.reads = self.row = self.passes = 0
        self.mean_x = self.mean_d = 0.0
        self.pulses = {"fast": 0, "slow": 0}
        self.asked = np.zeros(shape)  # pulses of transfers, with their signs
        self.slots = 0

    @property
    def weights(self):
        """Weights that are seen."""
        return self.w - self.slow.reference

    @property
    def gradient(self):
        """Array A as it is seen."""
        return self.a - self.fast.reference

    def update(self, x, d):
        """Learn from one vector pair."""
        if self.algorithm == SGD:
            signs = np.ones(len(x))
            self._rank_one("slow", self.w, self.slow, x, d, self.rate, self.dw_slow, signs)
            return
        self._rank_one("fast", self.a, self.fast, x, d, self._fast_rate(x, d), self.dw_fast,
                       self.signs)  # fmt: skip
        self.vectors += 1
        if self.vectors % self.transfer_every == 0:
            self._transfer()

    def _rank_one(self, name, hidden, devices, x, d, rate, dw, signs):
        done = rank_one(hidden, devices, x, d, rate, dw, self.desired_bl, signs, self.rng)
        self.pulses[name] += done[0]
        self.slots += done[1]

    def _fast_rate(self, x, d):
        if not self.auto_scale:
            return self.fast_lr
        m_x, m_d = np.abs(x).max(), np.abs(d).max()
        keep = self.auto_momentum if self.mean_x else 0.0
        self.mean_x = keep * self.mean_x + (1 - keep) * m_x
        self.mean_d = keep * self.mean_d + (1 - keep) * m_d
        return self.fast_lr * self.desired_bl * self.dw_fast / (self.mean_x * self.mean_d)

    def read(self, row):
        """What a read of ``row`` gives."""
        z = self.gradient[row]
        if self.read_noise:
            z = z + self.read_noise * self.rng.standard_normal(len(z))
        if self.read_step:
            z = np.round(z / self.read_step) * self.read_step
        return np.clip(z, -self.read_bound, self.read_bound) if self.read_bound else z

    def _transfer(self):
        k, rows = self.row, len(self.a)
        z = self.read(k)
        self.reads += 1
        if self.algorithm == TTV1:
            one_hot = np.zeros(rows)
            one_hot[k] = 1.0
            ones = np.ones(rows)
            self._rank_one("slow", self.w, self.slow, one_hot, -z, self.rate, self.dw_slow, ones)
        else:
            self._accumulate(k, z)
            self._flip(k)
        self.row = (k + 1) % rows
        self.passes += self.row == 0

    def _accumulate(self, k, z):
        if self.flipped[k]:
            self.past[k], self.flipped[k] = self.mean[k], False
        scale = self.rate * len(self.a) * self.transfer_every / (self.granularity * self.dw_fast)
        past = self.past[k] if self.algorithm == AGAD else 0.0
        self.h[k] += self.signs[k] * scale * (z - past)
        self.mean[k] += self.beta * (z - self.mean[k])
        count = np.clip(np.trunc(self.h[k]), -1, 1)
        kept = self.momentum * self.h[k]
        forgotten = kept if self.forget else self.h[k] - (1 - self.momentum) * count
        self.h[k] = np.where(count != 0, forgotten, self.h[k])
        if self.algorithm == AGAD and self.passes < self.period:
            return
        self.asked[k] += count
        for j in np.flatnonzero(count):
            pulse(self.w, k, j, count[j] > 0, self.slow, self.rng)
            self.pulses["slow"] += 1

    def _flip(self, k):
        if self.algorithm not in (CTTV2, AGAD):
            return
        last = self.passes % self.period == self.period - 1
        if self.rng.random() < self.chop if self.random_chop else last:
            self.signs[k] *= -1
            self.flipped[k] = True
