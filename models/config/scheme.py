"""The algorithms of pulsed training, and the widths of their digital side."""

import math
from dataclasses import dataclass

from models.config.checks import check_bool, check_choice, check_float, check_int

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
