"""Checks in C++: compiled from the headers beside this file, run on every core, interruptible."""

import ctypes
import functools
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path

from sim import toolchain
from sim.kernel.build import run_tool
from sim.kernel.cache import cached, content_key
from sim.objcache import compiler_identity

HEADERS = Path(__file__).parent
# no contraction: the oracles rely on every operation being rounded as written
FLAGS = (
    *("g++", "-std=c++17", "-O3", "-march=native", "-ffp-contract=off", "-fPIC", "-shared"),
    *("-fvisibility=hidden", "-fno-gnu-unique", "-Wl,-Bsymbolic", "-w"),
)
CLASSES = (
    "nan_in",
    "inf_in",
    "subnormal_in",
    "overflow",
    "zero_sign",
    "subnormal_out",
    "core",
)
WORDS = 40  # of an example's inputs, as in slices.hpp
EXAMPLES = 4
STEP = 0.05  # seconds between looks at a running check

Progress = Callable[[float], None]


class _Example(ctypes.Structure):
    _fields_ = (
        ("inputs", ctypes.c_uint64 * WORDS),
        ("got", ctypes.c_uint64),
        ("want", ctypes.c_uint64),
    )


class _Report(ctypes.Structure):
    _fields_ = (
        ("stop", ctypes.c_int64),
        ("done", ctypes.c_uint64),
        ("cases", ctypes.c_uint64),
        ("differences", ctypes.c_uint64),
        ("classes", ctypes.c_uint64 * len(CLASSES)),
        ("signature", ctypes.c_uint64),
        ("example_count", ctypes.c_uint64),
        ("examples", _Example * EXAMPLES),
        ("measured", ctypes.c_uint64),
        ("rounded_right", ctypes.c_uint64),
        ("over_2_ulp", ctypes.c_uint64),
        ("worst_ulp", ctypes.c_double),
        ("worst_relative", ctypes.c_double),
        ("worst_window", ctypes.c_double),
    )


@dataclass
class Verdict:
    """What a check found.

    Attributes
    ----------
    cases, differences : int
        Inputs tried, and how many of their results were wrong.
    classes : dict of str to int
        Differences by kind.
    signature : int
        Inputs for which a flushing unit differs from IEEE arithmetic.
    examples : list of (int, int, int)
        Input payload, result, and what it should be.
    measures : dict of str to float
        Of windowed units: shares and worst errors.
    seconds : float
        Time of the run without compilation.
    """

    cases: int = 0
    differences: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    signature: int = 0
    examples: list[tuple[int, int, int]] = field(default_factory=list)
    measures: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


def compiled(text: str) -> ctypes.CDLL:
    """Return the library of the C++ source ``text``, which may include the headers; cached."""
    toolchain.setup()
    toolchain.require("g++")
    headers = [path.read_text() for path in sorted(HEADERS.glob("*.hpp"))]
    key = content_key(text, *headers, *FLAGS, compiler_identity("g++"))

    def make(folder: Path) -> Path:
        (folder / "check.cpp").write_text(text)
        run_tool([*FLAGS, "-I", str(HEADERS), "-o", "check.so", "check.cpp"], folder)
        return folder / "check.so"

    return ctypes.CDLL(str(cached(f"{key}.so", make, "check")))


def run(library: ctypes.CDLL, blocks: range, progress: Progress = lambda share: None) -> Verdict:
    """Run ``check`` of ``library`` on the blocks, an equal share on every core.

    An interrupt stops all threads before it is raised.
    """
    jobs = len(os.sched_getaffinity(0))
    cuts = [blocks.start + len(blocks) * n // jobs for n in range(jobs + 1)]
    reports = [_Report() for _ in range(jobs)]
    check = library.check
    check.argtypes = [ctypes.c_uint64, ctypes.c_uint64, ctypes.c_void_p]
    check.restype = None
    start = time.monotonic()
    with ThreadPoolExecutor(jobs) as pool:
        running = {
            pool.submit(check, cuts[n], cuts[n + 1], ctypes.addressof(reports[n]))
            for n in range(jobs)
        }
        try:
            while wait(running, timeout=STEP).not_done:
                progress(sum(one.done for one in reports) / max(1, len(blocks)))
        except BaseException:
            for one in reports:
                one.stop = 1
            raise
    for one in running:
        one.result()
    return _merged(reports, time.monotonic() - start)


def _merged(reports: Sequence[_Report], seconds: float) -> Verdict:
    verdict = Verdict(seconds=seconds)
    verdict.cases = sum(one.cases for one in reports)
    verdict.differences = sum(one.differences for one in reports)
    verdict.signature = sum(one.signature for one in reports)
    verdict.classes = {
        name: count
        for n, name in enumerate(CLASSES)
        if (count := sum(one.classes[n] for one in reports))
    }
    for one in reports:
        for n in range(one.example_count):
            example = one.examples[n]
            inputs = sum(word << 64 * k for k, word in enumerate(example.inputs))
            verdict.examples.append((inputs, example.got, example.want))
    measured = sum(one.measured for one in reports)
    if measured:
        verdict.measures = {
            "rounded_right_share": sum(one.rounded_right for one in reports) / measured,
            "over_2_ulp_share": sum(one.over_2_ulp for one in reports) / measured,
            **{
                name: max(getattr(one, name) for one in reports)
                for name in ("worst_ulp", "worst_relative", "worst_window")
            },
        }
    return verdict


@functools.cache
def cores() -> int:
    """Threads that a check uses."""
    return len(os.sched_getaffinity(0))
