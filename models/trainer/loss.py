"""Loss of a classifier."""

import numpy as np

from models.trainer.layers import Array


def softmax_cross_entropy(logits: Array, labels: Array) -> tuple[float, Array]:
    """Mean of ``-log(softmax(logits)[label])`` over a batch, and its gradient.

    Safe for logits of any finite size: the largest of a row is taken off before ``exp``, and the
    logarithm is taken of a sum that is at least 1.

    Parameters
    ----------
    logits : float array
        Shape [n, classes].
    labels : int array
        Shape [n].

    Returns
    -------
    loss : float
        Mean over the batch, summed in float64.
    gradient : float array
        Of the mean by the logits, so already divided by n; dtype of the logits.
    """
    rows = np.arange(len(labels))
    shifted = logits - logits.max(axis=1, keepdims=True)
    exponentials = np.exp(shifted)
    totals = exponentials.sum(axis=1, keepdims=True)
    losses = np.log(totals[:, 0]) - shifted[rows, labels]
    gradient = exponentials / totals
    gradient[rows, labels] -= 1
    return float(losses.mean(dtype=np.float64)), gradient / logits.dtype.type(len(labels))
