"""What runs the system `memristor`."""

from typing import Any

from amaranth.lib.wiring import Component
from numpy.typing import NDArray

from models.config.memristor import MemristorConfig
from models.digital.golden import GoldenUnits
from models.systems.memristor import MemristorSystem
from models.systems.stage import BIAS_EXPONENT
from models.trainer.data import DataSet
from rtl_gen.array.pulse_sequencer import PulseSequencer
from rtl_gen.array.sar import SarAdc
from rtl_gen.top import Top
from rtl_gen.units.accumulate_threshold import AccumulateThreshold
from rtl_gen.units.adc_interface import AdcInterface
from rtl_gen.units.max_pool import MaxPool
from rtl_gen.units.post_process import PostProcess
from rtl_gen.units.requantize import Requantize
from sim.corners import CORNERS
from sim.cosim.random_ops import run_random
from sim.kernel.units import RtlUnits
from sim.learning import reference_gradients
from sim.parts import LayerGradient, Parts
from sim.pins import PinSampler
from sim.pins_verdict import replay_samples
from sim.pulse_trace import PulseTrace
from sim.recording import Bundles
from sim.report import plots
from sim.work import products


def components(config: MemristorConfig, seed: int = 1) -> dict[str, Component]:
    """Top-level components by the name of their Verilog file.

    The random source of the tile starts from ``seed`` (from 1 if it is 0).
    """
    tile, macro = config.tile, config.macro
    return {
        "tile": Top(tile, seed=max(1, seed % 2**32)),
        "adc_interface": AdcInterface(tile.adc_interface),
        "post_process": PostProcess(tile.post_process),
        "requantize": Requantize(tile.post_process.requantize),
        "accumulate_threshold": AccumulateThreshold(tile.update),
        "max_pool": MaxPool(macro.code_width),
        "pulse_sequencer": PulseSequencer(macro, tile.scheme),
        "sar": SarAdc(macro.adc_count, macro.adc_bits, macro.group_count),
    }


def _rtl(config: MemristorConfig, seed: int, backend: str) -> RtlUnits:
    first = MemristorSystem(config, GoldenUnits(config.tile), seed).random_state
    return RtlUnits(config.tile, first, backend)


def _gradients(
    system: MemristorSystem, images: NDArray, labels: NDArray, rate: float
) -> list[LayerGradient]:
    stages = {stage.crossbar.index: stage for stage in system.stages}
    weights = {
        index: (stage.crossbar.weight(), stage.bias * 2.0**BIAS_EXPONENT)
        for index, stage in stages.items()
    }
    wanted = reference_gradients(system.config.network, weights, images, labels)
    found = system.gradients(images, labels, rate)
    return [
        LayerGradient(index, wanted[index], got) for index, got in zip(stages, found, strict=True)
    ]


def _figures(
    system: MemristorSystem, data: DataSet, trace: PulseTrace, steps: int
) -> dict[str, bytes]:
    crossbars, first = [stage.crossbar for stage in system.stages], system.stages[0]
    table = trace.table()
    return {
        "Conductances and weights after the run": plots.distributions(
            "normalised conductance",
            {one.index: one.conductance for one in crossbars},
            "weight / weight range",
            {one.index: one.weight() / one.weight_range for one in crossbars},
        ),
        "Weights of the first layer": plots.first_weights(
            first.crossbar.weight().T, first.shape, first.kernel
        ),
        "First test images with the hardware's answers (red: wrong)": plots.pictures(system, data),
        "Programming pulses": plots.pulses(table, steps),
    }


def _layers(system: MemristorSystem) -> list[Any]:
    return [stage.crossbar for stage in system.stages]


PARTS = Parts(
    learner=MemristorSystem,
    golden=lambda config: GoldenUnits(config.tile),
    rtl=_rtl,
    corners=CORNERS,
    widths=lambda config: config.tile,
    bundles=Bundles(joined={"sar": 1, "adc_interface": 1}, in_order=("random_words",)),
    layers=_layers,
    trace=lambda _config, _each_vector: PulseTrace(),
    sampler=PinSampler,
    replay=replay_samples,
    random_ops=run_random,
    components=components,
    tile=lambda config: Top(config.tile),
    gradients=_gradients,
    figures=_figures,
    products=lambda config: products(config.network),
)
