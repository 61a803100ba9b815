"""What left a tile during an operation, as the operation's result."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.config.tile import TileConfig
from sim.cosim.expected import needed_groups
from sim.cosim.macro_bfm import MacroBfm
from sim.cosim.operations import TileOp, TileResult
from sim.cosim.packing import unpack_words

STREAMS_OUT = ("o", "o_state", "o_program")


def collect(
    op: TileOp,
    config: TileConfig,
    layouts: Mapping[str, Any],
    taken: Mapping[str, NDArray[np.uint32]],
    bfm: MacroBfm,
    cycles: int,
) -> TileResult:
    """Give the result of ``op``.

    Parameters
    ----------
    op : TileOp
        The operation.
    config : TileConfig
        The tile.
    layouts : mapping
        ``describe(tile)["streams"]``.
    taken : mapping
        Payloads of each of ``STREAMS_OUT`` as :func:`sim.cosim.packing.word_array` gives them.
    bfm : MacroBfm
        With the samples and violations of the operation.
    cycles : int
        Of the operation.
    """
    program = unpack_words(layouts["o_program"], taken["o_program"])
    for transfer in zip(*(values.tolist() for values in program.values()), strict=True):
        bfm.program(dict(zip(program, transfer, strict=True)), converting=op.kind != "update")
    if op.kind == "update":
        return TileResult(
            chi=_state(unpack_words(layouts["o_state"], taken["o_state"]), op, config),
            pulses=np.array(bfm.pulses, np.int64).reshape(-1, 4),
            cycles=cycles,
            errors=bfm.errors,
        )
    beats = unpack_words(layouts["o"], taken["o"])
    return TileResult(
        sums=beats["sum"],
        values=beats["value"].astype(np.uint16),
        masks=beats["mask"].astype(np.bool_),
        codes=beats["code"].astype(np.int16),
        adc_codes=bfm.codes(op.slices, op.phases, needed_groups(op, config)),
        cycles=cycles,
        errors=bfm.errors,
    )


def _state(fields: Mapping[str, NDArray[np.int64]], op: TileOp, config: TileConfig) -> NDArray[Any]:
    """Chi; flat, so that it compares as wrong, when not every element came."""
    words = fields["payload"]
    if config.update.variant == "fixed":
        unused = 64 - config.update.state_width
        words = words << unused >> unused
    chi = words.astype(op.chi.dtype)
    return chi.reshape(op.chi.shape) if chi.size == op.chi.size else chi
