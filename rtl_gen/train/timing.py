"""How many cycles the commands of a tile take when nothing stalls."""

from collections.abc import Mapping

from models.config.tile import TileConfig
from rtl_gen.train.command import Op

OVERHEAD = 2  # one cycle to start, one to see that all is done


def command_cycles(
    config: TileConfig, latencies: Mapping[str, int], command: Mapping[str, int]
) -> int:
    """Cycles from the transfer of ``command`` to ``busy`` low, all streams always ready.

    With ``I`` inputs, ``O`` outputs and ``V`` vectors the memory commands take 2 plus one per
    word (STATE_READ: 3 plus one per word) and UPDATE takes ``4 + V*(I + O) + I*O*V`` and the
    latency of AccumulateThreshold. Pulses can add to that: one cycle for every transfer that a
    weight sends beyond ``V``, and those of the last weight. FORWARD and BACKWARD:
    :func:`conversion_cycles`.

    Parameters
    ----------
    config : TileConfig
        The tile.
    latencies : mapping
        :attr:`rtl_gen.train.tile.Tile.latencies`.
    command : mapping
        Fields of the command; those not named are 0.
    """
    inputs, outputs = command.get("inputs", 0), command.get("outputs", 0)
    vectors = command.get("vectors", 0)
    match Op(command["op"]):
        case Op.CALIBRATE:
            return OVERHEAD + config.macro.adc_count
        case Op.LINE_WRITE:
            return OVERHEAD + outputs
        case Op.STATE_WRITE:
            return OVERHEAD + inputs * outputs
        case Op.STATE_READ:
            return OVERHEAD + 1 + inputs * outputs
        case Op.UPDATE:
            words, products = vectors * (inputs + outputs), vectors * inputs * outputs
            return OVERHEAD + 2 + words + products + latencies["accumulate"]
        case _:
            return conversion_cycles(config, latencies, command)


def conversion_cycles(
    config: TileConfig, latencies: Mapping[str, int], command: Mapping[str, int]
) -> int:
    """Cycles of FORWARD and BACKWARD.

    The ``I`` inputs; then ``S = slices * phases`` times ``settle_cycles + 1`` to drive and sample
    and ``adc_bits + 2`` for each of the ``G`` mux groups that hold needed lines. In the last of
    these a group is read out, one or (chained) two cycles per output and one between groups,
    while the next converts, and the longer of the two counts. Then the latencies of AdcInterface
    and PostProcess:

    ``2 + I + (S - 1)*(settle + 1 + G*(B + 2)) + settle + 1 + (B + 2) + (G - 1)*max(B + 2, R + 1)
    + R_last + latencies`` with the cycles ``R`` to read out a full and ``R_last`` the last group.
    """
    macro, forward = config.macro, command["op"] == Op.FORWARD.value
    per_output = 2 if command.get("chain", 0) else 1
    phases = 1 if forward and not command.get("signed", 0) else 2
    lanes = macro.adc_count // 2 if forward else macro.adc_count  # outputs per group
    groups = -(-command["outputs"] // lanes)
    in_last = command["outputs"] - (groups - 1) * lanes
    conversion, sense = latencies["adc"] + 1, macro.settle_cycles + 1
    before = (command["slices"] * phases - 1) * (sense + groups * conversion)
    final = sense + conversion + (groups - 1) * max(conversion, lanes * per_output + 1)
    tail = latencies["adc_interface"] + in_last * per_output + latencies["post_process"]
    return OVERHEAD + command["inputs"] + before + final + tail
