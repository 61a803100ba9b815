"""Verdict on operations that were replayed at the pins."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sim.pins import Sample

Compare = Callable[[Any, Any], dict[str, tuple[int, int]]]


def pin_verdict(
    samples: Sequence[Sample],
    results: Sequence[Any],
    wanted: Sequence[Any],
    compare: Compare,
    corners: Callable[[Any], dict[str, int]],
) -> dict[str, Any]:
    """Compare what a tile gave with the twins and with the training run.

    Parameters
    ----------
    samples : sequence of Sample
        Operations, with what the training run had in their place.
    results, wanted : sequence
        What the tile gave, with ``cycles`` and ``errors``, and what the twins give.
    compare : callable
        Numbers compared and numbers that differ by field, from both.
    corners : callable
        What a result reached.

    Returns
    -------
    dict
        The ``pins`` part of a summary.
    """
    totals: Counter[str] = Counter()
    by_kind: dict[str, Counter[str]] = {}
    by_field: dict[str, Counter[str]] = {}
    first, errors = None, []
    for sample, result, want in zip(samples, results, wanted, strict=True):
        kind = by_kind.setdefault(sample.unit, Counter())
        counts = compare(result, want)
        for name, array in sample.trained.items():
            got = np.asarray(getattr(result, name))
            same = got.shape == array.shape
            wrong = int((got != array).sum()) if same else max(got.size, array.size)
            counts[f"{name}_of_training"] = (array.size, wrong)
        kind["operations"] += 1
        kind["cycles"] += result.cycles
        totals["cycles"] += result.cycles
        for name, (size, wrong) in counts.items():
            totals["compared"] += size
            totals["differences"] += wrong
            by_field.setdefault(name, Counter()).update(compared=size, differences=wrong)
            if wrong and first is None:
                first = _first(sample, name, result, want)
        for error in result.errors:
            totals["differences"] += 1
            errors.append(f"step {sample.step}, layer {sample.layer}, {sample.unit}: {error}")
        kind.update(corners(result))
    return {
        "operations": len(samples),
        "compared": totals["compared"],
        "differences": totals["differences"],
        "cycles": totals["cycles"],
        "by_kind": {name: dict(counts) for name, counts in sorted(by_kind.items())},
        "by_field": {name: dict(counts) for name, counts in sorted(by_field.items())},
        "first_difference": first,
        "protocol_errors": errors[:20],
    }


def _first(sample: Sample, name: str, result: Any, want: Any) -> dict[str, Any]:
    plain = name.removesuffix("_of_training")
    expected = sample.trained[plain] if name != plain else getattr(want, plain)
    got, found = (np.asarray(part).reshape(-1) for part in (getattr(result, plain), expected))
    index, values = 0, (None, None)
    if got.shape == found.shape and got.size:
        index = int(np.flatnonzero(got != found)[0])
        values = int(found[index]), int(got[index])
    return {
        "unit": f"tile.{sample.unit}",
        "field": name,
        "step": sample.step,
        "layer": sample.layer,
        "index": index,
        "golden": values[0],
        "rtl": values[1],
    }
