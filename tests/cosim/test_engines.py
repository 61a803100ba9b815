"""Whole-tile operations by the compiled tile, where the cross-check and `cosim` use them."""

import dataclasses
import itertools

import numpy as np
import pytest

from models.analog.device import on_grid
from models.analog.macro import AnalogMacro, draw_converters
from models.config.presets import memristor
from sim.cosim.expected import expect_all
from sim.cosim.random_ops import conversion, run_random, update
from sim.pins import Sample
from sim.pins_verdict import replay_samples
from tests.cosim.test_tile import CONFIGS

pytestmark = pytest.mark.cosim


def system():
    """A system around the tile of cocotb's tests, as far as its tile goes."""
    return dataclasses.replace(memristor(), macro=CONFIGS["bit serial, fixed, push-pull"].macro)


def test_samples_of_a_run_through_the_kernel(tmp_path):
    config = system()
    rng, pins = np.random.default_rng(3), config.macro
    conductance = on_grid(rng.random((pins.rows, pins.columns)))
    converters = draw_converters(config.adc, pins.adc_count, rng)
    kinds = itertools.cycle(["forward", "backward"])
    ops = [
        conversion(rng, config.tile, kind, conductance, converters=converters, stochastic=False)
        for kind in itertools.islice(kinds, 8)
    ]
    ops.append(update(rng, config.tile))
    physics = AnalogMacro(config.macro, config.device, config.adc, converters)
    field = {"forward": "sums", "backward": "sums", "update": "chi"}
    samples = [
        Sample(op, op.kind, 0, n, {field[op.kind]: getattr(want, field[op.kind])})
        for n, (op, want) in enumerate(zip(ops, expect_all(ops, config.tile, physics), strict=True))
    ]
    pins = replay_samples(samples, config, tmp_path, seed=1, engine="kernel")
    assert (pins["differences"], pins["protocol_errors"]) == (0, [])
    assert pins["by_field"]["sums_of_training"]["compared"] > 8
    samples[2].trained["sums"] = samples[2].trained["sums"] + 1
    pins = replay_samples(samples, config, tmp_path, seed=1, engine="kernel")
    assert pins["first_difference"]["layer"] == 2
    with pytest.raises(
        ValueError, match=r"^engine must be one of cocotb, kernel, not 'verilator'$"
    ):
        replay_samples(samples, config, tmp_path, seed=1, engine="verilator")


def test_random_operations_through_the_kernel(tmp_path):
    config = system()
    summary = run_random(config, tmp_path, 20, seed=1, waves=False, engine="kernel")
    assert (summary["operations"], summary["differences"]) == (20, 0)
    assert summary["compared"] > 500
    with pytest.raises(ValueError, match=r"^engine must be cocotb for waves, not 'kernel'$"):
        run_random(config, tmp_path, 1, seed=1, waves=True, engine="kernel")
