"""Speed of the compiled RTL against the golden twin and cocotb: ``imctwin bench kernels``."""

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.config.units import PostProcessConfig
from models.digital.bf16 import BF16_MUL
from models.digital.float_mul import float_mul
from models.digital.post_process import post_process
from rtl_gen.units.float_mul import FloatMul
from rtl_gen.units.post_process import PostProcess
from sim.cosim.runner import run_bench
from sim.files import write_atomically
from sim.kernel import Kernel

BEATS = 2_000_000
COSIM_BEATS = 20_000
SEED = 1
CONTROL: dict[str, Any] = {"activation": 1, "exponent": -4, "stochastic": 1}


def main(path: Path) -> dict[str, dict[str, float]]:
    """Measure, print a table, write ``path``.

    Returns
    -------
    dict
        By unit: beats per second of ``kernel``, ``twin``, ``cocotb``; ``kernel_per_twin`` and
        ``kernel_per_cocotb``.
    """
    rng = np.random.default_rng(SEED)
    measured = {
        "float_mul": _float_mul(rng, path.parent),
        "post_process": _post_process(rng, path.parent),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, (json.dumps(measured, indent=2) + "\n").encode())
    names = list(measured["float_mul"])
    print(f"{'':14}" + "".join(f"{name:>19}" for name in names))
    for unit, rates in measured.items():
        print(f"{unit:14}" + "".join(f"{rates[name]:19,.3g}" for name in names))
    return measured


def _float_mul(rng: np.random.Generator, folder: Path) -> dict[str, float]:
    a, b = rng.integers(0, 2**16, (2, BEATS), dtype=np.uint16)
    kernel = Kernel(FloatMul(BF16_MUL), "float_mul")
    seconds, result = _best(lambda: kernel(a=a, b=b)["payload"])
    twin_seconds, expected = _best(lambda: float_mul(a, b, BF16_MUL))
    assert np.array_equal(result, expected)
    return _rates(seconds, twin_seconds, _cocotb_rate(FloatMul(BF16_MUL), folder / "float_mul"))


def _post_process(rng: np.random.Generator, folder: Path) -> dict[str, float]:
    config = PostProcessConfig()
    fields: dict[str, Any] = {
        "partial": rng.integers(-(2**20), 2**20, BEATS),
        "scale": rng.integers(0x3A00, 0x3C00, BEATS, dtype=np.uint16),
        "bias": rng.integers(0xBA00, 0xBC00, BEATS, dtype=np.uint16),
        "mask": rng.integers(0, 2, BEATS, dtype=np.uint8),
        "random": rng.integers(0, 2**config.random_bits, BEATS, dtype=np.uint8),
    }
    kernel = Kernel(PostProcess(config), "post_process")
    seconds, result = _best(lambda: kernel(static={"control": CONTROL}, first=1, last=1, **fields))
    twin_seconds, expected = _best(lambda: _post_process_twin(config, fields))
    assert all(np.array_equal(result[name], getattr(expected, name)) for name in result)
    return _rates(seconds, twin_seconds, _cocotb_rate(PostProcess(config), folder / "post_process"))


def _post_process_twin(config: PostProcessConfig, fields: Mapping[str, Any]) -> Any:
    rest = {name: values for name, values in fields.items() if name != "partial"}
    partials = fields["partial"][:, None]
    return post_process(partials, **rest, config=config, **CONTROL)


def _best(call: Callable[[], Any], repeats: int = 3) -> tuple[float, Any]:
    result = call()  # compile, allocate
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = call()
        times.append(time.perf_counter() - start)
    return min(times), result


def _cocotb_rate(component: Any, folder: Path) -> float:
    report = folder / "rate.txt"
    run_bench(component, "rate", folder, seed=SEED, count=COSIM_BEATS, rate=report.absolute())
    return float(report.read_text())


def _rates(seconds: float, twin_seconds: float, cocotb: float) -> dict[str, float]:
    kernel, twin = BEATS / seconds, BEATS / twin_seconds
    return {
        "kernel": kernel,
        "twin": twin,
        "cocotb": cocotb,
        "kernel_per_twin": kernel / twin,
        "kernel_per_cocotb": kernel / cocotb,
    }


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/bench.json"))
