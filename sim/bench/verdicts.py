"""What a figure has to reach, and what others measured elsewhere."""

from dataclasses import dataclass
from typing import Any

from sim.bench.cases import CASES
from sim.bench.settings import Figures


@dataclass(frozen=True)
class Elsewhere:
    """A figure of another project on a machine of the same class, not measured in our run.

    Attributes
    ----------
    what : str
        For readers.
    value : float
        The figure.
    ours : str
        Name of the figure of ours that stands beside it.
    """

    what: str
    value: float
    ours: str


PULSED = {
    "agad_lenet": 328,
    "cttv2_lenet": 313,
    "ttv2_lenet": 448,
    "agad_fc": 2829,
    "cttv2_fc": 2223,
    "ttv2_fc": 4389,
}
ELSEWHERE = (
    Elsewhere(
        "aihwkit mixed precision, samples/s", 579, "training_multilevel_512x512_samples_per_s"
    ),
    Elsewhere("PyTorch FP32, samples/s", 4983, "training_fp32_samples_per_s"),
    Elsewhere("aihwkit 512x512 batch 64, MVM/s", 53_000, "analog_mvm_per_s"),
    Elsewhere("aihwkit rank-one updates, pulses/s", 72e6, "analog_pulses_per_s"),
    *(
        Elsewhere(f"aihwkit {name}, samples/s", value, f"pulsed_{name}_samples_per_s")
        for name, value in PULSED.items()
    ),
)
FLOORS = {
    "float_mul_verilator_per_bare": 0.8,
    "post_process_verilator_per_bare": 0.8,
    "float_mul_verilator_per_cocotb": 100.0,
    "post_process_verilator_per_cocotb": 100.0,
    **{
        f"{name}_bitsliced_per_verilator": 20.0
        for name, case in CASES.items()
        if case.is_arithmetic
    },
    "training_fp32_samples_per_s": 2500.0,
    "training_multilevel_512x512_samples_per_s": 600.0,
    **{f"pulsed_{name}_samples_per_s": 3.0 * value for name, value in PULSED.items()},
    "analog_mvm_per_s": 100e3,
    "analog_pulses_per_s": 750e6,
}


def floors(figures: Figures) -> list[dict[str, Any]]:
    """Every floor whose figure was measured: ``figure``, ``at_least``, ``measured``, ``met``."""
    found = []
    for name, least in FLOORS.items():
        measured = figures.get(name)
        if measured is not None:
            met = measured >= least
            found.append({"figure": name, "at_least": least, "measured": measured, "met": met})
    return found


def below(verdicts: list[dict[str, Any]]) -> list[str]:
    """One line for each floor that is not reached."""
    return [
        f"{one['figure']} is {one['measured']:.3g}, below its floor of {one['at_least']:g}"
        for one in verdicts
        if not one["met"]
    ]
