"""What a layer of the system `chopped` shows to whoever wants to look."""

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from models.analog.mvm_signal import Draws
from models.digital.pulse_trains import Trains
from models.digital.sequencer import Sequence, SequencerState
from models.digital.transfer import TransferControl
from models.digital.update_management import Managed

Bits = NDArray[np.uint16]
Memories = tuple[NDArray[Any] | None, ...]  # H, mean, past


class ChoppedConversion(NamedTuple):
    """Products of some vectors with the weights.

    ``codes`` [n, driven] are DAC codes, ``draws`` the random draws of the read, ``sums``
    [n, sensed] ADC codes, ``scale`` [n] and ``values`` [n, sensed] BF16 patterns.
    """

    layer: int
    transpose: bool
    codes: NDArray[np.int16]
    draws: Draws | None
    sums: NDArray[np.int16]
    scale: Bits
    values: Bits


class Transfer(NamedTuple):
    """What reads did to the digital state and asked of the slow array.

    ``rows`` [k] are the rows that were read, ``place`` [T] counts in them; ``before`` and ``after``
    are H, mean and past of these rows [k, columns], None where the algorithm has none; ``counts``
    [T, columns] are pulses.
    """

    rows: NDArray[np.intp]
    place: NDArray[np.intp]
    before: Memories
    after: Memories
    counts: NDArray[np.int8]
    control: TransferControl


class ArrayUpdate(NamedTuple):
    """One batch of vector pairs as pulses on an array, and the reads between them.

    ``array`` is ``fast`` or ``slow``. ``rate`` is the BF16 pattern of the learning rate over
    ``dw_min``; ``train_state`` the register of the trains before the batch (after it:
    ``trains.state``); ``before`` and ``after`` the sequencer with its choppers. The choppers count
    on the fast array only, and only it is read: ``seen`` [T, columns] is what the reads saw,
    ``draws`` their noise, ``z`` their codes. ``transfer`` is None for ``sgd`` and ``ttv1``;
    ``ttv1`` has a second update, of the slow array, for each of the fast one.
    """

    layer: int
    step: int
    array: str
    x: Bits
    delta: Bits
    rate: int
    managed: Managed
    trains: Trains
    train_state: int
    before: SequencerState
    after: SequencerState
    order: Sequence
    seen: NDArray[np.float32]
    draws: NDArray[np.float32]
    z: NDArray[np.int16]
    transfer: Transfer | None


class ChoppedWatch(Protocol):
    """Somebody who looks at conversions and updates as they happen."""

    def conversion(self, seen: ChoppedConversion) -> None:
        """See vectors go through the weights."""
        ...

    def update(self, seen: ArrayUpdate) -> None:
        """See a batch of vector pairs."""
        ...
