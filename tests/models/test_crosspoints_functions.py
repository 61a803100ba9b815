"""Own exponential and power, and the unit of learning rates."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from models.analog.crosspoint_functions import exp, exp2, log2, power
from models.analog.crosspoint_symmetry import mean_step
from models.compiled import compiled
from models.config.pulsed import PulsedDeviceConfig
from models.config.pulsed_presets import PULSED_DEVICES


@compiled
def every(x, base, exps, exp2s, logs, powers):
    for n in range(len(x)):
        exps[n], exp2s[n] = exp(x[n]), exp2(x[n])
        logs[n], powers[n] = log2(base[n]), power(base[n], x[n] / 16)


def test_accuracy_against_the_machine():
    """20,000 arguments of either sign; numpy's own errors are below 1e-15."""
    x = np.concatenate([np.linspace(-100, 100, 10_001), np.linspace(-1, 1, 10_001)])
    base = np.concatenate([np.geomspace(1e-9, 10, 10_001), np.linspace(0.5, 1.5, 10_001)])
    exps, exp2s, logs, powers = (np.empty_like(x) for _ in range(4))
    every(x, base, exps, exp2s, logs, powers)
    assert exps == pytest.approx(np.exp(x), rel=1e-9)
    assert exp2s == pytest.approx(np.exp2(x), rel=1e-9)
    assert logs == pytest.approx(np.log2(base), abs=2e-9)
    assert powers == pytest.approx(base ** (x / 16), rel=2e-9 * 7)


def test_edges():
    x, base = np.array([0.0, 16.0, -16.0, 1e9, -1e9]), np.array([0.0, 2.0, 0.5, -1.0, 1.0])
    exps, exp2s, logs, powers = (np.empty_like(x) for _ in range(4))
    every(x, base, exps, exp2s, logs, powers)
    assert exps[0] == exp2s[0] == 1
    assert list(exp2s[1:]) == [2**16, 2**-16, 2.0**200, 2.0**-200]
    assert list(powers) == [0, 2, 2, 0, 1]


def test_coefficients_of_the_series():
    """ln(2)**n / n! and 2 / (ln(2) (2 n + 1)), from a series of fractions for ln(2)."""
    from models.analog.crosspoint_functions import LOGARITHMS, POWERS

    ln2 = sum(Fraction(2, 2 * k + 1) / 3 ** (2 * k + 1) for k in range(40))
    for n, found in enumerate(POWERS):
        assert found == pytest.approx(float(ln2**n / math.factorial(n)), rel=1e-15)
    for n, found in enumerate(LOGARITHMS):
        assert found == pytest.approx(float(2 / ln2 / (2 * n + 1)), rel=1e-15)


def test_the_unit_of_learning_rates():
    """By hand: exp(0) is 1; PCM moves up by 0.01 (1 + 27.235); power_step by 0.1 (6/11)**2."""
    for kind in ("constant_step", "linear_step", "soft_bounds", "soft_bounds_reference"):
        assert mean_step(PulsedDeviceConfig(kind=kind, dw_min=0.003, up_down=0.2)) == 0.003
    assert mean_step(PULSED_DEVICES["pcm"]) == pytest.approx(0.28235)
    even = PulsedDeviceConfig(kind="power_step", power=2.0, w_max=0.6, w_min=-0.5, dw_min=0.1)
    assert mean_step(even) == pytest.approx(0.1 * ((6 / 11) ** 2 + (5 / 11) ** 2) / 2)
    zero = replace(
        PulsedDeviceConfig(kind="exp_step"), exp_gain_up=0.5, exp_gain_down=0.25, exp_offset=0.0
    )
    assert mean_step(zero) == pytest.approx(0.001 * (0.5 + 0.75) / 2)
