"""Commands of the tile of pulsed training."""

from amaranth import *
from amaranth.lib import data, enum

from models.config.chopped_macro import index_width
from models.config.chopped_tile import ChoppedTileConfig


class Op(enum.Enum, shape=unsigned(3)):
    """What a command does; see :class:`rtl_gen.train.chopped_tile.ChoppedTile`."""

    FORWARD = 0
    BACKWARD = 1
    READ = 2
    UPDATE = 3
    STATE_WRITE = 4
    STATE_READ = 5


class Bank(enum.Enum, shape=unsigned(3)):
    """State that STATE_WRITE and STATE_READ reach."""

    H = 0
    MEAN = 1
    PAST = 2
    LINES = 3
    REGISTERS = 4


REGISTERS = ("row", "vectors", "passes", "settled", "lfsr", "trains")  # words of their bank
COUNT = 11  # bits of a number of lines


def command_layout(config: ChoppedTileConfig) -> data.StructLayout:
    """Fields of one command, lowest first."""
    width = config.transfer.width
    return data.StructLayout(
        {
            "op": Op,
            "bank": Bank,
            "rows": COUNT,
            "columns": COUNT,
            "row": index_width(config.macro.rows),
            "array": 1,
            "differential": 1,
            "drive": signed(config.macro.dac_bits),
            "activation": 2,
            "scale": 16,
            "vectors": 16,
            "rate": 16,
            "transfers": 1,
            "transfer_every": 16,
            "threshold": width,
            "step": width,
            "momentum": 16,
            "transfer_scale": 16,
            "beta": 16,
        }
    )


def word_width(config: ChoppedTileConfig) -> int:
    """Width of the words of the tile's input and state streams."""
    return max(32, config.transfer.width)


def converts(command) -> Value:
    """1 for the three commands that give codes."""
    return (command.op == Op.FORWARD) | (command.op == Op.BACKWARD) | (command.op == Op.READ)


def accesses(command, op: Op, *banks: Bank) -> Value:
    """1 for one of the commands that write or read state, on one of the banks."""
    return (command.op == op) & Cat(command.bank == bank for bank in banks).any()
