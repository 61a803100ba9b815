"""Sampled operations of pulsed training: the twins of the tile give what the run had."""

from dataclasses import replace

import numpy as np
import pytest

from models.config.toml import overridden
from models.digital.chopped import GoldenChoppedUnits
from models.systems.chopped import ChoppedSystem
from models.trainer.data import load
from sim import chopped_verdict
from sim.chopped_pins import ChoppedSampler
from sim.chopped_verdict import replay_chopped
from sim.cosim.chopped_engines import expect_all
from tests.sim.chopped_tiny import tiny

RANDOM = {"chopping": "random", "in_chop_prob": 0.3, "out_chop_prob": 0.3, "forget": False}
RUNS = {
    "sgd": {"scheme": {"algorithm": "sgd"}},
    "ttv1": {"scheme": {"algorithm": "ttv1"}},
    "ttv2": {"scheme": {"algorithm": "ttv2", "transfer_every": 3}},
    "cttv2": {"scheme": {"algorithm": "cttv2"} | RANDOM, "digital": {"variant": "bf16"}},
    "agad": {"forward": {"output_bound": 1.0}},  # bounds are managed
}
KINDS = {"sgd": {"update_slow"}, "ttv1": {"update_fast", "update_slow", "read"}}


@pytest.fixture(scope="module", params=RUNS)
def sampled(request, tmp_path_factory):
    """Name, configuration and samples of the third step of a run."""
    config = overridden(tiny(tmp_path_factory.mktemp("tiny")), RUNS[request.param])
    system, data = ChoppedSystem(config, GoldenChoppedUnits(config), 1), load(None)
    sampler = ChoppedSampler(system, 12)
    for step in range(3):
        sampler.step = step
        for layer in system.layers:
            layer.array.watch = sampler if step == 2 else None
        part = slice(8 * step, 8 * step + 8)
        system.train_step(data.train_images[part], data.train_labels[part], 1.0)
    if request.param == "agad":
        assert system.counters["bound_management_repeats"] > 0
    return request.param, config, sampler.samples


@pytest.fixture
def twins(monkeypatch):
    """The twins in place of the tile; ``change`` may alter their results."""
    changes = []

    def run(ops, config, build_dir, **how):
        results = expect_all(ops, config)
        for number, fields in changes:
            results[number] = replace(results[number], **fields(results[number]))
        return results

    monkeypatch.setattr(chopped_verdict, "run_chopped_tile", run)
    return changes


def test_twins_give_what_the_run_had(sampled, twins, tmp_path):
    name, config, samples = sampled
    pins = replay_chopped(samples, config, tmp_path, seed=1)
    assert (pins["differences"], pins["first_difference"]) == (0, None)
    assert set(pins["by_kind"]) == {"forward", "backward"} | KINDS.get(name, {"update_fast"})
    fields = {"codes", "values", "row_pulses", "column_pulses"}
    if name in ("ttv2", "cttv2", "agad"):
        fields |= {"adc_codes", "program"}
    for field in fields:
        assert pins["by_field"][f"{field}_of_training"]["compared"] > 0, field
    updates = [one for kind, one in pins["by_kind"].items() if kind.startswith("update")]
    assert all(one["coincidences"] > 0 for one in updates)


@pytest.mark.parametrize("field", ["codes", "column_pulses"])
def test_a_difference_is_named(sampled, twins, tmp_path, field):
    _, config, samples = sampled
    number = next(n for n, one in enumerate(samples) if one.trained.get(field, np.empty(0)).size)

    def altered(result):
        values = np.array(getattr(result, field))
        values.reshape(-1)[-1] += 1
        return {field: values}

    twins.append((number, altered))
    pins = replay_chopped(samples, config, tmp_path, seed=1)
    first = pins["first_difference"]
    assert pins["differences"] == 2  # from the twins and from the run
    assert (first["unit"], first["field"]) == (f"tile.{samples[number].unit}", field)
    assert (first["step"], first["layer"]) == (2, samples[number].layer)
    assert first["rtl"] == first["golden"] + 1


def test_nothing_sampled_is_nothing_replayed(sampled, tmp_path):
    pins = replay_chopped([], sampled[1], tmp_path, seed=1)
    assert (pins["operations"], pins["differences"]) == (0, 0)
