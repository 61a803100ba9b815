import re

import numpy as np
import pytest

from models.analog.macro import AnalogMacro, draw_converters
from models.config.analog import AdcConfig, DeviceConfig
from models.config.macro import MacroConfig
from sim.cosim.storage import load, save


def test_objects_of_ours_come_back_and_do_the_same(tmp_path):
    rng = np.random.default_rng(1)
    config = MacroConfig(rows=8, columns=8, adc_count=4)
    macro = AnalogMacro(config, DeviceConfig(), AdcConfig(), draw_converters(AdcConfig(), 4, rng))
    save(tmp_path / "x.npz", {"macro": macro, "list": [1, None, "two", (3.5, True)]})
    back = load(tmp_path / "x.npz")
    assert back["list"] == [1, None, "two", [3.5, True]]
    assert back["macro"].macro == config
    inputs = (rng.integers(0, 2, (3, 8)), rng.random((8, 8), np.float32))
    noise = rng.standard_normal((3, 8), np.float32)
    held = [
        m.sense(*inputs, transpose=True, adc_range=1, noise=noise) for m in (macro, back["macro"])
    ]
    assert held[0].tobytes() == held[1].tobytes()


def test_a_shared_array_is_stored_once(tmp_path):
    array = np.arange(5)
    save(tmp_path / "x.npz", [array, array, array.copy()])
    with np.load(tmp_path / "x.npz") as file:
        assert len(file.files) == 3
    assert [item.tolist() for item in load(tmp_path / "x.npz")] == 3 * [[0, 1, 2, 3, 4]]


def test_foreign_objects_are_refused(tmp_path):
    message = "^value must be made of plain types and classes of ours, not " + re.escape("1j") + "$"
    with pytest.raises(TypeError, match=message):
        save(tmp_path / "x.npz", 1j)
