"""What left a tile of pulsed training during an operation, as the operation's result."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.config.chopped_tile import ChoppedTileConfig
from rtl_gen.train.chopped_command import REGISTERS
from sim.cosim.chopped_bfm import ChoppedBfm
from sim.cosim.chopped_operations import ChoppedTileOp, ChoppedTileResult
from sim.cosim.chopped_steps import state_names
from sim.cosim.packing import unpack_words


def collect(
    op: ChoppedTileOp,
    config: ChoppedTileConfig,
    layouts: Mapping[str, Any],
    taken: Mapping[str, NDArray[np.uint32]],
    bfm: ChoppedBfm,
    cycles: int,
) -> ChoppedTileResult:
    """Give the result of ``op``.

    Parameters
    ----------
    op : ChoppedTileOp
        The operation.
    config : ChoppedTileConfig
        The tile.
    layouts : mapping
        ``describe(tile)["streams"]``.
    taken : mapping
        Payloads of each stream out as :func:`sim.cosim.packing.word_array` gives them.
    bfm : ChoppedBfm
        With the samples, pulses and violations of the operation.
    cycles : int
        Of the operation.
    """
    beats = {name: unpack_words(layouts[name], words) for name, words in taken.items()}
    common: dict[str, Any] = {
        "adc_codes": bfm.codes(),
        "cycles": cycles,
        "errors": bfm.errors,
    }
    if op.kind != "update":
        return ChoppedTileResult(
            **common,
            codes=beats["o"]["code"].astype(np.int16),
            values=beats["o"]["value"].astype(np.uint16),
            masks=beats["o"]["mask"].astype(np.bool_),
        )
    rows, columns = bfm.pulses()
    program = [beats["o_program"][name] for name in ("row", "column", "polarity", "count")]
    reads = [(*read, slots) for read, slots in zip(bfm.reads, bfm.slots_before, strict=False)]
    found: dict[str, Any] = common | _state(beats["o_state"]["payload"], op, config)
    return ChoppedTileResult(
        **found,
        reads=np.array(reads, np.int64).reshape(-1, 3),
        row_pulses=rows,
        column_pulses=columns,
        program=np.stack(program, axis=1).astype(np.int64),
    )


def _state(
    words: NDArray[np.int64], op: ChoppedTileOp, config: ChoppedTileConfig
) -> dict[str, NDArray[Any]]:
    """State after an update; parts that did not come are short, so that they compare as wrong."""
    count = config.macro.lines
    lines, registers, words = np.split(words, [count, count + len(REGISTERS)])
    found: dict[str, NDArray[Any]] = {
        "row_choppers": (lines & 1)[: op.rows].astype(np.uint8),
        "flipped": (lines >> 1 & 1)[: op.rows].astype(np.uint8),
        "column_choppers": (lines >> 2 & 1)[: op.columns].astype(np.uint8),
        "registers": registers,
    }
    size = len(op.places) * op.columns
    for name in state_names(op, config):
        part, words = words[:size], words[size:]
        value = _numbers(part, name, config)
        found[name] = value.reshape(-1, op.columns) if len(part) == size else value
    return found


def _numbers(words: NDArray[np.int64], name: str, config: ChoppedTileConfig) -> NDArray[Any]:
    if config.transfer.variant == "bf16":
        return words.astype(np.uint16)
    width = config.transfer.width if name == "h" else config.transfer.reference.mean_width
    unused = 64 - width
    return (words << unused >> unused).astype(np.int64 if name == "h" else np.int32)
