"""What runs the system `chopped`."""

import json
from pathlib import Path
from typing import Any

from amaranth.lib.wiring import Component
from numpy.typing import NDArray

from models.config.chopped import ChoppedConfig
from models.config.toml import config_hash
from models.digital.chopped import GoldenChoppedUnits, dac_config
from models.randomness import generator
from models.systems.chopped import ChoppedSystem
from models.trainer.data import DataSet
from models.trainer.progress import Progress
from rtl_gen.top import Top
from rtl_gen.units.choppers import Choppers
from rtl_gen.units.max_pool import MaxPool
from rtl_gen.units.pulse_trains import PulseTrains
from rtl_gen.units.read_sequencer import ReadSequencer
from rtl_gen.units.reference import Reference
from rtl_gen.units.requantize import Requantize
from rtl_gen.units.transfer import Transfer
from rtl_gen.units.update_management import UpdateManagement
from sim.chopped_corners import CHOPPED_CORNERS, compared_pulses
from sim.chopped_pins import ChoppedSampler
from sim.chopped_trace import COLUMNS, ChoppedTrace
from sim.chopped_verdict import replay_chopped
from sim.cosim.chopped_engines import compare, expect_all, run_chopped_tile
from sim.cosim.chopped_random import mixture
from sim.files import write_atomically
from sim.kernel.chopped_units import RtlChoppedUnits
from sim.learning import reference_gradients
from sim.parts import LayerGradient, Parts
from sim.recording import Bundles
from sim.report import plots
from sim.work import products

ALIKE = {  # units that treat rows of so many first arguments alike
    "dac_codes": 2,
    "scaled": 2,
    "reciprocal": 1,
    "multiply": 2,
    "add": 2,
    "relu": 1,
    "masked": 2,
    "max_pool": 1,
    "update_management": 2,
}


def components(config: ChoppedConfig, seed: int = 1) -> dict[str, Component]:
    """Top-level components by the name of their Verilog file.

    The register of the pulse trains starts from ``seed`` (from 1 if it is 0).
    """
    state = max(1, seed % 2**config.trains.lfsr.width)
    return {
        "tile": Top(config.tile, seed=state),
        "update_management": UpdateManagement(config.update),
        "pulse_trains": PulseTrains(config.trains, state),
        "read_sequencer": ReadSequencer(config.sequencer),
        "choppers": Choppers(config.sequencer),
        "reference": Reference(config.transfer.reference),
        "transfer": Transfer(config.transfer),
        "requantize": Requantize(dac_config(config.forward.dac_bits)),
        "max_pool": MaxPool(16),
    }


def _gradients(
    system: ChoppedSystem, images: NDArray, labels: NDArray, _rate: float
) -> list[LayerGradient]:
    arrays = {layer.index: layer.array.weight() for layer in system.layers}
    weights = {index: (weight[:-1], weight[-1]) for index, weight in arrays.items()}
    wanted = reference_gradients(system.config.network, weights, images, labels)
    found = system.gradients(images, labels)
    return [
        LayerGradient(index, wanted[index], got[:-1])
        for index, got in zip(arrays, found, strict=True)
    ]


def _figures(
    system: ChoppedSystem, data: DataSet, trace: ChoppedTrace, steps: int
) -> dict[str, bytes]:
    arrays, first = [layer.array for layer in system.layers], system.layers[0]
    table = trace.table()
    figures = {
        "Devices of the fast array and weights after the run": plots.distributions(
            "fast array" if arrays[0].fast is not None else "weights as their devices hold them",
            {one.index: (one.fast or one.slow).seen for one in arrays},
            "weight",
            {one.index: one.weight() for one in arrays},
        ),
        "Weights of the first layer": plots.first_weights(
            first.array.weight()[:-1].T, first.shape, first.kernel
        ),
        "First test images with the hardware's answers (red: wrong)": plots.pictures(system, data),
    }
    plotted = [COLUMNS.index(name) for name in ("step", "layer", "row", "column", "count")]
    for code, title in ((0, "Pulses on the weights"), (1, "Pulses on the fast array")):
        pulses = table[table[:, COLUMNS.index("array")] == code][:, plotted]
        if len(pulses):
            figures[title] = plots.pulses(pulses, steps)
    return figures


def _random_ops(
    config: ChoppedConfig,
    folder: Path,
    count: int,
    *,
    seed: int,
    waves: bool,
    engine: str = "cocotb",
) -> dict[str, Any]:
    """Run random operations, as :func:`sim.cosim.random_ops.run_random` does."""
    ops = mixture(generator(seed, "cosim"), config.tile, count)
    progress = Progress("cosim")
    progress.start(count)
    how = {"engine": engine, "seed": seed, "progress": progress.reach, "waves": waves}
    results = run_chopped_tile(ops, config.tile, folder / "sim", **how)
    progress.close()
    compared, differences, first = 0, 0, None
    wanted = expect_all(ops, config.tile)
    for number, (op, result, want) in enumerate(zip(ops, results, wanted, strict=True)):
        counts = compare(result, want)
        compared += sum(size for size, _ in counts.values())
        differences += sum(differ for _, differ in counts.values()) + len(result.errors)
        wrong = [name for name, (_, differ) in counts.items() if differ] + list(result.errors)
        if wrong and first is None:
            first = f"operation {number} ({op.kind}): {wrong[0]}"
    summary: dict[str, Any] = {
        "system": "chopped",
        "config_hash": config_hash(config),
        "seed": seed,
        "operations": count,
        "compared": compared,
        "differences": differences,
        "cycles": sum(result.cycles for result in results),
        "first_difference": first,
    }
    write_atomically(folder / "summary.json", (json.dumps(summary, indent=2) + "\n").encode())
    return summary


def _layers(system: ChoppedSystem) -> list[Any]:
    return [layer.array for layer in system.layers]


PARTS = Parts(
    learner=ChoppedSystem,
    golden=GoldenChoppedUnits,
    rtl=lambda config, _seed, backend: RtlChoppedUnits(config, backend),
    corners=CHOPPED_CORNERS,
    widths=lambda config: config,
    bundles=Bundles(joined=ALIKE),
    layers=_layers,
    trace=ChoppedTrace,
    sampler=ChoppedSampler,
    replay=replay_chopped,
    random_ops=_random_ops,
    components=components,
    tile=lambda config: Top(config.tile),
    gradients=_gradients,
    figures=_figures,
    products=lambda config: products(config.network),
    totals=compared_pulses,
)
