"""Both models of the macro of pulsed training on random pins, without a tile."""

import ctypes
import re

import numpy as np
import pytest

from models.config.chopped_macro import ChoppedMacroConfig
from sim.cosim.chopped_bfm import CHOPPED_RULES, FIRED, UNUSED_LINE, WATCHED, ChoppedBfm
from sim.cosim.chopped_operations import ChoppedTileOp
from sim.cosim.chopped_random import converters, weights
from sim.kernel.build import compiled
from sim.kernel.chopped_tile import SOURCE, SOURCES, _Sensed
from sim.kernel.tile_wrapper import HERE
from tests.cosim.chopped_cases import TINY

pytestmark = pytest.mark.cosim

CYCLES, SAMPLES = 400, 8
MACRO = ChoppedMacroConfig(
    **{"rows": 40, "columns": 9, "adc_count": 3},  # 14 settings of the mux
    **{"adc_bits": 4, "dac_bits": 4, "settle_cycles": 2},
)
WIDE = {"drive": 120, "drive_sign": 40, "trial": 12}
WIDE |= {"row_fire": 40, "row_sign": 40, "column_fire": 9, "column_sign": 9}
HIGH = {"transpose": 2, "array": 2, "differential": 2, "sample": 2, "mux": 16}
HIGH |= {"pulse": 2, "pulse_array": 2, "o_program__valid": 2, "o_program__ready": 2}
WORDS = 4  # of a wide pin
# the pins as members of a structure, and all cycles in one call
PRELUDE = f"""
struct Design {{ uint32_t {", ".join(HIGH)}, {", ".join(f"{n}[{WORDS}]" for n in WIDE)}, cmp; }};
"""
PORTS = "\n".join(
    f"inline void get_{name}(const Design* m, uint32_t* words) "
    f"{{ std::copy(m->{name}, m->{name} + {-(-width // 32)}, words); }}"
    for name, width in WIDE.items()
)
PORTS += "\ninline void put_comparator(Design* m, const uint32_t* words) { m->cmp = words[0]; }"
TRACE = """
extern "C" __attribute__((visibility("default"))) void trace(
    const Geometry* g, int64_t cycles, Design* pins, int64_t mode, int64_t limit, Sense sense,
    int64_t* levels, float* held, int64_t** results, int64_t* sizes) {
    static Board* board = nullptr;
    delete board;
    board = new Board(*g, levels, held);
    board->begin(mode, limit, sense, nullptr);
    for (int64_t n = 0; n < cycles; ++n) {
        pins[n].cmp = n ? pins[n - 1].cmp : 0;
        board->cycle(&pins[n], n);
    }
    for (int64_t n = 0; n < 4; ++n)
        results[n] = static_cast<int64_t*>(const_cast<void*>(board->result(n, &sizes[n])));
}
"""


def random_pins(rng):
    """Pins of every cycle, most often as in the one before; wide ones as ints."""
    values = {name: rng.integers(0, high, CYCLES).tolist() for name, high in HIGH.items()}
    for name, width in WIDE.items():
        words = rng.integers(0, 2**16, (CYCLES, 8)) & rng.choice([0, 1, 2**16 - 1], (CYCLES, 8))
        mask = (1 << width) - 1
        if name == "drive" and rng.random() < 0.5:  # lines in use
            mask = 7
        values[name] = [sum(int(w) << 16 * n for n, w in enumerate(row)) & mask for row in words]
    for name, drawn in values.items():
        keep = rng.random(CYCLES) < (0.5 if name in ("mux", "trial", "pulse") else 0.95)
        for n in np.flatnonzero(keep[1:]) + 1:
            drawn[n] = drawn[n - 1]
    rare = rng.random(CYCLES) < 0.04
    values["sample"] = [int(s and r) for s, r in zip(values["sample"], rare, strict=True)]
    return [dict(zip(values, now, strict=True)) for now in zip(*values.values(), strict=True)]


def by_bfm(trace, op):
    bfm, answers = ChoppedBfm(MACRO), []
    bfm.begin(op)
    for cycle, pins in enumerate(trace):
        bfm.watch(cycle, {name: pins[name] for name in WATCHED})
        if pins["sample"]:
            bfm.sample(cycle, pins["mux"], pins["trial"])
        answers.append(bfm.compare(pins["mux"], pins["trial"]))
        programs = bool(pins["o_program__valid"] and pins["o_program__ready"])
        if programs or pins["pulse"]:
            bfm.cycle({n: pins[n] for n in ("pulse", "pulse_array", *FIRED)}, programs=programs)
    return answers, bfm


class Shared:
    """What a simulation shares with its physics."""

    def __init__(self):
        self.levels = np.zeros(MACRO.lines, np.int64)
        self.held = np.zeros(MACRO.group_count * MACRO.adc_count, np.float32)


def library():
    text = (HERE / "tile_pins.h").read_text() + (HERE / SOURCE).read_text()
    parts = {"PRELUDE": PRELUDE, "PORTS": PORTS}
    text = re.sub(r"@(\w+)@", lambda found: parts.get(found[1], f"m->{found[1]}"), text)
    return ctypes.CDLL(str(compiled({"unit.cpp": text + TRACE})))


def by_cpp(trace, op):
    """Answers, codes, errors, number of slots, slots before each sample; as the kernel has them."""
    names = [*HIGH, *WIDE]
    design = np.zeros((CYCLES, len(HIGH) + WORDS * len(WIDE) + 1), np.uint32)
    for cycle, pins in enumerate(trace):
        wide = [pins[name] >> 32 * n & 0xFFFFFFFF for name in WIDE for n in range(WORDS)]
        design[cycle] = [*(pins[name] for name in names[: len(HIGH)]), *wide, 0]
    bfm, shared = ChoppedBfm(MACRO), Shared()
    bfm.begin(op)
    physics = _Sensed(bfm, shared)
    sides = MACRO.rows, MACRO.columns, MACRO.adc_count, MACRO.adc_bits
    geometry = np.array([*sides, MACRO.magnitude_bits, SOURCES, MACRO.settle_cycles])
    results, sizes = (ctypes.c_void_p * 4)(), (ctypes.c_int64 * 4)()
    pointer = ctypes.c_void_p
    library().trace(
        *(pointer(geometry.ctypes.data), ctypes.c_int64(CYCLES), pointer(design.ctypes.data)),
        *(ctypes.c_int64(op.array), ctypes.c_int64(op.samples), physics.function),
        *(pointer(shared.levels.ctypes.data), pointer(shared.held.ctypes.data), results, sizes),
    )
    kinds = (np.int16, np.int64, np.uint32, np.int64)
    found = [
        np.frombuffer(ctypes.string_at(at, n * np.dtype(kind).itemsize) if n else b"", kind)
        for at, n, kind in zip(results, sizes, kinds, strict=True)
    ]
    errors = [CHOPPED_RULES[r].format(n) for r, n in found[1].reshape(-1, 2).tolist()]
    return design[:, -1].tolist(), found[0], [*bfm.errors, *errors], found[2], found[3].tolist()


def test_pins_of_any_kind_as_the_bus_functional_model_sees_them():
    seen, mvm = [], converters(TINY, 3.0)
    for seed in range(12):
        rng = np.random.default_rng(seed)
        op = ChoppedTileOp(
            kind="forward",
            rows=1 if seed % 2 else 40,
            columns=9,
            array=seed // 2 % 2,
            mvm=mvm,
            codes=np.zeros(1),
            weight=weights(rng, (40, 9)),
            noise=rng.standard_normal((SAMPLES, 9), np.float32),
        )
        trace = random_pins(rng)
        for pins in trace if seed % 3 else []:
            pins["transpose"] = 0
        (answers, bfm), cpp = by_bfm(trace, op), by_cpp(trace, op)
        accepted = np.array(bfm.accepted, np.int64)
        assert cpp[0] == answers, f"seed {seed}"
        assert np.array_equal(cpp[1].reshape(accepted.shape), accepted), f"seed {seed}"
        assert sorted(cpp[2]) == sorted(bfm.errors), f"seed {seed}"
        assert len(cpp[3]) == len(bfm.slots) * 2 * (40 // 32 + 2 + 9 // 32 + 2)
        assert cpp[4] == bfm.slots_before
        seen += bfm.errors
    for rule in (*CHOPPED_RULES, UNUSED_LINE):
        if "adc_range" not in rule:  # every one of the four sources exists
            assert any(error.startswith(rule.split("{")[0]) for error in seen), rule
