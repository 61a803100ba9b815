"""Part ``analog``: noisy products and pulsed updates of a 512x512 array, and aihwkit's."""

from importlib.util import find_spec
from pathlib import Path

from sim.bench.rates import ratio, typical
from sim.bench.settings import Figures, Settings
from sim.bench.turns import by_turns

KINDS = {  # name: module that it needs, kind of worker
    "mvm": ("models", "analog_work:mvm"),
    "exact_mvm": ("models", "analog_work:exact_mvm"),
    "pulses": ("models", "analog_work:pulses"),
    "aihwkit_mvm": ("aihwkit", "aihwkit_work:mvm"),
    "aihwkit_pulses": ("aihwkit", "aihwkit_work:pulses"),
}
RATIOS = (("mvm", "aihwkit_mvm"), ("exact_mvm", "aihwkit_mvm"), ("pulses", "aihwkit_pulses"))


def measure(settings: Settings) -> Figures:
    """Products and device pulses per second of CPU time; None for what is not installed."""
    kinds = {name: kind for name, (module, kind) in KINDS.items() if find_spec(module)}
    rates, workers = by_turns(kinds, Path(), settings)
    figures: Figures = {}
    for name in KINDS:
        figures[f"analog_{name}_per_s"] = typical(rates[name]) if name in rates else None
    for name, worker in workers.items():
        figures[f"analog_{name}_peak_mib"] = worker.peak_mib
    for name, base in RATIOS:
        if name in rates and base in rates:
            figures[f"analog_{name}_per_{base}"] = ratio(rates[name], rates[base])
    return figures
