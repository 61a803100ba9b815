"""What a tile is asked to do in a replay, and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.config.checks import check_choice

KINDS = ("forward", "backward", "update")
NEEDED = {"update": ("x", "delta", "chi"), "conversion": ("codes", "conductance", "noise")}


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
    codes: NDArray | None = None
    outputs: int = 0
    slices: int = 1
    signed: bool = True
    adc_range: int = 0
    activation: int = 0
    exponent: int = 0
    stochastic: bool = False
    gain: NDArray | None = None
    offset: NDArray | None = None
    scale: NDArray | None = None
    bias: NDArray | None = None
    mask: NDArray | None = None
    chain: NDArray | None = None
    conductance: NDArray | None = None
    noise: NDArray | None = None
    x: NDArray | None = None
    delta: NDArray | None = None
    chi: NDArray | None = None
    shift: int = 0
    update_scale: int = 0
    threshold: int = 1
    transfer: bool = False

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, KINDS)
        for name in NEEDED["update" if self.kind == "update" else "conversion"]:
            if not isinstance(getattr(self, name), np.ndarray):
                raise TypeError(f"{name} must be an array, not {getattr(self, name)!r}")
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

    sums: NDArray | None = None
    values: NDArray | None = None
    masks: NDArray | None = None
    codes: NDArray | None = None
    adc_codes: NDArray | None = None
    chi: NDArray | None = None
    pulses: NDArray | None = None
    cycles: int = 0
    errors: Sequence[str] = ()
