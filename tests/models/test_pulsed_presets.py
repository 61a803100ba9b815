from dataclasses import replace

import numpy as np
import pytest

from models.analog.crosspoint_update import pulse_update
from models.analog.crosspoints import draw_crosspoints
from models.config.pulsed import PulsedUpdateConfig
from models.config.pulsed_presets import PULSED_DEVICES
from models.randomness import generator

NAMES = (
    *("reram_es", "reram_sb", "reram_array_om", "reram_array_hfo2", "capacitor", "ecram"),
    *("ecram_mo", "idealized", "gokmen_vlasov", "pcm", "softbounds_20"),
)


def test_names_and_sources():
    assert set(PULSED_DEVICES) == set(NAMES)
    for device in PULSED_DEVICES.values():
        assert "confirmed" in device.source or "our own choice" in device.source


def test_numbers_by_hand():
    """algorithms.md 2.2 and papers.md B3.2, B3.4, E3.3."""
    presets = PULSED_DEVICES
    es, om, pcm = presets["reram_es"], presets["reram_array_om"], presets["pcm"]
    assert (es.dw_min, es.up_down, es.cycle_spread, es.write_noise) == (0.00135, 0.259359, 5, 75)
    assert (es.exp_gain_up, es.exp_gain_down, es.exp_slope) == (-1.18445, -0.081404, -0.5)
    sb = presets["reram_sb"]
    assert (sb.dw_min, sb.w_max, sb.w_min, sb.cycle_spread, sb.write_noise) == (
        *(0.002, 1.25, -0.75, 3.75, 56.0),
    )
    assert (om.dw_min, om.dw_min_dtod, om.dw_min_log_normal) == (0.0949, 0.7829, True)
    assert (presets["reram_array_hfo2"].dw_min, presets["reram_array_hfo2"].dw_min_dtod) == (
        *(0.4622, 0.7125),
    )
    assert (presets["capacitor"].lifetime, presets["capacitor"].gamma_up) == (1e6, 0.05)
    assert (presets["ecram"].gamma_up, presets["ecram"].gamma_down) == (0.1153, 0.5085)
    assert (presets["ecram_mo"].dw_min, presets["ecram_mo"].cycle_spread) == (2.8214e-4, 2.0)
    assert (presets["idealized"].dw_min, presets["idealized"].up_down_dtod) == (0.0002, 0)
    assert (presets["gokmen_vlasov"].dw_min, presets["gokmen_vlasov"].up_down_dtod) == (
        0.0016,
        0.01,
    )
    assert (pcm.exp_gain_up, pcm.w_max, pcm.w_min, pcm.refresh_every) == (-27.235, 2.0, 0.0, 1)
    assert 2 / presets["softbounds_20"].dw_min == pytest.approx(20)


@pytest.mark.parametrize("name", NAMES)
def test_every_device_learns_the_sign(name):
    """200 updates by one step each in mean, 400 devices: up where asked for, then down."""
    config = replace(PULSED_DEVICES[name], write_noise=0.0)
    points, rng = draw_crosspoints(config, (20, 20), generator(1, name)), generator(2, name)
    x, delta, lr = np.ones((200, 20)), -np.ones((200, 20)), config.dw_min
    start = points.seen.mean()
    pulse_update(points, x, delta, lr, PulsedUpdateConfig(), rng)
    high = points.seen.mean()
    pulse_update(points, x, -delta, 2 * lr, PulsedUpdateConfig(), rng)
    low = points.seen.mean()
    assert high > start + 0.02
    assert low < high - 0.02
