"""Everything that the system `memristor` can be told."""

from dataclasses import dataclass, field
from functools import cached_property

from models.config.analog import AdcConfig, DeviceConfig
from models.config.checks import check_bool, check_choice, check_float, check_int, check_kind
from models.config.macro import MacroConfig
from models.config.network import NetworkConfig, TrainingConfig, check_groups
from models.config.tile import SCHEMES, TileConfig
from models.config.units import AccumulateThresholdConfig


@dataclass(frozen=True, kw_only=True)
class MappingConfig:
    """How weights become conductances and errors become codes.

    Parameters
    ----------
    weight_range : float
        Largest weight of a layer, in units of ``1 / sqrt(fan_in)``; 0.5 to 16.
    stochastic_error : bool
        Round errors to codes stochastically (True) or to nearest even (False).
    calibrated : bool
        Set the converters' gain and offset registers from their true values.
    gain_fraction_bits : int
        Fraction bits of the gain register, 0 to 12.
    random_bits : int
        Random bits of stochastic rounding, 1 to 16.
    """

    weight_range: float = 4.0
    stochastic_error: bool = True
    calibrated: bool = True
    gain_fraction_bits: int = 8
    random_bits: int = 8

    def __post_init__(self) -> None:
        check_float("weight_range", self.weight_range, 0.5, 16.0)
        check_bool("stochastic_error", self.stochastic_error)
        check_bool("calibrated", self.calibrated)
        check_int("gain_fraction_bits", self.gain_fraction_bits, 0, 12)
        check_int("random_bits", self.random_bits, 1, 16)


@dataclass(frozen=True, kw_only=True)
class UpdateConfig:
    """Accumulate-and-threshold weight update.

    Parameters
    ----------
    variant : str
        ``fixed`` or ``bf16``: how chi is stored.
    chi_width : int
        Bits of a fixed-point chi, 32 to 48.
    keep_remainder : bool
        Keep in chi what the pulses did not express, or restart from 0.
    chunk : int
        Vectors in the tile's buffers, 1 to 1024: products per packet.
    scheme : str
        ``push_pull`` or ``plus_only``: which columns of a pair get pulses.
    threshold : float
        Accumulated change that asks for a pulse, in units of the nominal weight change of a
        pulse; 0.1 to 100.
    """

    variant: str = "fixed"
    chi_width: int = 40
    keep_remainder: bool = True
    chunk: int = 64
    scheme: str = "push_pull"
    threshold: float = 1.0

    def __post_init__(self) -> None:
        check_choice("variant", self.variant, ("fixed", "bf16"))
        check_int("chi_width", self.chi_width, 32, 48)
        check_bool("keep_remainder", self.keep_remainder)
        check_int("chunk", self.chunk, 1, 1024)
        check_choice("scheme", self.scheme, SCHEMES)
        check_float("threshold", self.threshold, 0.1, 100.0)


@dataclass(frozen=True, kw_only=True)
class MemristorConfig:
    """Mixed-precision training on memristor crossbars.

    Parameters
    ----------
    network : NetworkConfig
        Groups of ``conv`` or ``linear``, then at most one ``relu``, then at most one ``maxpool``.
    training : TrainingConfig
        Schedule of the hardware run; the FP32 reference uses the same.
    macro : MacroConfig
        Array geometry and converters; larger layers take several macros.
    device : DeviceConfig
        The memristor.
    adc : AdcConfig
        Imperfections of the converters.
    mapping : MappingConfig
        Weight range, error rounding, calibration.
    update : UpdateConfig
        Accumulate and threshold.
    """

    network: NetworkConfig
    training: TrainingConfig = field(default_factory=TrainingConfig)
    macro: MacroConfig = field(default_factory=MacroConfig)
    device: DeviceConfig = field(default_factory=DeviceConfig)
    adc: AdcConfig = field(default_factory=AdcConfig)
    mapping: MappingConfig = field(default_factory=MappingConfig)
    update: UpdateConfig = field(default_factory=UpdateConfig)

    def __post_init__(self) -> None:
        for name, kind in (
            ("network", NetworkConfig),
            ("training", TrainingConfig),
            ("macro", MacroConfig),
            ("device", DeviceConfig),
            ("adc", AdcConfig),
            ("mapping", MappingConfig),
            ("update", UpdateConfig),
        ):
            check_kind(name, getattr(self, name), kind)
        check_groups(self.network)
        _ = self.tile

    @cached_property
    def tile(self) -> TileConfig:
        """The digital side of one macro."""
        macro, update = self.macro, self.update
        products = 2 * macro.code_width - 1 + (update.chunk - 1).bit_length()
        return TileConfig(
            macro=macro,
            gain_fraction_bits=self.mapping.gain_fraction_bits,
            sum_width=40 if macro.adc_bits + macro.dac_bits > 20 else 36,
            random_bits=self.mapping.random_bits,
            update=AccumulateThresholdConfig(
                variant=update.variant,
                code_width=macro.code_width,
                acc_width=max(8, products),
                chi_width=update.chi_width,
                count_width=macro.count_width,
                keep_remainder=update.keep_remainder,
                chunk=update.chunk,
            ),
            scheme=update.scheme,
        )
