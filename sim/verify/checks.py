"""Run one part of the evidence."""

import ctypes
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sim.kernel import Kernel, build
from sim.kernel.cache import content_key
from sim.verify import native, source
from sim.verify.equivalence import NotEqual, prove_equal
from sim.verify.native import Progress, Verdict
from sim.verify.oracle import expected
from sim.verify.parts import Part, fma_rows
from sim.verify.units import component

BLOCK = 512
SEED = 1


def run_part(part: Part, blocks: int, folder: Path, progress: Progress) -> Verdict:
    """Run ``blocks`` blocks of ``part``; files go to ``folder``."""
    return CHECKS[part.check](part, blocks, folder, progress)


def part_key(part: Part, blocks: int) -> str:
    """Hash of everything that the result of a part depends on."""
    files = [path for ending in ("*.hpp", "*.py", "*.v") for path in _here(ending)]
    texts = [path.read_text() for path in files]
    return content_key(
        repr(part), str(blocks), build.verilog_text(component(part.config), "u"), *texts
    )


def _here(ending: str) -> list[Path]:
    return sorted(Path(__file__).parent.glob(ending))


def _source(part: Part) -> str:
    one = source.unit(component(part.config))
    flushed = part.config.subnormals == "flushed" if hasattr(part.config, "subnormals") else False
    if part.check == "pairs":
        product = source.KINDS[type(part.config).__name__] == "MUL"
        return source.pairs_source(one, product=product, flushed=flushed)
    if part.check in ("fma", "fma_stress"):
        rows = ", ".join(f"{{{a}, {b}, {c}}}" for a, b, c in fma_rows())
        return "\n".join(
            [
                one.netlist.text,
                f"#define UNIT {source.NAME}",
                f"constexpr bool FLUSHED = {str(flushed).lower()};",
                f"constexpr bool STRESS = {str(part.check == 'fma_stress').lower()};",
                f"constexpr unsigned char ROW[][3] = {{{rows}}};",
                '#include "fma.hpp"',
            ]
        )
    if part.check == "all_inputs":
        return source.unit_source(one, "all_inputs.hpp")
    more = part.config.window_bits - part.config.term_bits if part.check == "measured" else 0
    return source.unit_source(
        one,
        "fused.hpp",
        f"constexpr bool MEASURED = {str(part.check == 'measured').lower()};",
        f"constexpr int SPREAD = {part.spread}, WINDOW_MORE = {more};",
    )


def _native(part: Part, blocks: int, _folder: Path, progress: Progress) -> Verdict:
    verdict = native.run(native.compiled(_source(part)), range(blocks), progress)
    if part.check == "measured" and verdict.measures["worst_window"] >= part.limit:
        verdict.differences += 1
        verdict.classes["beyond_bound"] = 1
    return verdict


def _verilated(part: Part, blocks: int, _folder: Path, progress: Progress) -> Verdict:
    """Run the model that Verilator makes, one case at a time."""
    unit = component(part.config)
    _, verilog = build.design(unit, "unit_top")
    product = source.KINDS[type(part.config).__name__] == "MUL"
    headers = [
        (Path(__file__).parent / name).read_text()
        for name in ("slices.hpp", "float32.hpp", "verilated.hpp")
    ]
    dropped = ("#pragma once", '#include "slices.hpp"', '#include "float32.hpp"')
    lines = [line for text in headers for line in text.splitlines() if line not in dropped]
    constants = [
        f"constexpr bool PRODUCT = {str(product).lower()};",
        f"constexpr bool FLUSHED = {str(part.config.is_flushed).lower()};",
        f"constexpr unsigned LATENCY = {part.config.depth};",
    ]
    path = build.library(verilog, "unit_top", "\n".join([*constants, *lines, ""]))
    return native.run(ctypes.CDLL(str(path)), range(blocks), progress)


def _proof(part: Part, _blocks: int, folder: Path, _progress: Progress) -> Verdict:
    verdict, start = Verdict(cases=1), time.monotonic()
    try:
        prove_equal(component(part.config), folder / "proofs" / part.name)
    except NotEqual as error:
        verdict.differences, verdict.classes = 1, {"counterexample": 1}
        words = [int(word, 2) for word in str(error).split() if set(word) <= {"0", "1"}]
        verdict.examples = [(words[0] if words else 0, 0, 0)]
    verdict.seconds = time.monotonic() - start
    return verdict


def _packets(part: Part, blocks: int, _folder: Path, progress: Progress) -> Verdict:
    """Run packets of random length through the kernel of an accumulating unit."""
    config: Any = part.config
    width = config.format.width
    lanes = {"i.a": (width, False), "i.b": (width, False)}
    kernel = Kernel(component(config), part.name, lanes=lanes)
    kernel.build()
    verdict, start = Verdict(), time.monotonic()
    for block in range(blocks):
        rng = np.random.default_rng([SEED, block])
        length = rng.integers(1, config.beats + 1)
        operands = _operands(rng, (BLOCK, length, 2 * config.terms), config)
        want = expected(config, operands)
        beats = operands.reshape(BLOCK * length, 2 * config.terms)
        place = np.tile(np.arange(length), BLOCK)
        got = kernel(
            a=beats[:, : config.terms],
            b=beats[:, config.terms :],
            first=place == 0,
            last=place == length - 1,
        )["payload"]
        verdict.cases += BLOCK
        for n in np.flatnonzero(got != want):
            verdict.differences += 1
            verdict.classes["core"] = verdict.classes.get("core", 0) + 1
            if len(verdict.examples) < native.EXAMPLES:
                packed = sum(int(x) << width * k for k, x in enumerate(operands[n].ravel()))
                verdict.examples.append((packed, int(got[n]), int(want[n])))
        progress((block + 1) / blocks)
    verdict.seconds = time.monotonic() - start
    return verdict


def _operands(rng: np.random.Generator, shape: tuple[int, int, int], config: Any) -> np.ndarray:
    """Return numbers near a common exponent; the second half often undoes the first."""
    form = config.format
    top = form.largest >> form.mantissa_bits
    middle = rng.integers(1, top, (shape[0], 1, 1))
    spread = rng.choice([2, 12, 60])
    exponent = np.clip(middle + rng.integers(-spread, spread + 1, shape), 0, top)
    mantissa = rng.integers(0, 2**form.mantissa_bits, shape)
    sign = rng.integers(0, 2, shape) << (form.width - 1)
    patterns = sign | exponent << form.mantissa_bits | mantissa
    half = shape[1] // 2
    if half:
        again = patterns[:, :half] ^ np.int64(1 << (form.width - 1))
        again[:, :, config.terms :] = patterns[:, :half, config.terms :]
        swap = rng.random((shape[0], 1, 1)) < 0.7
        patterns[:, -half:] = np.where(swap, again, patterns[:, -half:])
    special = rng.random(shape) < 0.3 / (shape[1] * shape[2])
    return np.where(special, sign | form.nan - rng.integers(0, 2, shape), patterns)


CHECKS: dict[str, Callable[[Part, int, Path, Progress], Verdict]] = {
    "pairs": _native,
    "all_inputs": _native,
    "directed": _native,
    "measured": _native,
    "fma": _native,
    "fma_stress": _native,
    "verilated": _verilated,
    "packets": _packets,
    "proof": _proof,
}
