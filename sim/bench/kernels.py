"""Part ``kernels``: the back ends, the golden twin, cocotb and a loop written by hand."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sim.bench import bare
from sim.bench.cases import CASES, Case, Stimulus
from sim.bench.cosim import pin_level
from sim.bench.rates import Meter, alternate, cpu_meter, ratio, typical
from sim.bench.settings import Figures, Settings, Unequal
from sim.kernel import Kernel
from sim.kernel.engines import BACKENDS
from sim.toolchain import ToolchainError

SEED = 1
PINNED_BEATS = 20_000
RATIOS = (
    ("verilator", "bare"),
    ("verilator", "cocotb"),
    ("verilator", "twin"),
    ("cxxrtl", "verilator"),
    ("bitsliced", "verilator"),
    ("bitsliced", "twin"),
)


def measure(settings: Settings) -> Figures:
    """Beats per second of every unit by every means, and their ratios; None for no such means."""
    figures: Figures = {}
    for name, case in CASES.items():
        settings.say(f"kernels: {name}")
        figures |= measure_unit(name, case, settings)
    return figures


def measure_unit(name: str, case: Case, settings: Settings) -> Figures:
    """Figures of one unit, by names that begin with ``name``.

    Raises
    ------
    Unequal
        If any two means disagree.
    """
    rng = np.random.default_rng(SEED)
    stimulus = case.stimulus(rng, max(1, case.beats // settings.divisor))
    calls, refused = _calls(name, case, stimulus)
    expected = stimulus.outputs(stimulus.twin())
    for means, call in calls.items():
        check(f"{name}: {means}", call(), expected)
    meters = {means: cpu_meter(call, stimulus.beats) for means, call in calls.items()}
    meters["twin"] = cpu_meter(stimulus.twin, stimulus.beats)
    if name in bare.UNITS and settings.with_cocotb:
        meters["cocotb"] = _cocotb(name, case, settings.folder)
    rates = alternate(meters, settings.rounds)
    figures: Figures = {f"{name}_{means}_beats_per_s": None for means in refused}
    for means, values in rates.items():
        figures[f"{name}_{means}_beats_per_s"] = typical(values)
    for means, base in RATIOS:
        if means in rates and base in rates:
            figures[f"{name}_{means}_per_{base}"] = ratio(rates[means], rates[base])
    return figures


def check(what: str, results: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Raise Unequal unless the fields that both have are equal, and there is one."""
    common = set(results) & set(expected)
    wrong = [key for key in sorted(common) if not _equal(results[key], expected[key])]
    if wrong or not common:
        raise Unequal(f"{what} and the golden twin disagree in {', '.join(wrong) or 'all fields'}")


def _equal(left: Any, right: Any) -> bool:
    return np.array_equal(np.asarray(left).astype(np.int64), np.asarray(right).astype(np.int64))


def _calls(
    name: str, case: Case, stimulus: Stimulus
) -> tuple[dict[str, Callable[[], Mapping[str, np.ndarray]]], list[str]]:
    """Kernels and the loop by hand, and the back ends that cannot run the unit."""
    calls, refused = {}, []
    for backend in BACKENDS:
        try:
            kernel = Kernel(case.component(), name, lanes=case.lanes, backend=backend)
            kernel.build()
        except (ValueError, ToolchainError) as error:
            if backend == "verilator":
                raise
            _explain(name, backend, error)
            refused.append(backend)
            continue
        calls[backend] = lambda kernel=kernel: kernel(stimulus.static, **stimulus.fields)
    if name in bare.UNITS:
        given = stimulus.static, stimulus.fields, stimulus.beats
        calls["bare"] = bare.bare(case.component(), name, *given)
    return calls, refused


def _explain(name: str, backend: str, error: Exception) -> None:
    reason = str(error).splitlines()[0]
    print(f"bench: {name}: no {backend} kernel: {reason}", flush=True)


def _cocotb(name: str, case: Case, folder: Path) -> Meter:
    stimulus = case.stimulus(np.random.default_rng(SEED), PINNED_BEATS)
    run = pin_level(case.component(), stimulus, folder / name)
    expected = stimulus.outputs(stimulus.twin())

    def measure() -> float:
        rate, results = run()
        check(f"{name}: cocotb", results, expected)
        return rate

    measure()  # builds
    return measure
