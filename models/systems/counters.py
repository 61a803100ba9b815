"""Event counters of a hardware run: the input of cost models and reports."""

from collections import Counter
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


class Counters(Counter):
    """Counts by event; ADC conversions also by range, as ``adc_conversions_range_<r>``."""

    def conversions(self, adc_range: int, count: int) -> None:
        """Count ``count`` conversions at full-scale setting ``adc_range``."""
        self["adc_conversions"] += count
        self[f"adc_conversions_range_{adc_range}"] += count

    def arrays(self) -> dict[str, NDArray]:
        """Names and counts, to be stored."""
        names = sorted(self)
        return {
            "counter_names": np.array(names, dtype="U64"),
            "counter_values": np.array([self[name] for name in names], np.int64),
        }

    def load(self, stored: Mapping[str, NDArray]) -> None:
        """Take back what `arrays` gave; KeyError if it is not there."""
        names, values = stored["counter_names"].tolist(), stored["counter_values"].tolist()
        self.clear()
        self.update(dict(zip(names, values, strict=True)))
