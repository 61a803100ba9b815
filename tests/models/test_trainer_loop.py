"""The training loop: accuracy on digits, resume bit by bit, Ctrl-C."""

import signal
from dataclasses import replace

import numpy as np
import pytest

from models.config.network import LayerConfig, NetworkConfig, TrainingConfig
from models.trainer import checkpoint
from models.trainer.checkpoint import CheckpointError
from models.trainer.data import load
from models.trainer.loop import Interrupted, ReferenceLearner, train
from models.trainer.network import Network
from models.trainer.optimizer import SGD

NETWORK = NetworkConfig(
    name="small",
    input_shape=(1, 8, 8),
    layers=(
        LayerConfig(kind="conv", units=8, kernel=3, padding=1),
        LayerConfig(kind="relu"),
        LayerConfig(kind="maxpool", kernel=2),
        LayerConfig(kind="linear", units=10),
    ),
)
CONFIG = TrainingConfig(
    epochs=3, batch_size=32, learning_rate=0.1, momentum=0.9, train_samples=200, test_samples=50
)
STEPS, EPOCH = 21, 7  # 200 samples in batches of 32, the last of 8


@pytest.fixture(scope="module")
def digits():
    return load(None)


def learner(momentum=0.9, seed=1):
    network = Network(NETWORK, seed)
    return ReferenceLearner(network, SGD(network.parameters(), momentum))


def stop_after(step):
    def on_step(done, _):
        if done == step:
            raise KeyboardInterrupt

    return on_step


def assert_equal(one, other):
    for name, value in one.state().items():
        np.testing.assert_array_equal(value, other.state()[name], strict=True)


def test_digits_above_ninety_percent(digits):
    config = TrainingConfig(epochs=4, batch_size=32, learning_rate=0.05, momentum=0.9)
    history = train(learner(), digits, config, seed=1)
    assert history.test_accuracy[-1] > 0.9
    assert history.train_loss[-1] < history.train_loss[0] / 2
    assert history.samples == 4 * 1437
    assert len(history.step_loss) == 4 * 45


def test_history_by_hand(digits):
    history = train(learner(), digits, CONFIG, seed=1)
    assert len(history.step_loss) == len(history.step_correct) == STEPS
    sizes = [32] * 6 + [8]
    weighted = sum(n * loss for n, loss in zip(sizes, history.step_loss[7:14], strict=True))
    assert history.train_loss[1] == pytest.approx(weighted / 200, rel=1e-12)
    assert history.train_accuracy[1] == sum(history.step_correct[7:14]) / 200
    assert history.samples == 600
    assert history.seconds > 0


@pytest.mark.parametrize("step", [1, EPOCH - 1, EPOCH, EPOCH + 3, STEPS])
def test_resumed_run_equals_an_uninterrupted_one(digits, tmp_path, step):
    whole = learner()
    expected = train(whole, digits, CONFIG, seed=1)
    path = tmp_path / "run.npz"
    message = rf"^interrupted after step {step} of {STEPS}; resume from .*run\.npz$"
    with pytest.raises(Interrupted, match=message) as caught:
        train(learner(), digits, CONFIG, seed=1, checkpoint_path=path, on_step=stop_after(step))
    assert caught.value.checkpoint == path
    resumed, done = learner(seed=2), []
    history = train(
        resumed, digits, CONFIG, seed=1, resume=path, on_step=lambda n, _: done.append(n)
    )
    assert done == list(range(step + 1, STEPS + 1))
    assert history == expected
    assert_equal(resumed, whole)


def test_state_is_a_copy(digits):
    made = learner()
    made.train_step(digits.train_images[:4], digits.train_labels[:4], 0.1)
    before = made.state()
    kept = {name: value.copy() for name, value in before.items()}
    made.train_step(digits.train_images[4:8], digits.train_labels[4:8], 0.1)
    assert set(before) == {
        f"{group}/{name}"
        for group in ("parameter", "velocity")
        for name in ("0.weight", "0.bias", "3.weight", "3.bias")
    }
    for name, value in before.items():
        np.testing.assert_array_equal(value, kept[name])
        assert (value != made.state()[name]).any()


class Noisy(ReferenceLearner):
    """Presses Ctrl-C in the middle of chosen training steps and evaluations."""

    steps = 0
    press_in_step = ()
    press_in_evaluation = False

    def train_step(self, images, labels, rate):
        self.steps += 1
        for _ in range(self.press_in_step.count(self.steps)):
            signal.raise_signal(signal.SIGINT)
        return super().train_step(images, labels, rate)

    def evaluate(self, images):
        if self.press_in_evaluation:
            self.press_in_evaluation = False
            signal.raise_signal(signal.SIGINT)
        return super().evaluate(images)


def noisy(**presses):
    network = Network(NETWORK, 1)
    made = Noisy(network, SGD(network.parameters(), 0.9))
    vars(made).update(presses)
    return made


@pytest.mark.parametrize(
    ("presses", "step", "evaluation_batch"),
    [
        ({"press_in_step": (9,)}, 9, 500),
        ({"press_in_evaluation": True}, EPOCH, 500),
        ({"press_in_evaluation": True}, EPOCH, 20),  # acts between two batches of the evaluation
    ],
    ids=["step", "evaluation", "evaluation batch"],
)
def test_ctrl_c_waits_for_a_safe_place(
    digits, tmp_path, monkeypatch, presses, step, evaluation_batch
):
    monkeypatch.setattr("models.trainer.learner.EVALUATION_BATCH", evaluation_batch)
    path = tmp_path / "run.npz"
    with pytest.raises(Interrupted, match=f"^interrupted after step {step} of {STEPS}; "):
        train(noisy(**presses), digits, CONFIG, seed=1, checkpoint_path=path)
    evaluated = len(checkpoint.load(path)[0]["history/test_accuracy"])
    assert evaluated == (evaluation_batch == 500 and step == EPOCH) + (step > EPOCH)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    whole, resumed = learner(), learner()
    expected = train(whole, digits, CONFIG, seed=1)
    assert train(resumed, digits, CONFIG, seed=1, resume=path) == expected
    assert_equal(resumed, whole)


def test_second_ctrl_c_breaks_off_and_keeps_the_last_sound_checkpoint(digits, tmp_path):
    path = tmp_path / "run.npz"
    with pytest.raises(Interrupted) as caught:
        train(
            noisy(press_in_step=(6, 6)),
            digits,
            CONFIG,
            seed=1,
            checkpoint_path=path,
            checkpoint_every=2,
        )
    assert caught.value.checkpoint == path
    assert len(checkpoint.load(path)[0]["history/step_loss"]) == 4


def test_interrupted_without_a_checkpoint(digits):
    message = rf"^interrupted after step 2 of {STEPS}; no checkpoint$"
    with pytest.raises(Interrupted, match=message):
        train(learner(), digits, CONFIG, seed=1, on_step=stop_after(2))


def test_checkpoint_of_another_run_is_refused(digits, tmp_path):
    path = tmp_path / "run.npz"
    small = replace(CONFIG, epochs=1)
    train(learner(), digits, small, seed=1, config_hash="one", checkpoint_path=path)
    others = {
        "config_hash": {"config_hash": "two"},
        "seed": {"seed": 2},
        "training": {"config": replace(small, learning_rate=0.2)},
        "labels": {"data": replace(digits, train_labels=digits.train_labels[::-1])},
        "data": {"data": replace(digits, name="other")},
    }
    for name, changed in others.items():
        call = {"data": digits, "config": small, "seed": 1, "config_hash": "one"} | changed
        with pytest.raises(CheckpointError) as caught:
            train(learner(), resume=path, **call)
        assert str(caught.value).startswith(
            f"{path}: checkpoint must be of the same run, with {name} "
        )
    with pytest.raises(CheckpointError, match="checkpoint must fit the learner: state must hold"):
        train(learner(momentum=0), digits, small, seed=1, config_hash="one", resume=path)


def test_unwritable_checkpoint_is_refused_before_the_first_step(digits, tmp_path):
    path, steps = tmp_path / "missing" / "run.npz", []
    with pytest.raises(CheckpointError):
        train(
            learner(),
            digits,
            CONFIG,
            seed=1,
            checkpoint_path=path,
            on_step=lambda n, _: steps.append(n),
        )
    assert steps == []


class Answers:
    """A learner that predicts labels, not logits, and notes its learning rates."""

    def __init__(self):
        self.rates = []

    def train_step(self, images, labels, rate):
        self.rates.append(rate)
        return 1.0, 0

    def evaluate(self, images):
        return np.zeros(len(images), np.int64)

    def state(self):
        return {}

    def load_state(self, state):
        assert state == {}


def test_predicted_labels_and_learning_rates(digits):
    made, config = Answers(), replace(CONFIG, milestones=(0.5,), decay=0.5, test_samples=0)
    history = train(made, digits, config, seed=1)
    assert history.test_accuracy[0] == np.count_nonzero(digits.test_labels == 0) / 360
    assert made.rates == [0.1] * 11 + [0.05] * 10  # half of 21 steps: from step 11 on
