"""One tile: the digital side of one analog macro."""

from dataclasses import dataclass, field
from functools import cached_property

from models.config.checks import check_choice, check_int, check_kind
from models.config.macro import MacroConfig
from models.config.units import (
    AccumulateThresholdConfig,
    AdcInterfaceConfig,
    LfsrConfig,
    PostProcessConfig,
)

SCHEMES = ("push_pull", "plus_only")


@dataclass(frozen=True, kw_only=True)
class TileConfig:
    """Units of one tile around one macro.

    Parameters
    ----------
    macro : MacroConfig
        The analog macro and its pins.
    gain_fraction_bits : int
        Fraction bits of the converter gain correction, 0 to 12.
    sum_width : int
        Width of partial sums in post-processing, at least that of the ADC interface, at most 40.
    random_bits : int
        Random bits of stochastic rounding, 1 to 16.
    update : AccumulateThresholdConfig
        The weight update; its ``code_width`` and ``count_width`` must be the macro's.
    scheme : str
        ``push_pull``: every pulse on the plus column has an opposite one on the minus column.
        ``plus_only``: the minus column is a fixed reference.
    """

    macro: MacroConfig = field(default_factory=MacroConfig)
    gain_fraction_bits: int = 6
    sum_width: int = 32
    random_bits: int = 8
    update: AccumulateThresholdConfig = field(default_factory=AccumulateThresholdConfig)
    scheme: str = "push_pull"

    def __post_init__(self) -> None:
        check_kind("macro", self.macro, MacroConfig)
        check_kind("update", self.update, AccumulateThresholdConfig)
        check_choice("scheme", self.scheme, SCHEMES)
        check_int("sum_width", self.sum_width, self.adc_interface.sum_width, 40)
        check_int("random_bits", self.random_bits, 1, 16)
        for name in ("code_width", "count_width"):
            ours, theirs = getattr(self.update, name), getattr(self.macro, name)
            if ours != theirs:
                raise ValueError(f"update.{name} must be the macro's {theirs}, not {ours}")

    @cached_property
    def adc_interface(self) -> AdcInterfaceConfig:
        """Parameters of the ADC interface."""
        return AdcInterfaceConfig(
            adc_count=self.macro.adc_count,
            adc_bits=self.macro.adc_bits,
            group_count=self.macro.group_count,
            dac_bits=self.macro.dac_bits,
            slice_bits=self.macro.slice_bits,
            gain_fraction_bits=self.gain_fraction_bits,
        )

    @cached_property
    def post_process(self) -> PostProcessConfig:
        """Parameters of the post-processing unit."""
        return PostProcessConfig(
            sum_width=self.sum_width,
            code_width=self.macro.code_width,
            random_bits=self.random_bits,
        )

    @cached_property
    def lfsr(self) -> LfsrConfig:
        """Parameters of the random source of stochastic rounding."""
        return LfsrConfig(word_bits=self.random_bits)
