"""Part ``training``: samples per second on aihwkit's network for MNIST, batches of 8."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from sim.bench.rates import ratio, typical
from sim.bench.samples import write_samples
from sim.bench.settings import Figures, Settings
from sim.bench.turns import by_turns

KINDS = {
    "fp32": "trainers:fp32",
    "multilevel_512x512": "trainers:multilevel_512x512",
    "bit_serial_256x64": "trainers:bit_serial_256x64",
    "bit_serial_512x512": "trainers:bit_serial_512x512",
    "rtl_multilevel_512x512": "trainers:rtl_multilevel_512x512",
}
OTHERS = {  # measured where the package is installed: name, package, kind
    "torch_fp32": ("torch", "torch_work:fp32"),
    "aihwkit_mixed_precision": ("aihwkit", "aihwkit_work:mixed_precision"),
}
RATIOS = (
    ("multilevel_512x512", "fp32"),
    ("bit_serial_256x64", "fp32"),
    ("bit_serial_512x512", "fp32"),
    ("rtl_multilevel_512x512", "multilevel_512x512"),
    ("fp32", "torch_fp32"),
    ("multilevel_512x512", "torch_fp32"),
    ("multilevel_512x512", "aihwkit_mixed_precision"),
    ("bit_serial_512x512", "aihwkit_mixed_precision"),
)


def measure(settings: Settings) -> Figures:
    """Rates by CPU time and by the clock on the wall, peaks of memory, ratios."""
    return compared("training", KINDS, OTHERS, RATIOS, settings)


def compared(
    part: str,
    kinds: Mapping[str, str],
    others: Mapping[str, tuple[str, str]],
    ratios: Sequence[tuple[str, str]],
    settings: Settings,
) -> Figures:
    """Let trainers of our own and, where their package is installed, of others take turns.

    Parameters
    ----------
    part : str
        First word of the names of the figures.
    kinds, others : mapping
        Kinds of workers by name; with the package for those of others.
    ratios : sequence of tuple of str
        Names whose rates are to be divided.
    settings : Settings
        How to measure.
    """
    samples = write_samples(settings.folder, settings.data)
    found = {name: kind for name, (package, kind) in others.items() if find_spec(package)}
    rates, workers = by_turns({**kinds, **found}, samples, settings)
    figures: Figures = {}
    for name, worker in workers.items():
        figures[f"{part}_{name}_samples_per_s"] = typical(rates[name])
        figures[f"{part}_{name}_samples_per_wall_s"] = worker.amount / worker.wall_s
        figures[f"{part}_{name}_peak_mib"] = worker.peak_mib
    figures |= {f"{part}_{name}_samples_per_s": None for name in others if name not in found}
    for name, base in ratios:
        if base in rates:
            figures[f"{part}_{name}_per_{base}"] = ratio(rates[name], rates[base])
    return figures
