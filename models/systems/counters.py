"""Event counters of a hardware run: the input of cost models and reports."""

from collections import Counter


class Counters(Counter):
    """Counts by event; ADC conversions also by range, as ``adc_conversions_range_<r>``."""

    def conversions(self, adc_range: int, count: int) -> None:
        """Count ``count`` conversions at full-scale setting ``adc_range``."""
        self["adc_conversions"] += count
        self[f"adc_conversions_range_{adc_range}"] += count
