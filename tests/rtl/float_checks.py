"""What the tests of float_mul and float_add have in common: forms, stimulus, checks."""

import numpy as np

from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32
from sim.kernel import Kernel
from tests.float_cases import pairs, words

SMALL = {"format": FP8_E4M3, "result": FP8_E4M3}
FORMS = {  # arguments of a config, by name
    "bf16": {},
    "bf16 flushed": {"subnormals": "flushed", "depth": 0},
    "bf16 toward zero": {"rounding": "toward_zero", "depth": 5},
    "bf16 flushed toward zero": {"subnormals": "flushed", "rounding": "toward_zero"},
    "bf16 stochastic": {"rounding": "stochastic", "random_bits": 8, "depth": 3},
    "bf16 flushed stochastic": {
        "subnormals": "flushed",
        "rounding": "stochastic",
        "random_bits": 1,
    },
    "fp16": {"format": FP16, "result": FP16, "depth": 7},
    "fp16 flushed": {"format": FP16, "result": FP16, "subnormals": "flushed", "depth": 16},
    "e4m3": SMALL | {"depth": 0},
    "e4m3 flushed": SMALL | {"subnormals": "flushed", "depth": 1},
    "e4m3 toward zero": SMALL | {"rounding": "toward_zero"},
    "e5m2 stochastic": {
        "format": FP8_E5M2,
        "result": FP8_E5M2,
        "rounding": "stochastic",
        "random_bits": 12,
    },
    "bf16 to fp32": {"result": FP32, "depth": 4},
    "bf16 to fp32 flushed": {"result": FP32, "subnormals": "flushed"},
    "fp32 to e4m3": {"format": FP32, "result": FP8_E4M3},
    "bf16 to e4m3 flushed stochastic": {
        "result": FP8_E4M3,
        "subnormals": "flushed",
        "rounding": "stochastic",
        "random_bits": 5,
    },
    "e4m3 to fp16 stochastic": {
        "format": FP8_E4M3,
        "result": FP16,
        "rounding": "stochastic",
        "random_bits": 4,
    },
    "e5m2 to e4m3": {"format": FP8_E5M2, "result": FP8_E4M3},
    "fp16 to bf16 toward zero": {"format": FP16, "result": BF16, "rounding": "toward_zero"},
}


def stimulus(config, count, seed):
    """Fields of directed beats: ``a``, ``b`` and, for stochastic rounding, ``random``."""
    a, b = pairs(config.format, config.result, count, seed)
    random = words(np.random.default_rng(seed), config, len(a))
    return {"a": a, "b": b} | ({} if random is None else {"random": random})


def case(twin, config, count, seed):
    """Payloads, and what the twin makes of them."""
    fields = stimulus(config, count, seed)
    order = np.random.default_rng(seed).permutation(len(fields["a"]))[:count]
    chosen = {name: values[order] for name, values in fields.items()}
    rows = zip(*(values.tolist() for values in chosen.values()), strict=True)
    payloads = [dict(zip(chosen, row, strict=True)) for row in rows]
    return payloads, twin(**chosen, config=config).tolist()


def check_vectors(twin, component, count):
    """Compare the compiled Verilog with the twin over ``count`` directed beats or more."""
    config = component.config
    fields = stimulus(config, count, seed=5)
    found = Kernel(component, "unit", backend="cxxrtl")(**fields)["payload"]
    np.testing.assert_array_equal(found, twin(**fields, config=config))
