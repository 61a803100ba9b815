"""Measurement of speed: that it compares equals, and the form of what it says; never how fast."""

import json
import re
import subprocess
import sys
import time
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from models.config.toml import ConfigError
from models.digital.golden import GoldenUnits
from sim import cli
from sim.bench import bare, kernels, run, samples, trainers, turns
from sim.bench.cases import CASES
from sim.bench.cosim import pin_level
from sim.bench.plot import bars
from sim.bench.rates import alternate, cpu_meter, ratio, typical
from sim.bench.settings import Settings, Unequal
from sim.bench.table import markdown, number, plain, tables
from sim.bench.verdicts import below, floors
from sim.bench.worker import peak_mib
from sim.kernel import Kernel

RNG_SEED = 3
FIGURES = {
    "float_mul_verilator_beats_per_s": 2.0e7,
    "float_mul_cxxrtl_beats_per_s": None,
    "float_mul_bitsliced_beats_per_s": 3.8e8,
    "float_mul_verilator_per_bare": 0.8,
    "float_mul_verilator_per_cocotb": 99.9,
    "float_mul_bitsliced_per_verilator": 19.0,
    "max_pool_bitsliced_per_verilator": 2.0,
    "training_fp32_samples_per_s": 4000.0,
    "training_fp32_samples_per_wall_s": 3900.0,
    "training_fp32_peak_mib": 61.25,
    "training_torch_fp32_samples_per_s": None,
    "training_multilevel_512x512_per_fp32": 0.1,
    "analog_mvm_per_s": None,
}


def stimulus(name, count=100):
    return CASES[name].stimulus(np.random.default_rng(RNG_SEED), count)


def test_meters_take_turns_and_the_clock_is_cpu_time():
    order = []
    meters = {"a": lambda: order.append("a") or 1.0, "b": lambda: order.append("b") or 2.0}
    rates = alternate(meters, 3)
    assert order == ["a", "b"] * 3
    assert rates["b"].tolist() == [2.0] * 3
    slept = cpu_meter(lambda: time.sleep(0.2), 1000, least_s=0)()
    assert slept > 1000 / 0.2


def test_a_turn_repeats_short_calls():
    calls = []
    rate = cpu_meter(lambda: calls.append(sum(range(10_000))), 10, least_s=0.02)()
    assert len(calls) > 1
    assert 0 < rate <= 10 * len(calls) / 0.02


def test_one_disturbed_round_moves_neither_rate_nor_ratio():
    a, b = np.array([10.0, 1.0, 10.0]), np.array([5.0, 0.5, 2.0])
    assert typical(a) == 10.0
    assert ratio(a, b) == 2.0  # the slow round hit both


@pytest.mark.cosim
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("count", [1, 2100])
def test_every_unit_gets_beats_on_which_kernel_and_twin_agree(name, count):
    beats, case = stimulus(name, count), CASES[name]
    results = Kernel(case.component(), name, lanes=case.lanes)(beats.static, **beats.fields)
    expected = dict(beats.outputs(beats.twin()))
    kernels.check(name, results, expected)
    assert set(expected) <= set(results)
    field = next(iter(expected))
    expected[field] = np.array(expected[field])
    expected[field].flat[-1] ^= 1
    with pytest.raises(Unequal, match=f"^{name} and the golden twin disagree in {field}$"):
        kernels.check(name, results, expected)


def test_nothing_in_common_is_not_equal():
    with pytest.raises(Unequal, match=r"^x and the golden twin disagree in all fields$"):
        kernels.check("x", {"a": np.zeros(3)}, {"b": np.zeros(3)})


@pytest.mark.cosim
@pytest.mark.parametrize("name", bare.UNITS)
@pytest.mark.parametrize("count", [1, 777])
def test_loop_by_hand_gives_what_the_kernel_gives(name, count):
    beats, case = stimulus(name, count), CASES[name]
    call = bare.bare(case.component(), name, beats.static, beats.fields, beats.beats)
    results, expected = call(), Kernel(case.component(), name)(beats.static, **beats.fields)
    assert set(results) == set(expected)
    assert all(np.array_equal(results[key], expected[key]) for key in expected)
    assert all(results[key].dtype == expected[key].dtype for key in expected)


@pytest.mark.cosim
def test_cocotb_gets_the_same_beats(tmp_path):
    beats, case = stimulus("post_process", 50), CASES["post_process"]
    rate, results = pin_level(case.component(), beats, tmp_path)()
    kernels.check("cocotb", results, beats.outputs(beats.twin()))
    assert rate > 0
    assert len(results["code"]) == 50


@pytest.mark.cosim
def test_figures_of_a_unit_and_a_back_end_that_refuses_it(tmp_path, monkeypatch, capsys):
    def without_others(*args, backend, **keywords):
        kernel = Kernel(*args, backend="verilator", **keywords)
        if backend != "verilator":
            raise ValueError("float_mul must be simple\nin every way")
        return kernel

    monkeypatch.setattr(kernels, "Kernel", without_others)
    how = Settings(folder=tmp_path, rounds=2, divisor=1000, with_cocotb=False)
    figures = kernels.measure_unit("float_mul", CASES["float_mul"], how)
    assert figures.pop("float_mul_cxxrtl_beats_per_s") is None
    assert figures.pop("float_mul_bitsliced_beats_per_s") is None
    rates = {f"float_mul_{means}_beats_per_s" for means in ("verilator", "bare", "twin")}
    assert set(figures) == rates | {"float_mul_verilator_per_bare", "float_mul_verilator_per_twin"}
    assert all(value > 0 for value in figures.values())
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "bench: float_mul: no bitsliced kernel: float_mul must be simple"


@pytest.mark.cosim
def test_a_wrong_twin_stops_the_measurement(tmp_path):
    case = CASES["float_mul"]

    def planted(rng, count):
        beats = case.stimulus(rng, count)
        return replace(beats, outputs=lambda result: {"payload": result + np.uint16(1)})

    how = Settings(folder=tmp_path, rounds=1, divisor=1000, with_cocotb=False)
    with pytest.raises(Unequal, match=r"^float_mul: \w+ and the golden twin disagree in payload$"):
        kernels.measure_unit("float_mul", replace(case, stimulus=planted), how)


def test_floors_name_what_is_slow():
    verdicts = floors(FIGURES)
    assert [(one["figure"], one["met"]) for one in verdicts] == [
        ("float_mul_verilator_per_bare", True),  # exactly at the floor
        ("float_mul_verilator_per_cocotb", False),
        ("float_mul_bitsliced_per_verilator", False),
        ("training_fp32_samples_per_s", True),
    ]
    assert below(verdicts) == [
        "float_mul_verilator_per_cocotb is 99.9, below its floor of 100",
        "float_mul_bitsliced_per_verilator is 19, below its floor of 20",
    ]
    assert floors({}) == []


def test_tables_show_a_dash_for_what_was_not_measured():
    shown = dict(tables(FIGURES))
    assert [row[0] for row in shown["Beats per second of CPU time"]] == ["unit", "float_mul"]
    cells = shown["Beats per second of CPU time"][1]
    assert cells == ("float_mul", "20 M", "-", "380 M", "-", "-", "-", "0.8", "99.9", "19", "-")
    assert shown["Training, batches of 8, one core"][1:] == [
        ("fp32", "4,000", "3,900", "61.2"),
        ("torch_fp32", "-", "-", "-"),
    ]
    elsewhere = shown["Measured elsewhere, on a machine of the same class"]
    assert ("PyTorch FP32, samples/s", "4,983", "4,000") in elsewhere
    assert ("aihwkit 512x512 batch 64, MVM/s", "53 k", "-") in elsewhere
    lines = plain(FIGURES).splitlines()
    assert lines[1:3] == ["Beats per second of CPU time", lines[2]]
    assert len(lines[2]) == len(lines[3])
    assert tables({}) == []


@pytest.mark.parametrize(
    ("value", "text"),
    [
        *[(None, "-"), (0, "0"), (0.0123, "0.0123"), (999.4, "999"), (1234.5, "1,234")],
        *[(9999.0, "9,999"), (10_000, "10 k"), (999_000, "999 k"), (1.5e6, "1.5 M")],
        (2.34e9, "2.34 G"),
    ],
)
def test_numbers_have_three_digits(value, text):
    assert number(value) == text


def test_markdown_has_a_column_for_every_cell():
    lines = markdown(FIGURES, ["note"]).splitlines()
    assert lines[0] == "# Speed"
    assert lines[-1] == "- note"
    table = [line for line in lines if line.startswith("|")]
    assert {line.count("|") for line in table[:3]} == {12}


@pytest.mark.parametrize("figures", [{}, FIGURES, {"float_mul_verilator_beats_per_s": 5.0}])
def test_bars_are_a_picture(figures):
    assert bars(figures).startswith(b"\x89PNG")


@pytest.fixture
def planted_parts(monkeypatch):
    """Parts that give figures at once."""
    monkeypatch.setattr(run, "PARTS", {"kernels": lambda how: dict(FIGURES), "analog": dict})
    monkeypatch.setattr(run, "MNIST", run.MNIST / "absent")


def test_command_writes_all_and_a_slow_machine_is_no_failure(planted_parts, tmp_path, capsys):
    out = tmp_path / "new" / "speed.json"
    assert cli.main(["bench", "kernels", "--quick", "--only", "kernels", "--out", str(out)]) == 0
    results = json.loads(out.read_text())
    verdicts = results.pop("floors")
    assert [one["met"] for one in verdicts] == [True, False, False, True]
    assert all(re.fullmatch("[a-z][a-z0-9_]*", name) for name in results)
    assert not any(isinstance(value, dict | list) for value in results.values())
    assert FIGURES.items() <= results.items()
    assert results["machine_cores"] >= 1
    assert results["version_numpy"] == np.__version__
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", results["date"])
    assert out.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    text = capsys.readouterr().out
    line = "float_mul_verilator_per_cocotb is 99.9, below its floor of 100"
    assert line in text
    assert f"- {line}" in out.with_suffix(".md").read_text().splitlines()
    for kind in ("json", "md", "png"):
        assert f"  {out.with_suffix('.' + kind)}" in text.splitlines()


def test_different_results_are_one_line_and_no_figures(planted_parts, tmp_path, capsys):
    def unequal(how):
        raise Unequal("this and that differ")

    run.PARTS["kernels"] = unequal
    out = tmp_path / "bench.json"
    assert cli.main(["bench", "kernels", "--out", str(out)]) == 1
    assert capsys.readouterr().err == "bench: this and that differ\n"
    assert not out.exists()


def test_unknown_part_is_one_line(tmp_path, capsys):
    out = tmp_path / "no" / "bench.json"
    code = cli.main(["bench", "kernels", "--only", "training", "--only", "speed", "-o", str(out)])
    assert code == 2
    assert capsys.readouterr().err == (
        "imctwin: error: --only must be one of kernels, training, pulsed, analog, not 'speed'\n"
    )
    assert not out.parent.exists()


def test_parts_keep_their_order():
    assert run.chosen([]) == ["kernels", "training", "pulsed", "analog"]
    assert run.chosen(["analog", "kernels", "analog"]) == ["kernels", "analog"]


def test_quick_settings_are_smaller(tmp_path):
    whole, quick = (run.settings(tmp_path, data=tmp_path, quick=one) for one in (False, True))
    assert whole.with_cocotb
    assert not quick.with_cocotb
    assert whole.rounds >= 5
    assert quick.rounds < whole.rounds
    assert quick.turn_s < whole.turn_s


def test_enlarged_digits_have_the_shape_of_mnist(tmp_path):
    with np.load(samples.write_samples(tmp_path, None)) as file:
        images, labels = file["images"], file["labels"]
    assert images.shape == (1437, 1, 28, 28)
    assert len(labels) == 1437
    digit = samples.load(None).train_images[5, 0]
    assert np.array_equal(images[5, 0, 3:27:3, 3:27:3], digit)
    assert not images[:, :, :2].any()
    assert not images[:, :, :, 26:].any()


def test_images_of_another_shape_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(samples, "load", lambda path, load=samples.load: load(None))
    message = r"^--data must hold images of shape \(1, 28, 28\), not \(1, 8, 8\)$"
    with pytest.raises(ConfigError, match=message):
        samples.write_samples(tmp_path, tmp_path)


def test_workers_take_turns_and_say_what_they_did(tmp_path):
    path = samples.write_samples(tmp_path, None)
    how = Settings(folder=tmp_path, rounds=2, turn_s=0.01)
    rates, workers = turns.by_turns({"ours": "trainers:fp32"}, path, how)
    worker = workers["ours"]
    assert rates["ours"].shape == (2,)
    assert (rates["ours"] > 0).all()
    assert worker.amount % trainers.BATCH == 0
    assert worker.amount >= 2 * trainers.BATCH
    assert 0.02 <= worker.cpu_s <= worker.wall_s + 0.1
    assert worker.peak_mib > 20


@pytest.mark.parametrize("kind", ["os:system", "trainers:nothing"])
def test_a_worker_that_ends_early_says_why(kind, tmp_path):
    with pytest.raises(turns.WorkerError, match=rf"^{kind} ended early: \w+Error: "):
        turns.by_turns({"wrong": kind}, tmp_path, Settings(folder=tmp_path))


def test_different_results_in_a_worker_are_reported_as_such(tmp_path):
    log = tmp_path / "log"
    log.write_text("Traceback\nsim.bench.settings.Unequal: this: and that differ\n")
    process = subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE, text=True)
    with process, pytest.raises(Unequal, match=r"^this: and that differ$"):
        turns.Worker(process, "kind", log).answer()


def test_peak_of_memory_follows_what_was_used():
    used = np.ones(200 * 2**17)  # 200 MiB
    assert used.nbytes / 2**20 <= peak_mib() < 20_000


class Wrong(GoldenUnits):
    """Golden units whose products are one too large."""

    def post_process(self, *args, **keywords):
        result = super().post_process(*args, **keywords)
        return SimpleNamespace(**result._asdict() | {"code": result.code ^ 1})


@pytest.mark.parametrize("units", [GoldenUnits, Wrong])
def test_training_on_rtl_is_held_against_golden_models(units, tmp_path, monkeypatch):
    monkeypatch.setattr(trainers, "RtlUnits", lambda tile, state: units(tile))
    path = samples.write_samples(tmp_path, None)
    if units is GoldenUnits:
        assert trainers.STEPS["rtl_multilevel_512x512"](path)(3) == trainers.BATCH
    else:
        with pytest.raises(Unequal, match=r"^training on RTL and on golden models differ in "):
            trainers.STEPS["rtl_multilevel_512x512"](path)
