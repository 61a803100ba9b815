"""Commands of the tile and the loops that serve them."""

from collections.abc import Sequence
from typing import Any

from amaranth import *
from amaranth.lib import data, enum

from models.config.tile import TileConfig


class Op(enum.Enum, shape=unsigned(3)):
    """What a command does; see :class:`rtl_gen.train.tile.Tile`."""

    FORWARD = 0
    BACKWARD = 1
    UPDATE = 2
    STATE_WRITE = 3
    STATE_READ = 4
    LINE_WRITE = 5
    CALIBRATE = 6


def command_layout(config: TileConfig) -> data.StructLayout:
    """Fields of one command, lowest first."""
    return data.StructLayout(
        {
            "op": Op,
            "inputs": 11,
            "outputs": 11,
            "slices": 4,
            "signed": 1,
            "vectors": 13,
            "transfer": 1,
            "adc_range": max(1, (config.macro.range_count - 1).bit_length()),
            "activation": 2,
            "exponent": signed(9),
            "stochastic": 1,
            "shift": 6,
            "scale": 16,
            "threshold": config.update.state_width,
            "chain": 1,
        }
    )


def word_width(config: TileConfig) -> int:
    """Width of the signed words of the tile's input stream."""
    return max(40, config.update.state_width)


def converts(command) -> Value:
    """1 for the two commands that use the converters."""
    return (command.op == Op.FORWARD) | (command.op == Op.BACKWARD)


def walk(m: Module, step, counters: Sequence[tuple[Signal, Any]]) -> Value:
    """Advance nested counters, first fastest, in cycles with ``step``.

    A counter runs from 0 to its limit - 1. Returns 1 in the last iteration, whose step leaves
    all counters at 0 again.
    """
    last = Const(1)
    for index, limit in counters:
        at_end = index + 1 == limit
        with m.If(step & last):
            m.d.sync += index.eq(Mux(at_end, 0, index + 1))
        last = last & at_end
    return last
