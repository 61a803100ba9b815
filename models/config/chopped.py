"""Everything that the system `chopped` can be told: pulsed training after Rasch et al. 2023."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

from models.config.checks import check_choice, check_float, check_int, check_kind
from models.config.chopped_macro import ChoppedMacroConfig
from models.config.chopped_tile import ChoppedTileConfig
from models.config.chopped_units import (
    LINES,
    PulseTrainConfig,
    ReferenceConfig,
    SequencerConfig,
    TransferConfig,
)
from models.config.mvm import MvmConfig
from models.config.network import NetworkConfig, TrainingConfig, check_groups
from models.config.pulsed import PulsedDeviceConfig, PulsedUpdateConfig
from models.config.scheme import ALGORITHMS, DigitalConfig, SchemeConfig

__all__ = ["ALGORITHMS", "ChoppedConfig", "DigitalConfig", "SchemeConfig"]


@dataclass(frozen=True, kw_only=True)
class ChoppedConfig:
    """Training by pulses on resistive crossbars, each layer on one pair of arrays.

    Parameters
    ----------
    network : NetworkConfig
        Groups of ``conv`` or ``linear``, then at most one ``relu``, then at most one ``maxpool``.
        A layer has at most 1023 inputs (its bias is one more row) and 1024 outputs.
    training : TrainingConfig
        Schedule; the FP32 reference uses the same.
    scheme : SchemeConfig
        The algorithm.
    fast, slow : PulsedDeviceConfig
        Devices of the fast array (A) and of the weights (W).
    forward, backward, read : MvmConfig
        Products with the weights, with their transpose, and reads of the fast array: of the same
        converters (``dac_bits``, ``adc_bits``), one pass, noise management ``none``, ``abs_max``
        or ``constant``, bound management ``none`` or ``iterative``; reads have neither and no
        noise but weight and output noise.
    update : PulsedUpdateConfig
        Coding of vector pairs in pulse trains: ``stochastic_compressed``, at most 127 slots.
    digital : DigitalConfig
        Widths and random source.
    weight_scaling : float
        Largest magnitude to which the first weights of a layer are scaled (the layer's output is
        scaled back), 0.01 to 1; 0 does not scale. aihwkit's ``weight_scaling_omega``.
    """

    network: NetworkConfig
    training: TrainingConfig = field(default_factory=TrainingConfig)
    scheme: SchemeConfig = field(default_factory=SchemeConfig)
    fast: PulsedDeviceConfig = field(default_factory=PulsedDeviceConfig)
    slow: PulsedDeviceConfig = field(default_factory=PulsedDeviceConfig)
    forward: MvmConfig = field(default_factory=MvmConfig)
    backward: MvmConfig = field(default_factory=lambda: MvmConfig(bound_management="none"))
    read: MvmConfig = field(
        default_factory=lambda: MvmConfig(
            output_bound=20.0, output_noise=0.1, noise_management="none", bound_management="none"
        )
    )
    update: PulsedUpdateConfig = field(default_factory=PulsedUpdateConfig)
    digital: DigitalConfig = field(default_factory=DigitalConfig)
    weight_scaling: float = 0.0

    def __post_init__(self) -> None:
        for name, kind in (
            ("network", NetworkConfig),
            ("training", TrainingConfig),
            ("scheme", SchemeConfig),
            ("fast", PulsedDeviceConfig),
            ("slow", PulsedDeviceConfig),
            ("forward", MvmConfig),
            ("backward", MvmConfig),
            ("read", MvmConfig),
            ("update", PulsedUpdateConfig),
            ("digital", DigitalConfig),
        ):
            check_kind(name, getattr(self, name), kind)
        check_float("weight_scaling", self.weight_scaling, 0.0, 1.0)
        check_groups(self.network)
        for index, (before, layer) in enumerate(pairwise(self.network.layers), start=1):
            if layer.kind == "maxpool" and before.kind != "relu":
                raise ValueError(f"network.layers[{index}] must come after a relu")
        for name in ("forward", "backward", "read"):
            self._check_converter(name, getattr(self, name))
        for layer, (rows, columns) in enumerate(self.shapes()):
            check_int(f"inputs and bias of weighted layer {layer}", rows, 1, LINES)
            check_int(f"outputs of weighted layer {layer}", columns, 1, LINES)
        _ = self.tile

    def _check_converter(self, name: str, converter: MvmConfig) -> None:
        """Raise ValueError unless the tile can do what ``converter`` says."""
        for part in ("dac_bits", "adc_bits"):
            bits = getattr(converter, part)
            check_int(f"{name}.{part}", bits, 2, 12)
            if bits != getattr(self.forward, part):
                raise ValueError(
                    f"{name}.{part} must be that of forward, {getattr(self.forward, part)}, "
                    f"not {bits}"
                )
        reads = name == "read"
        noises = ("none",) if reads else ("none", "abs_max", "constant")
        bounds = ("none",) if reads else ("none", "iterative")
        check_choice(f"{name}.noise_management", converter.noise_management, noises)
        check_choice(f"{name}.bound_management", converter.bound_management, bounds)
        check_choice(f"{name}.passes", converter.passes, ("one",))
        if converter.dac_stochastic or converter.output_scale != 1:
            raise ValueError(f"{name} must have neither dac_stochastic nor an output_scale")
        if reads and (not converter.is_plain or converter.input_noise):
            raise ValueError("read must have no noise but weight and output noise")

    def shapes(self) -> tuple[tuple[int, int], ...]:
        """Rows (with one for the bias) and columns of each weighted layer's arrays."""
        network = self.network
        found = []
        for layer, before in zip(network.layers, network.shapes(), strict=False):
            if layer.kind == "conv":
                found.append((before[0] * layer.kernel**2 + 1, layer.units))
            elif layer.kind == "linear":
                found.append((math.prod(before) + 1, layer.units))
        return tuple(found)

    @cached_property
    def rows(self) -> int:
        """Rows of the largest layer: those of a tile."""
        return max(rows for rows, _ in self.shapes())

    @cached_property
    def columns(self) -> int:
        """Columns of the widest layer: those of a tile."""
        return max(columns for _, columns in self.shapes())

    @cached_property
    def trains(self) -> PulseTrainConfig:
        """Pulse generators of a tile."""
        bits = self.digital.random_bits
        return PulseTrainConfig(rows=self.rows, columns=self.columns, random_bits=bits)

    @cached_property
    def sequencer(self) -> SequencerConfig:
        """Read sequencer and choppers of a tile."""
        scheme = self.scheme
        chopped, random = scheme.is_chopped, scheme.chopping == "random"
        kind = scheme.chopping if chopped and scheme.in_chop_prob else "none"
        return SequencerConfig(
            rows=self.rows,
            columns=self.columns,
            chopping=kind,
            period=scheme.period,
            in_chance=round(scheme.in_chop_prob * 2**16) if chopped and random else 0,
            out_chance=round(scheme.out_chop_prob * 2**16) if chopped else 0,
            waits=scheme.algorithm == "agad",
        )

    @cached_property
    def transfer(self) -> TransferConfig:
        """Transfer unit of a tile, with the format of its reference."""
        digital = self.digital
        reference = ReferenceConfig(
            variant=digital.variant,
            code_width=self.read.adc_bits,
            fraction_bits=digital.fraction_bits,
        )
        return TransferConfig(
            reference=reference, state_width=digital.state_width, forget=self.scheme.forget
        )

    @cached_property
    def tile(self) -> ChoppedTileConfig:
        """The digital side of one macro, as large as the largest layer."""
        macro = ChoppedMacroConfig(
            rows=self.rows,
            columns=self.columns,
            adc_count=self.digital.adc_count,
            dac_bits=self.forward.dac_bits,
            adc_bits=self.forward.adc_bits,
            settle_cycles=self.digital.settle_cycles,
        )
        return ChoppedTileConfig(
            macro=macro,
            trains=self.trains,
            sequencer=self.sequencer,
            transfer=self.transfer,
            update=self.update,
            follows=self.scheme.algorithm == "agad",
        )
