"""How many cycles the commands of a tile of pulsed training take when nothing stalls."""

from collections.abc import Mapping, Sequence

from models.config.chopped_tile import ChoppedTileConfig
from rtl_gen.train.chopped_command import REGISTERS, Bank, Op

OVERHEAD = 2  # one cycle to start, one to see that all is done


def command_cycles(
    config: ChoppedTileConfig, latencies: Mapping[str, int], command: Mapping[str, int]
) -> int:
    """Cycles from the transfer of a command other than UPDATE to ``busy`` low.

    Commands on state take 2 plus one per word; STATE_READ of a memory one more. Products and READ
    take 2, one per code (READ: 1), then :func:`conversion_cycles`, and for the last group one per
    output and the latency of ``CodeValues``.

    Parameters
    ----------
    config : ChoppedTileConfig
        The tile.
    latencies : mapping
        :attr:`rtl_gen.train.chopped_tile.ChoppedTile.latencies`.
    command : mapping
        Fields of the command; those not named are 0.
    """
    rows, columns = command.get("rows", 0), command.get("columns", 0)
    op, bank = Op(command["op"]), Bank(command.get("bank", 0))
    if op in (Op.STATE_WRITE, Op.STATE_READ):
        if bank in (Bank.LINES, Bank.REGISTERS):
            return OVERHEAD + (rows if bank == Bank.LINES else len(REGISTERS))
        return OVERHEAD + rows * columns + (op == Op.STATE_READ)
    driven, sensed = {
        Op.FORWARD: (rows, columns),
        Op.BACKWARD: (columns, rows),
        Op.READ: (1, columns),
    }[op]
    return OVERHEAD + driven + conversion_cycles(config, latencies, sensed) + latencies["values"]


def conversion_cycles(config: ChoppedTileConfig, latencies: Mapping[str, int], sensed: int) -> int:
    """Cycles from the codes on the lines to the last ADC code, one by one.

    ``settle_cycles + 1`` to drive and sample, ``B + 2`` (``B`` the ADC bits) for the first mux
    group; while each further one converts, the one before leaves, one cycle per code and one
    between groups; then the codes of the last.
    """
    lanes = config.macro.adc_count
    groups = -(-sensed // lanes)
    conversion = latencies["adc"] + 1
    between = (groups - 1) * max(conversion, lanes + 1)
    last = sensed - (groups - 1) * lanes
    return config.macro.settle_cycles + 1 + conversion + between + last


def update_cycles(
    config: ChoppedTileConfig,
    latencies: Mapping[str, int],
    command: Mapping[str, int],
    slots: Sequence[int],
    reads: int,
    passes: int,
) -> int:
    """Cycles of UPDATE when nothing stalls; every pulse of a transfer is taken at once.

    Each vector pair takes 5, one per line, and the latency of update management; if it has slots
    ``S`` one per line again, the latency of the trains, and ``S``. A read takes 1, 1 to drive the
    row, :func:`conversion_cycles` and the latency of the transfer unit. The end of a pass takes
    one per column if columns have choppers that may flip.

    Parameters
    ----------
    config, latencies, command
        As for :func:`command_cycles`.
    slots : sequence of int
        Slots of each vector pair.
    reads, passes : int
        Reads, and passes that they end.
    """
    columns = command["columns"]
    lines = command["rows"] + columns
    pulses = sum(lines + latencies["trains"] + count for count in slots if count)
    vectors = len(slots) * (lines + latencies["management"] + 5)
    read = 2 + conversion_cycles(config, latencies, columns) + latencies["read_transfer"]
    flips = passes * columns if config.sequencer.out_chance else 0
    return OVERHEAD + vectors + pulses + reads * read + flips
