"""Everything that the system `chopped` can be told: pulsed training after Rasch et al. 2023."""

import math
from dataclasses import dataclass, field
from functools import cached_property

from models.config.checks import check_bool, check_choice, check_float, check_int, check_kind
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

ALGORITHMS = ("sgd", "ttv1", "ttv2", "cttv2", "agad")


@dataclass(frozen=True, kw_only=True)
class SchemeConfig:
    """How gradients reach the weights.

    Defaults are those of aihwkit's ``build_config`` (E3.3 of papers.md, confirmed in its code).

    Parameters
    ----------
    algorithm : str
        ``sgd`` pulses the weights themselves; the others pulse a fast array that is read row by
        row: ``ttv1`` writes what it reads by a pulsed update, ``ttv2`` accumulates it digitally,
        ``cttv2`` with choppers, ``agad`` with choppers and a reference that is followed digitally.
    fast_lr : float
        Learning rate of the fast array; with ``auto_scale`` in units of
        ``desired_bl * dw_min / (mean max|x| * mean max|delta|)``. 1e-6 to 1000.
    auto_scale : bool
        Follow the largest inputs and errors.
    auto_momentum : float
        Of these means, per batch, 0 to 0.9999.
    transfer_every : int
        Vector updates from one read to the next, 1 to 65535.
    transfer_lr : float
        Factor on what is read, times the learning rate of training. 1e-6 to 1000.
    auto_granularity : float
        Threshold of the accumulator in mean steps of the fast array, divided by the vectors of a
        pass, up to 1e6; 0: one step, whatever the pass.
    in_chop_prob, out_chop_prob : float
        Chance of a flip of a row's chopper per read, of a column's per pass; 0 to 0.5. The period
        of regular flips is ``max(ceil(1 / in_chop_prob), 2)``. Used by ``cttv2`` and ``agad``.
    chopping : str
        ``regular`` or ``random``.
    momentum : float
        Share of the accumulator that stays after a pulse, 0 to 0.99.
    forget : bool
        After a pulse keep ``momentum`` times the accumulator; otherwise take a pulse off it.
    tail_weightening : float
        ``agad``: the running mean moves by ``tail_weightening`` over the period, 0.1 to 1000.
    """

    algorithm: str = "agad"
    fast_lr: float = 0.1
    auto_scale: bool = True
    auto_momentum: float = 0.99
    transfer_every: int = 1
    transfer_lr: float = 1.0
    auto_granularity: float = 1000.0
    in_chop_prob: float = 0.1
    out_chop_prob: float = 0.0
    chopping: str = "regular"
    momentum: float = 0.0
    forget: bool = True
    tail_weightening: float = 5.0

    def __post_init__(self) -> None:
        check_choice("algorithm", self.algorithm, ALGORITHMS)
        check_float("fast_lr", self.fast_lr, 1e-6, 1000.0)
        check_bool("auto_scale", self.auto_scale)
        check_float("auto_momentum", self.auto_momentum, 0.0, 0.9999)
        check_int("transfer_every", self.transfer_every, 1, 65535)
        check_float("transfer_lr", self.transfer_lr, 1e-6, 1000.0)
        check_float("auto_granularity", self.auto_granularity, 0.0, 1e6)
        check_float("in_chop_prob", self.in_chop_prob, 0.0, 0.5)
        check_float("out_chop_prob", self.out_chop_prob, 0.0, 0.5)
        check_choice("chopping", self.chopping, ("regular", "random"))
        check_float("momentum", self.momentum, 0.0, 0.99)
        check_bool("forget", self.forget)
        check_float("tail_weightening", self.tail_weightening, 0.1, 1000.0)
        if self.algorithm == "agad" and self.out_chop_prob:
            raise ValueError(f"out_chop_prob must be 0 for agad, not {self.out_chop_prob!r}")
        if self.algorithm == "agad" and not self.in_chop_prob:
            raise ValueError(f"in_chop_prob must be above 0 for agad, not {self.in_chop_prob!r}")

    @property
    def is_chopped(self) -> bool:
        """Whether the algorithm has choppers."""
        return self.algorithm in ("cttv2", "agad")

    @property
    def is_buffered(self) -> bool:
        """Whether reads are accumulated digitally."""
        return self.algorithm in ("ttv2", "cttv2", "agad")

    @property
    def period(self) -> int:
        """Passes of a chopper period."""
        return max(math.ceil(1 / self.in_chop_prob), 2) if self.in_chop_prob else 65535

    @property
    def beta(self) -> float:
        """Rate of the running mean per read."""
        return min(self.tail_weightening / self.period, 1.0)


@dataclass(frozen=True, kw_only=True)
class DigitalConfig:
    """Widths of the digital side.

    Parameters
    ----------
    source : str
        Random words of the pulse trains: ``lfsr``, as the RTL has them, or ``philox``, faster in
        software; only the first can be compared with RTL.
    random_bits : int
        Bits of those words, 4 to 16.
    variant : str
        ``fixed`` or ``bf16``: accumulator and means.
    state_width : int
        Width of a fixed accumulator, 16 to 40.
    fraction_bits : int
        Fraction bits of fixed accumulators and means below an ADC code, 0 to 12.
    adc_count : int
        Converters of a macro, 1 to 256.
    settle_cycles : int
        Clock cycles from drive to sample, 1 to 255.
    """

    source: str = "lfsr"
    random_bits: int = 12
    variant: str = "fixed"
    state_width: int = 24
    fraction_bits: int = 8
    adc_count: int = 16
    settle_cycles: int = 1

    def __post_init__(self) -> None:
        check_choice("source", self.source, ("lfsr", "philox"))
        check_int("random_bits", self.random_bits, 4, 16)
        check_choice("variant", self.variant, ("fixed", "bf16"))
        check_int("state_width", self.state_width, 16, 40)
        check_int("fraction_bits", self.fraction_bits, 0, 12)
        check_int("adc_count", self.adc_count, 1, 256)
        check_int("settle_cycles", self.settle_cycles, 1, 255)


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
