"""Corners that the digital results of pulsed training reach, and the pulses among them."""

from collections.abc import Mapping

import numpy as np

from sim.corners import bf16_rounding


def coincidences(rows, columns) -> int:
    """Device pulses of trains [slots, rows] and [slots, columns]."""
    return int(np.dot(rows.sum(axis=1, dtype=np.int64), columns.sum(axis=1, dtype=np.int64)))


def _dac_codes(args, _kwargs, codes, _config):
    limit = 2 ** (args[2] - 1) - 1
    return {"dac_codes_at_a_bound": int(np.count_nonzero(np.abs(codes) == limit))}


def _scaled(args, _kwargs, _values, _config):
    inexact, ties = bf16_rounding(args[0])
    return {"int_to_bf16_inexact": inexact, "int_to_bf16_rounding_ties": ties}


def _relu(_args, _kwargs, result, _config):
    return {"activation_zeroed": int(np.count_nonzero(~result[1]))}


def _max_pool(args, _kwargs, result, _config):
    ties = (args[0] == result[0][:, None]).sum(axis=1) > 1
    return {"max_pool_ties": int(np.count_nonzero(ties))}


def _update_management(_args, _kwargs, managed, config):
    longest = config.update.desired_bl
    return {
        "vectors": len(managed.slots),
        "vectors_without_slots": int(np.count_nonzero(managed.slots == 0)),
        "vectors_with_all_slots": int(np.count_nonzero(managed.slots == longest)),
    }


def _pulse_trains(_args, _kwargs, trains, _config):
    return {
        "slots": len(trains.rows),
        "line_pulses": int(trains.rows.sum()) + int(trains.columns.sum()),
        "coincidences": coincidences(trains.rows, trains.columns),
    }


def _sequence(_args, _kwargs, result, _config):
    order, _ = result
    return {
        "reads": len(order.row),
        "row_chopper_flips": int(order.flips.sum()),
        "reads_without_pulses": int(np.count_nonzero(order.enable == 0)),
    }


def _transfer(_args, _kwargs, result, config):
    h, _, _, counts = result
    found = {
        "transfer_pulses_up": int(np.count_nonzero(counts > 0)),
        "transfer_pulses_down": int(np.count_nonzero(counts < 0)),
    }
    if config.digital.variant == "fixed":
        limit = 2 ** (config.digital.state_width - 1) - 1
        found["accumulators_at_a_bound"] = int(np.count_nonzero(np.abs(h) == limit))
    return found


CHOPPED_CORNERS = {
    "dac_codes": _dac_codes,
    "scaled": _scaled,
    "relu": _relu,
    "max_pool": _max_pool,
    "update_management": _update_management,
    "pulse_trains": _pulse_trains,
    "sequence": _sequence,
    "transfer": _transfer,
}


def compared_pulses(corners: Mapping[str, int]) -> dict[str, int]:
    """Device pulses that rest on compared values: coincidences of trains, and transfers."""
    names = ("coincidences", "transfer_pulses_up", "transfer_pulses_down")
    return {"device_pulses_compared": sum(corners.get(name, 0) for name in names)}
