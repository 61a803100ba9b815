"""Part ``pulsed``: samples per second of pulsed training, batches of 8, trains of up to 5 slots."""

from sim.bench.settings import Figures, Settings
from sim.bench.training import compared

NETWORKS = ("lenet", "fc")
ALGORITHMS = ("agad", "cttv2", "ttv2")
NAMES = tuple(f"{algorithm}_{network}" for network in NETWORKS for algorithm in ALGORITHMS)
KINDS = {name: f"pulsed_work:{name}" for name in NAMES} | {
    "agad_lenet_lfsr": "pulsed_work:agad_lenet_lfsr"
}
OTHERS = {f"aihwkit_{name}": ("aihwkit", f"aihwkit_work:{name}") for name in NAMES}
RATIOS = tuple((name, f"aihwkit_{name}") for name in NAMES)


def measure(settings: Settings) -> Figures:
    """Rates by CPU time and by the clock on the wall, peaks of memory, ratios."""
    return compared("pulsed", KINDS, OTHERS, RATIOS, settings)
