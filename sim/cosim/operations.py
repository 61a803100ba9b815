"""What a tile is asked to do in a replay, and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.config.checks import check_choice

KINDS = ("forward", "backward", "update")
NEEDED = {"update": ("x", "delta", "chi"), "conversion": ("codes", "conductance", "noise")}


def _absent() -> NDArray[Any]:
    return np.empty(0)


@dataclass(frozen=True, kw_only=True, eq=False)
class TileOp:
    """One operation of a tile with everything that its result depends on.

    Parameters
    ----------
    kind : str
        ``forward``, ``backward`` or ``update``.
    codes : ndarray of int, shape (inputs,)
        Conversions: codes of rows (``forward``) or pairs (``backward``).
    outputs : int
        Conversions: pairs (``forward``) or rows (``backward``) to give.
    slices : int
        Conversions: slices to drive.
    signed : bool
        ``forward``: drive both phases.
    adc_range, activation, exponent, stochastic
        Conversions: fields of the command.
    gain, offset : ndarray of int, shape (adc_count,)
        Conversions: calibration registers; None for gain 1 and offset 0.
    scale, bias, mask : ndarray, shape (outputs,)
        Conversions: BF16 patterns and bits of the output lines; None for zeros.
    chain : ndarray of int, shape (outputs,)
        Conversions: incoming partial sums, None without.
    conductance : ndarray of float32, shape (rows, columns)
        Conversions: state of the array, passed to the macro. Share one array between operations
        that see the same state: it is stored once.
    converters : Converters
        Conversions: imperfections of the converters of the macro that this operation belongs to,
        in place of those of the macro that the replay is given; None for these.
    noise : ndarray of float32, shape (slices, phases, sensed lines)
        Conversions: standard normal numbers for the macro.
    x, delta : ndarray of int, shapes (k, inputs) and (k, outputs)
        ``update``: the vectors; more than ``config.update.chunk`` go in several commands, with
        ``transfer`` only in the last.
    chi : ndarray, shape (inputs, outputs)
        ``update``: state before, int64, or uint16 patterns of the ``bf16`` variant.
    shift, update_scale, threshold, transfer
        ``update``: fields of the command.
    """

    kind: str
    codes: NDArray[Any] = field(default_factory=_absent)
    outputs: int = 0
    slices: int = 1
    signed: bool = True
    adc_range: int = 0
    activation: int = 0
    exponent: int = 0
    stochastic: bool = False
    gain: NDArray[Any] | None = None
    offset: NDArray[Any] | None = None
    scale: NDArray[Any] | None = None
    bias: NDArray[Any] | None = None
    mask: NDArray[Any] | None = None
    chain: NDArray[Any] | None = None
    conductance: NDArray[Any] = field(default_factory=_absent)
    converters: Any = None
    noise: NDArray[Any] = field(default_factory=_absent)
    x: NDArray[Any] = field(default_factory=_absent)
    delta: NDArray[Any] = field(default_factory=_absent)
    chi: NDArray[Any] = field(default_factory=_absent)
    shift: int = 0
    update_scale: int = 0
    threshold: int = 1
    transfer: bool = False

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, KINDS)
        for name in NEEDED["update" if self.kind == "update" else "conversion"]:
            given = getattr(self, name)
            if not isinstance(given, np.ndarray):
                raise TypeError(f"{name} must be an array, not {given!r}")
            if not given.size:
                raise ValueError(f"{name} must be given for kind {self.kind}")
        for name in ("scale", "bias", "mask", "chain"):
            given = getattr(self, name)
            if given is not None and given.shape != (self.outputs,):
                raise ValueError(f"{name} must have {self.outputs} elements, not {given.shape}")

    @property
    def phases(self) -> int:
        """Phases that are driven."""
        return 2 if self.signed or self.kind == "backward" else 1


@dataclass(frozen=True, kw_only=True, eq=False)
class TileResult:
    """What one operation gave; None where its kind has no such result.

    Parameters
    ----------
    sums, values, masks, codes : ndarray, shape (outputs,)
        Beats of the output stream: int64, uint16 BF16 patterns, bool, int16.
    adc_codes : ndarray of int, shape (slices, phases, groups, adc_count)
        Codes as the comparators saw them.
    chi : ndarray, shape (inputs, outputs)
        State after an update.
    pulses : ndarray of int, shape (m, 4)
        Program transfers: row, column, polarity, count.
    cycles : int
        Clock cycles from the transfer of the command to ``busy`` low, summed over the commands
        of an update; loading and reading chi, line parameters and calibration not included.
    errors : tuple of str
        Violations of the macro's pin protocol.
    """

    sums: NDArray[Any] | None = None
    values: NDArray[Any] | None = None
    masks: NDArray[Any] | None = None
    codes: NDArray[Any] | None = None
    adc_codes: NDArray[Any] | None = None
    chi: NDArray[Any] | None = None
    pulses: NDArray[Any] | None = None
    cycles: int = 0
    errors: Sequence[str] = ()
