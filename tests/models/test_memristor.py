from dataclasses import replace

import numpy as np
import pytest

from models.config.analog import AdcConfig, DeviceConfig
from models.config.macro import MacroConfig
from models.config.memristor import MappingConfig, MemristorConfig, UpdateConfig
from models.config.presets import NETWORKS
from models.digital.golden import GoldenUnits
from models.systems.memristor import MemristorSystem
from models.trainer import data
from tests.models.small_network import MACRO, NETWORK, TINY

DIGITS = data.load(None)
RATE = 0.1


def make(seed=1, **parts):
    config = MemristorConfig(**{"network": NETWORK, "macro": MACRO} | parts)
    return MemristorSystem(config, GoldenUnits(config.tile), seed)


def batch(number, size=16):
    part = slice(number * size, (number + 1) * size)
    return DIGITS.train_images[part], DIGITS.train_labels[part]


def train(system, first, last, size=16):
    return [system.train_step(*batch(n, size), RATE) for n in range(first, last)]


def same(first, second):
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert value.dtype == second[name].dtype, name
        assert np.array_equal(value, second[name]), name


@pytest.fixture(scope="module")
def trained():
    """A system after 12 steps, what the steps gave, and its state after 5."""
    system = make()
    results = train(system, 0, 5)
    middle = system.state()
    return system, results + train(system, 5, 12), middle


def test_training_reduces_the_loss():
    """Four other seeds reach 0.56 to 0.63 of the first loss, and 64 to 76 right of 100."""
    system = make(network=NETWORKS["digits_cnn"], macro=MacroConfig())
    losses = [system.train_step(*batch(n, 32), 0.2)[0] for n in range(40)]
    assert np.mean(losses[:4]) == pytest.approx(np.log(10), abs=0.4)
    assert np.mean(losses[-10:]) < 0.75 * np.mean(losses[:4])
    images, labels = DIGITS.test_images[:100], DIGITS.test_labels[:100]
    assert np.mean(system.evaluate(images).argmax(axis=1) == labels) > 0.5


def test_a_step_gives_loss_and_right_answers_and_moves_the_biases():
    """Without noise and with ranges at rest, all follow from an evaluation before it."""
    quiet = {"device": DeviceConfig(read_noise=0.0), "adc": AdcConfig(noise_lsb=0.0)}
    system = make(**quiet)
    train(system, 0, 3)
    images, labels = batch(3)
    logits, bias = system.evaluate(images).astype(float), system.state()["5.bias"]
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    loss, right = system.train_step(images, labels, RATE)
    assert loss == pytest.approx(-logs[np.arange(16), labels].mean(), rel=1e-5)
    assert right == np.count_nonzero(logits.argmax(axis=1) == labels)
    errors = RATE * (np.exp(logs) - np.eye(10)[labels]) / 16
    moved = (system.state()["5.bias"] - bias) * 2.0**-32
    # 16 errors of 8 bits: each is stochastically rounded by less than 2**-7 of the largest
    room = 16 * np.abs(errors).max() * 2**-7
    assert moved == pytest.approx(-errors.sum(axis=0), abs=room)
    assert np.abs(moved).max() > 4 * room


def test_a_run_resumes_bit_by_bit_from_its_middle(trained):
    system, results, middle = trained
    resumed = make()
    resumed.load_state(middle)
    assert train(resumed, 5, 12) == results[5:]
    same(resumed.state(), system.state())
    assert resumed.counters == system.counters
    assert min(n for name, n in system.counters.items() if name != "adc_saturations") > 0
    images, _ = batch(20)
    assert np.array_equal(resumed.evaluate(images), system.evaluate(images))


def test_a_state_is_a_copy(trained):
    system = make()
    system.load_state(trained[2])
    kept = system.state()
    train(system, 5, 6)
    same(kept, trained[2])
    assert not np.array_equal(system.state()["5.chi"], kept["5.chi"])


def test_states_that_do_not_fit(trained):
    state = trained[2]
    for name, message in (
        ("scalars", "^state must have 'scalars'$"),
        ("3.chi", "^state must have 'chi'$"),
        ("0.bias", "^state must have 'bias'$"),
    ):
        missing = {key: value for key, value in state.items() if key != name}
        with pytest.raises(ValueError, match=message):
            make().load_state(missing)
    with pytest.raises(ValueError, match=r"^bias must be of shape \(5,\)$"):
        make().load_state(state | {"0.bias": np.zeros(3, np.int64)})
    with pytest.raises(ValueError, match=r"^chi must be int64\(9, 5\)$"):
        make().load_state(state | {"0.chi": np.zeros((9, 5), np.uint16)})
    with pytest.raises(ValueError, match=r"^conductance must be float32\(9, 10\)$"):
        make().load_state(state | {"0.conductance": np.zeros((9, 9), np.float32)})


def test_runs_of_other_seeds_differ(trained):
    other = make(seed=2)
    assert train(other, 0, 5) != trained[1][:5]


def test_evaluation_changes_nothing(trained):
    _, results, middle = trained
    system = make()
    system.load_state(middle)
    images, _ = batch(20)
    logits = system.evaluate(images)
    assert logits.dtype == np.float32
    assert logits.shape == (16, 10)
    same(system.state(), middle)
    system.evaluate(batch(21, 50)[0])
    assert np.array_equal(system.evaluate(images), logits)
    assert train(system, 5, 12) == results[5:]


class Noise:
    """Keeps the first noise that it sees."""

    def __init__(self):
        self.first = None

    def conversion(self, seen):
        self.first = seen.noise if self.first is None else self.first


def test_the_noise_of_an_evaluation_has_the_key_of_its_content():
    images, found = batch(20)[0], []
    for shown in (images, images.copy(), images[::-1]):
        system = make()
        system.stages[0].crossbar.watch = watch = Noise()
        system.evaluate(shown)
        found.append(watch.first)
    assert np.array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_without_noise_logits_do_not_depend_on_the_batch(trained):
    system = make(adc=replace(AdcConfig(), noise_lsb=0.0), device=DeviceConfig(read_noise=0.0))
    system.load_state(trained[2])
    images, _ = batch(20)
    split = [system.evaluate(part) for part in (images[:1], images[1:9], images[9:])]
    assert np.array_equal(np.concatenate(split), system.evaluate(images))


OPTIONS = {
    "bf16": {"update": UpdateConfig(variant="bf16")},
    "bf16 restart": {"update": UpdateConfig(variant="bf16", keep_remainder=False)},
    "plus only": {"update": UpdateConfig(scheme="plus_only")},
    "restart": {"update": UpdateConfig(keep_remainder=False, threshold=0.5)},
    "narrow": {"update": UpdateConfig(chi_width=32, chunk=3)},
    "nearest": {"mapping": MappingConfig(stochastic_error=False)},
    "uncalibrated": {"mapping": MappingConfig(calibrated=False)},
    "2 bits at once": {"macro": replace(MACRO, slice_bits=2)},
    "4 bits at once": {"macro": replace(MACRO, slice_bits=4, dac_bits=7, adc_bits=10)},
    "tiny macros": {"macro": TINY},
    "one range": {"macro": replace(MACRO, range_count=1)},
    "stuck devices": {"device": DeviceConfig(stuck_fraction=0.2)},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_trains(name):
    system = make(**OPTIONS[name])
    first = system.state()
    results = train(system, 0, 6)
    assert np.isfinite([loss for loss, _ in results]).all()
    last = system.state()
    moved = [np.any(first[f"{n}.conductance"] != last[f"{n}.conductance"]) for n in (0, 3, 5)]
    assert all(moved)
    resumed = make(**OPTIONS[name])
    resumed.load_state(last)
    assert train(resumed, 6, 7) == train(system, 6, 7)
    same(resumed.state(), system.state())
    minus = [
        first[f"{n}.conductance"][:, 1::2] != last[f"{n}.conductance"][:, 1::2] for n in (0, 3, 5)
    ]
    assert any(part.any() for part in minus) == (name != "plus only")
    assert last["5.chi"].dtype == (np.uint16 if name.startswith("bf16") else np.int64)
    assert (last["scalars"][1] == first["scalars"][1]) == (name == "nearest")


def test_ranges_move_on_the_first_batch_and_then_rest(trained):
    _, _, middle = trained
    assert all(middle[f"{n}.ranges"][0] < 0 for n in (0, 3, 5))
    assert all(middle[f"{n}.ranges"][1] < 0 for n in (3, 5))
    assert middle["0.ranges"][1] == 0  # nothing is sent below the first layer
    assert all(-12 < middle[f"{n}.exponent"][0] < 0 for n in (0, 3, 5))
    pinned = make(macro=replace(MACRO, range_count=2))
    train(pinned, 0, 1)
    assert pinned.state()["0.ranges"][0] == -1


def test_counters_of_a_run_add_up():
    """Sums without padding of 16 images: 64, 9 and 1 vectors in the three layers."""
    system = make()
    train(system, 0, 1)
    before = dict(system.counters)
    system.train_step(*batch(1), RATE)
    counts = {name: system.counters[name] - before.get(name, 0) for name in system.counters}
    vectors = 16 * np.array([64, 9, 1])
    inputs, outputs = np.array([9, 20, 36]), np.array([5, 4, 10])
    assert counts["update_products"] == np.sum(vectors * inputs * outputs)
    assert counts["array_samples"] == 8 * vectors.sum() + 16 * vectors[1:].sum()
    forward, backward = 2 * outputs * vectors, 2 * (inputs * vectors)[1:]
    assert counts["adc_conversions"] == 8 * (forward.sum() + backward.sum())
    ranged = sum(n for name, n in counts.items() if name.startswith("adc_conversions_range_"))
    assert ranged == counts["adc_conversions"]
    drives = (inputs * vectors).sum() + 2 * (2 * outputs * vectors)[1:].sum()
    assert counts["dac_drives"] == 8 * drives
    # codes in; codes out of each stage; errors that come to each stage
    assert counts["buffer_words"] == 16 * (64 + (80 + 36 + 10) + (80 + 36 + 10))
    assert 0 < counts["devices_programmed"] <= counts["program_pulses"]


def test_a_backward_pass_needs_a_forward_pass():
    with pytest.raises(RuntimeError, match=r"^a forward pass must come before a backward pass$"):
        make().stages[0].mask()
