"""What a tile of pulsed training is asked to do in a replay, and what it answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.analog.mvm_effects import Lines
from models.analog.mvm_signal import Draws
from models.config.checks import check_choice, check_int
from models.config.mvm import MvmConfig
from models.digital.sequencer import SequencerState
from models.digital.transfer import TransferControl

KINDS = ("forward", "backward", "read", "update")
SLOW, FAST = 0, 1  # the arrays W and A
NEEDED = {
    "forward": ("codes", "weight", "noise"),
    "backward": ("codes", "weight", "noise"),
    "read": ("lines", "noise"),
    "update": ("x", "delta"),
}


def _absent() -> NDArray[Any]:
    return np.empty(0)


@dataclass(frozen=True, kw_only=True, eq=False)
class ChoppedTileOp:
    """One operation of a tile with everything that its result depends on.

    Parameters
    ----------
    kind : str
        ``forward`` and ``backward``: a product. ``read``: one row. ``update``: vector pairs, with
        the transfers that fall due.
    rows, columns : int
        Lines in use, those of lowest number.
    array : int
        0 (W) or 1 (A): what is read (``forward``, ``backward``, ``read``) or gets the pulses
        (``update``, whose transfers read A).
    reference : bool
        Conversions are differential.
    mvm : MvmConfig
        Converters and noise of the conversions.
    codes : ndarray of int, shape (rows,) or (columns,)
        Products: DAC codes of the driven lines.
    weight : ndarray of float, shape (rows, columns)
        Products: visible weights, all of the array or the part in use. Share one
        array between operations that see the same state: it is stored once.
    row : int
        ``read``: the row.
    drive : int
        ``read`` and transfers: DAC code of the row that is read.
    lines : ndarray of float, shape (T, columns)
        ``read`` (T = 1) and ``update``: visible weights of the row of each read, in order; as
        many as fall due.
    noise : ndarray of float32, shape (columns,), (rows,) or (T, columns)
        Standard normal numbers of the output noise of each conversion.
    draws : Draws
        Products: all draws of the vector, in place of ``noise``; None if output noise is all.
    mismatch : Lines
        Products: differences between the sensed lines in use; None for none.
    scale, activation, mask
        Products and ``read``: BF16 pattern that multiplies the codes; 0 pass, 1 rectify, 2 mask;
        for 2 a bool per output.
    x, delta : ndarray of uint16, shapes (n, rows) and (n, columns)
        ``update``: BF16 patterns of the vectors.
    rate : int
        ``update``: BF16 pattern of the learning rate per ``dw_min``.
    transfers : bool
        ``update``: the sequencer counts the vectors and reads A; False leaves it alone.
    transfer_every : int
        Vectors per read.
    control : TransferControl
        Static inputs of the transfer and the reference unit.
    sequencer : SequencerState
        ``update``: state before; None for that after reset.
    trains_state : int
        ``update``: register of the pulse trains before.
    places : ndarray of int, shape (k,)
        ``update`` with transfers: rows, in ascending order, whose accumulators are loaded before
        and read back after; at least those that are read.
    h, mean, past : ndarray, shape (k, columns)
        Their state before; means None without a reference unit.
    """

    kind: str
    rows: int
    columns: int
    array: int = SLOW
    reference: bool = False
    mvm: MvmConfig = field(default_factory=MvmConfig)
    codes: NDArray[Any] = field(default_factory=_absent)
    weight: NDArray[Any] = field(default_factory=_absent)
    row: int = 0
    drive: int = 0
    lines: NDArray[Any] = field(default_factory=_absent)
    noise: NDArray[Any] = field(default_factory=_absent)
    draws: Draws | None = None
    mismatch: Lines | None = None
    scale: int = 0x3F80
    activation: int = 0
    mask: NDArray[Any] | None = None
    x: NDArray[Any] = field(default_factory=_absent)
    delta: NDArray[Any] = field(default_factory=_absent)
    rate: int = 0
    transfers: bool = False
    transfer_every: int = 1
    control: TransferControl = field(default_factory=TransferControl)
    sequencer: SequencerState | None = None
    trains_state: int = 1
    places: NDArray[Any] = field(default_factory=_absent)
    h: NDArray[Any] = field(default_factory=_absent)
    mean: NDArray[Any] | None = None
    past: NDArray[Any] | None = None

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, KINDS)
        check_int("array", self.array, SLOW, FAST)
        for name in NEEDED[self.kind]:
            given = getattr(self, name)
            if not isinstance(given, np.ndarray):
                raise TypeError(f"{name} must be an array, not {given!r}")
            if not given.size:
                raise ValueError(f"{name} must be given for kind {self.kind}")
        if self.activation == 2 and (self.mask is None or self.mask.shape != (self.sensed,)):
            raise ValueError(f"mask must have {self.sensed} elements for activation 2")
        if self.transfers and self.h.shape != (len(self.places), self.columns):
            raise ValueError(
                f"h must have shape {(len(self.places), self.columns)}, not {self.h.shape}"
            )
        if self.kind == "update" and (np.diff(self.places) <= 0).any():
            raise ValueError("places must be in ascending order")

    @property
    def driven(self) -> int:
        """Lines that are driven in a product."""
        return self.columns if self.kind == "backward" else self.rows

    @property
    def sensed(self) -> int:
        """Lines that are converted at a time."""
        return self.rows if self.kind == "backward" else self.columns

    @property
    def samples(self) -> int:
        """Conversions that there is noise for."""
        return self.noise.size // self.sensed


@dataclass(frozen=True, kw_only=True, eq=False)
class ChoppedTileResult:
    """What one operation gave; None where its kind has no such result.

    Parameters
    ----------
    codes, values, masks : ndarray, shape (sensed,)
        Beats of the output stream: int16 ADC codes, uint16 BF16 patterns, bool.
    adc_codes : ndarray of int64, shape (samples, sensed)
        ADC codes as the comparators saw them, half the range taken off.
    reads : ndarray of int64, shape (T, 3)
        ``update``: row that was driven, its DAC code, and slots that came before.
    row_pulses, column_pulses : ndarray of int8, shapes (slots, rows) and (slots, columns)
        ``update``: pulses on all lines of the array, 1 or with the sign bit -1; 0 for none.
    program : ndarray of int64, shape (m, 4)
        Program transfers to W: row, column, polarity (1 up), count.
    h, mean, past : ndarray, shape (k, columns)
        State of ``places`` after an update: int64 and int32, or uint16 patterns.
    row_choppers, flipped, column_choppers : ndarray of uint8
        After an update, of all lines in use.
    registers : ndarray of int64, shape (6,)
        After an update: sequencer's ``row``, ``vectors``, ``passes``, ``settled``, its register,
        and that of the pulse trains.
    cycles : int
        Clock cycles from the transfer of the command to ``busy`` low, without loading and
        reading state.
    errors : sequence of str
        Violations of the macro's pin protocol.
    """

    codes: NDArray[Any] | None = None
    values: NDArray[Any] | None = None
    masks: NDArray[Any] | None = None
    adc_codes: NDArray[Any] | None = None
    reads: NDArray[Any] | None = None
    row_pulses: NDArray[Any] | None = None
    column_pulses: NDArray[Any] | None = None
    program: NDArray[Any] | None = None
    h: NDArray[Any] | None = None
    mean: NDArray[Any] | None = None
    past: NDArray[Any] | None = None
    row_choppers: NDArray[Any] | None = None
    flipped: NDArray[Any] | None = None
    column_choppers: NDArray[Any] | None = None
    registers: NDArray[Any] | None = None
    cycles: int = 0
    errors: Sequence[str] = ()


COMPARED = tuple(
    name for name in ChoppedTileResult.__dataclass_fields__ if name not in ("cycles", "errors")
)
