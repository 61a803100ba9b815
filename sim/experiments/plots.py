"""What the pictures of all experiments share."""

import io
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

COLORS = {
    "fp32": "#8a8a8a",
    "sgd": "#b0892f",
    "ttv1": "#7a5aa6",
    "ttv2": "#c8553d",
    "cttv2": "#0b6e8a",
    "agad": "#3f8f4f",
}


def figure(columns: int, rows: int = 1, height: float = 3.4) -> tuple[Figure, list[Any]]:
    """Panels in a grid, row by row in one list."""
    size = (4.4 * columns, height * rows)
    drawn, axes = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False)
    return drawn, list(np.asarray(axes).flat)


def png(drawn: Figure) -> bytes:
    """Bytes of a picture: the same picture, the same bytes."""
    buffer = io.BytesIO()
    drawn.savefig(buffer, format="png", dpi=110, metadata={"Software": None})
    plt.close(drawn)
    return buffer.getvalue()
