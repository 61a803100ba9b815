"""A unit driven at its pins by cocotb, as one call."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from amaranth.lib.wiring import Component

from rtl_gen.verilog import describe
from sim.bench.cases import Stimulus
from sim.cosim.packing import pack_fields, unpack_fields
from sim.cosim.runner import run_bench


def pin_level(
    component: Component, stimulus: Stimulus, folder: Path
) -> Callable[[], tuple[float, dict[str, np.ndarray]]]:
    """Prepare the payloads; the call runs them.

    The clock of the simulator's own process counts: neither its start nor the reset.

    Parameters
    ----------
    component : Component
        A unit with one result for each beat.
    stimulus : Stimulus
        Its beats and static inputs.
    folder : Path
        Where the simulator is built.

    Returns
    -------
    callable
        Gives beats per second of CPU time, and fields of the output.
    """
    interface = describe(component)
    streams, static = interface["streams"], interface["static"]
    job = {
        "static": {key: _packed(static[key], value) for key, value in stimulus.static.items()},
        "payloads": [pack_fields(streams["i"], beat) for beat in _beats(stimulus)],
    }
    path = folder.absolute() / "job.json"

    def run() -> tuple[float, dict[str, np.ndarray]]:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(job))
        run_bench(component, "sim.bench.pins", folder, seed=1, job=path)
        done = json.loads(path.read_text())
        beats = [unpack_fields(streams["o"], word) for word in done["results"]]
        names = [field["name"] for field in streams["o"]["fields"]]
        results = {name: np.array([beat[name] for beat in beats]) for name in names}
        return len(job["payloads"]) / done["cpu_s"], results

    return run


def _packed(layout: Mapping, value: Mapping | int) -> int:
    return pack_fields(layout, value if isinstance(value, Mapping) else {"payload": value})


def _beats(stimulus: Stimulus) -> list[dict[str, int]]:
    count = stimulus.beats
    columns = {
        name: np.broadcast_to(values, count).tolist() for name, values in stimulus.fields.items()
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
