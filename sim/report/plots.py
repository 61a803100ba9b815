"""Figures of the cross-check report, as PNG bytes."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from models.trainer.data import DataSet
from models.trainer.learner import Learner

HARDWARE, REFERENCE = "#0b6e8a", "#c8553d"


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
    return buffer.getvalue()


def _figure(columns: int, height: float = 3.2) -> tuple[Figure, Any]:
    return plt.subplots(1, columns, figsize=(4.6 * columns, height), layout="constrained")


def _smooth(values: Sequence[float], window: int) -> NDArray[np.float64]:
    window = max(1, min(window, len(values)))
    return np.convolve(values, np.ones(window) / window, mode="valid")


def learning_curves(learning: dict[str, Any]) -> bytes:
    """Loss of each step (running mean) and test accuracy of each epoch, both runs."""
    figure, (loss, accuracy) = _figure(2)
    runs = (("hardware", "", HARDWARE), ("FP32 reference", "reference_", REFERENCE))
    for label, prefix, color in runs:
        values = learning[f"{prefix}loss"]
        window = max(1, len(values) // 50)
        smooth = _smooth(values, window)
        loss.plot(np.arange(len(smooth)) + window, smooth, color=color, label=label)
        tested = learning[f"{prefix}test_accuracy_by_epoch"]
        epochs = np.arange(1, len(tested) + 1)
        accuracy.plot(epochs, np.array(tested) * 100, "o-", color=color, label=label)
    loss.set(xlabel="step", ylabel="training loss", yscale="log")
    accuracy.set(xlabel="epoch", ylabel="test accuracy (%)")
    accuracy.xaxis.get_major_locator().set_params(integer=True)
    for axes in (loss, accuracy):
        axes.legend(frameon=False)
        axes.grid(alpha=0.3)
    return _png(figure)


def gradients(quality: Sequence[dict[str, Any]]) -> bytes:
    """Cosine and SQNR of the weight gradients by layer."""
    figure, (cosine, sqnr) = _figure(2, 2.6)
    names = [one["layer"] for one in quality]
    cosine.bar(names, [one["cosine"] for one in quality], color=HARDWARE)
    cosine.set(ylabel="gradient cosine", ylim=(0, 1.05))
    sqnr.bar(names, [one["sqnr_db"] for one in quality], color=HARDWARE)
    sqnr.set(ylabel="gradient SQNR (dB)")
    return _png(figure)


def distributions(
    state: str,
    states: Mapping[int, NDArray[Any]],
    weight: str,
    weights: Mapping[int, NDArray[Any]],
) -> bytes:
    """Distributions after training of devices and of weights by layer, with names of the axes."""
    figure, (left, right) = _figure(2, 2.8)
    for axes, arrays in ((left, states), (right, weights)):
        for index, values in arrays.items():
            label = f"layer {index}"
            axes.hist(values.ravel(), bins=60, histtype="step", density=True, label=label)
    left.set(xlabel=state, ylabel="density")
    right.set(xlabel=weight)
    right.legend(frameon=False)
    return _png(figure)


def first_weights(weights: NDArray[Any], sample: tuple[int, ...], kernel: int) -> bytes:
    """Weights [outputs, inputs] of the first layer, one picture per output (at most 16).

    Parameters
    ----------
    weights : ndarray
        Of the layer.
    sample : tuple of int
        Shape of one input sample.
    kernel : int
        Window of a convolution, 0 for a linear layer.
    """
    shape = (sample[0], kernel, kernel) if kernel else sample
    count = min(len(weights), 16)
    figure, axes = plt.subplots(1, count, figsize=(0.7 * count + 0.4, 1.0), layout="constrained")
    largest = float(np.abs(weights).max())
    for picture, weight in zip(np.atleast_1d(axes), weights, strict=False):
        image = weight.reshape(shape).mean(axis=0)
        picture.imshow(image, cmap="RdBu", vmin=-largest, vmax=largest)
        picture.axis("off")
    return _png(figure)


def pictures(system: Learner, data: DataSet, count: int = 12) -> bytes:
    """First test images with the hardware's answers; wrong ones in red."""
    images, labels = data.test_images[:count], data.test_labels[:count]
    answers = system.evaluate(images).argmax(axis=1)
    count = len(images)
    figure, axes = plt.subplots(1, count, figsize=(0.9 * count, 1.3), layout="constrained")
    for picture, image, label, answer in zip(
        np.atleast_1d(axes), images, labels, answers, strict=True
    ):
        shown = image[0] if len(image) == 1 else image.transpose(1, 2, 0)
        picture.imshow(shown, cmap="gray_r")
        color = "black" if label == answer else "red"
        picture.set_title(f"{answer}", color=color, fontsize=10)
        picture.axis("off")
    return _png(figure)


def pulses(table: NDArray[Any], steps: int) -> bytes:
    """Pulses per step and the distribution of pulses per weight.

    ``table`` has the columns step, layer, input, output and count.
    """
    figure, (each, spread) = _figure(2, 2.8)
    for layer in np.unique(table[:, 1]):
        rows = table[table[:, 1] == layer]
        total = np.bincount(rows[:, 0], np.abs(rows[:, 4]), minlength=steps)
        each.plot(total, label=f"layer {layer}", linewidth=0.8)
        _, where = np.unique(rows[:, 2].astype(np.int64) * 65536 + rows[:, 3], return_inverse=True)
        spread.hist(np.bincount(where, np.abs(rows[:, 4])), bins=40, histtype="step")
    each.set(xlabel="step", ylabel="pulses")
    each.legend(frameon=False)
    spread.set(xlabel="pulses per weight in the run", ylabel="weights")
    return _png(figure)
