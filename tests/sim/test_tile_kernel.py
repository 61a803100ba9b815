import dataclasses
import re

import numpy as np
import pytest

from models.analog.device import on_grid
from models.analog.macro import AnalogMacro, draw_converters
from models.config.analog import AdcConfig, DeviceConfig
from models.config.presets import MACROS
from models.config.tile import TileConfig
from rtl_gen.train.timing import command_cycles
from sim.cosim.expected import COMPARED, expect, expect_all
from sim.cosim.macro_bfm import IdealMacro
from sim.cosim.random_ops import conversion, mixture
from sim.cosim.replay import replay
from sim.cosim.steps import steps
from sim.kernel import build, tile
from sim.kernel.tile import TileKernel
from tests.cosim.test_tile import CONFIGS, check

pytestmark = pytest.mark.cosim

ADC = AdcConfig(gain_spread=0.1, offset_lsb=2)
TINY = CONFIGS["bit serial, fixed, push-pull"]


class Bench:
    def __init__(self, config):
        self.config, pins = config, config.macro
        self.kernel, rng = TileKernel(config), np.random.default_rng(9)
        self.conductance = on_grid(rng.random((pins.rows, pins.columns)))
        ours, theirs = (draw_converters(ADC, pins.adc_count, rng) for _ in range(2))
        self.macro, self.theirs = AnalogMacro(pins, DeviceConfig(), ADC, ours), theirs

    def ops(self, seed, count):
        """Random operations, some of another macro."""
        rng = np.random.default_rng(seed)
        ops = mixture(rng, self.config, self.conductance, count)
        return [
            dataclasses.replace(op, converters=self.theirs) if rng.integers(2) else op for op in ops
        ]

    def run(self, ops, **options):
        return self.kernel.run(ops, self.macro, **{"seed": 1, **options})


@pytest.fixture(scope="module", params=CONFIGS.values(), ids=CONFIGS)
def bench(request):
    return Bench(request.param)


@pytest.fixture(scope="module")
def tiny():
    return Bench(TINY)


@pytest.fixture(params=["numpy", "cpp"])
def model(request):
    return request.param


def same(results, others):
    """Every field equal, errors and types too; cycles apart."""
    for one, other in zip(results, others, strict=True):
        assert list(one.errors) == list(other.errors)
        for name in COMPARED:
            got, want = getattr(one, name), getattr(other, name)
            assert (got is None) == (want is None)
            assert got is None or (got.dtype == want.dtype and np.array_equal(got, want)), name


def test_results_and_bare_cycles_of_cocotb(bench, tmp_path):
    ops = bench.ops(2, 24)
    wanted = replay(ops, bench.config, bench.macro, tmp_path, seed=1, p_stall=0.0)
    for model in tile.MODELS:
        results = bench.run(ops, p_stall=0.0, model=model)
        same(results, wanted)
        assert [result.cycles for result in results] == [result.cycles for result in wanted]
    check(results, expect_all(ops, bench.config, bench.macro))


@pytest.mark.parametrize("p_stall", [0.3, 0.9])
def test_random_operations_under_random_stalls(bench, model, p_stall):
    ops, progress = bench.ops(3, 60), []
    results = bench.run(
        ops, p_stall=p_stall, model=model, progress=lambda *done: progress.append(done)
    )
    check(results, expect_all(ops, bench.config, bench.macro))
    assert progress == [(n + 1, 60) for n in range(60)]
    bare = [
        sum(command_cycles(bench.config, bench.kernel.latencies, s.command) for s in wanted)
        for wanted in ([s for s in steps(op, bench.config) if s.timed] for op in ops)
    ]
    assert all(result.cycles >= cycles for result, cycles in zip(results, bare, strict=True))
    assert sum(len(result.pulses) for result in results if result.pulses is not None) > 50


def test_gaps_follow_the_seed(tiny):
    ops = tiny.ops(4, 20)
    runs = [[result.cycles for result in tiny.run(ops, seed=seed)] for seed in (1, 1, 2, -1, 2**70)]
    assert runs[0] == runs[1]
    assert len({tuple(cycles) for cycles in runs}) == 4


def test_correct_after_a_reset_in_the_middle(bench, model):
    ops = bench.ops(5, 60)
    results = bench.run(ops, resets=True, model=model)
    check(results, [expect(op, bench.config, bench.macro) for op in ops])


def test_other_physics(bench):
    shape = (bench.config.macro.rows, bench.config.macro.columns)
    whole = np.random.default_rng(9).integers(0, 6, shape).astype(np.float32)
    ops = mixture(np.random.default_rng(6), bench.config, whole, 30)
    ideal = IdealMacro(bench.config.macro, 0.3)
    results = bench.kernel.run(ops, ideal, seed=1)
    check(results, expect_all(ops, bench.config, ideal))
    with pytest.raises(TypeError, match=r"^macro must be a AnalogMacro, not <sim"):
        bench.kernel.run(ops, ideal, seed=1, model="cpp")


def test_macro_of_the_presets_and_cocotb(tmp_path):
    config = TileConfig(macro=MACROS["small"], gain_fraction_bits=8)
    small = Bench(config)
    ops = small.ops(7, 12)
    few = [op for op in ops if op.kind != "update"][:4]
    wanted = replay(few, config, small.macro, tmp_path, seed=1)
    for model in tile.MODELS:
        check(small.run(ops, model=model), expect_all(ops, config, small.macro))
        same(small.run(few, model=model), wanted)


def test_nothing_to_do(tiny):
    assert tiny.run([]) == []


def planted(monkeypatch, pattern, by):
    """Put a fault into the Verilog that kernels run."""
    original = build.verilog_text

    def text(component, name):
        whole = original(component, name)
        broken = re.sub(pattern, by, whole, count=1)
        assert broken != whole
        return broken

    monkeypatch.setattr(build, "verilog_text", text)


def test_fault_in_the_verilog_is_seen(monkeypatch):
    planted(monkeypatch, r"\+(?= \$signed\(offset)", "-")
    broken = Bench(TINY)
    ops = broken.ops(8, 12)
    wanted = expect_all(ops, TINY, broken.macro)
    with pytest.raises(AssertionError):
        check(broken.run(ops), wanted)


def test_broken_protocol_has_the_words_of_cocotb(tiny, tmp_path):
    """The operation has noise for one slice and drives two: the macro is asked too often."""
    rng = np.random.default_rng(1)
    op = conversion(rng, TINY, "forward", tiny.conductance, slices=2, stochastic=False)
    op = dataclasses.replace(op, noise=op.noise[:1])
    wanted = replay([op], TINY, tiny.macro, tmp_path, seed=1)
    assert wanted[0].errors
    for model in tile.MODELS:
        same(tiny.run([op], model=model), wanted)


@pytest.mark.parametrize("part", ["gain", "offset", "inl", "device", "adc"])
def test_fault_in_the_parameters_of_the_macro_is_seen(tiny, part, model):
    macro, converters = tiny.macro, tiny.macro.converters
    device, adc = macro.device, macro.adc
    if part == "device":
        device = dataclasses.replace(device, read_noise=0.3)
    elif part == "adc":
        adc = dataclasses.replace(adc, noise_lsb=3.0)
    else:
        converters = converters._replace(**{part: getattr(converters, part) + np.float32(0.5)})
    other = AnalogMacro(macro.macro, device, adc, converters)
    rng = np.random.default_rng(2)
    ops = [conversion(rng, TINY, "forward", tiny.conductance) for _ in range(20)]
    results = tiny.kernel.run(ops, other, seed=1, model=model)
    check(results, expect_all(ops, TINY, other))
    with pytest.raises(AssertionError):
        check(results, expect_all(ops, TINY, tiny.macro))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda words: words[:-1], r"is stuck in CALIBRATE: 3 of 3 words went in within \d{4}"),
        (lambda words: [*words, 0], r"is idle before it took all words in CALIBRATE: 4 of 5 words"),
    ],
)
def test_a_wrong_number_of_words_ends_with_a_message(tiny, monkeypatch, change, message):
    op = conversion(np.random.default_rng(1), TINY, "forward", tiny.conductance)

    def changed(op, config):
        first, *rest = steps(op, config)
        return [dataclasses.replace(first, words=change(first.words)), *rest]

    monkeypatch.setattr(tile, "steps", changed)
    with pytest.raises(RuntimeError, match=message):
        tiny.run([op])


def test_what_the_physics_raises_comes_through(tiny):
    class Broken(IdealMacro):
        def sense(self, levels, conductance, **_):
            raise ArithmeticError("no current")

    op = conversion(np.random.default_rng(1), TINY, "backward", tiny.conductance)
    with pytest.raises(ArithmeticError, match=r"^no current$"):
        tiny.kernel.run([op], Broken(TINY.macro, 1.0), seed=1)


def test_noise_of_the_wrong_side(tiny, model):
    op = conversion(np.random.default_rng(1), TINY, "backward", tiny.conductance)
    op = dataclasses.replace(op, noise=op.noise[:, :, :3])
    match = "noise must have a number for each" if model == "cpp" else "cannot reshape"
    with pytest.raises(ValueError, match=match):
        tiny.run([op], model=model)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p_stall": 1}, "p_stall must be at least 0 and below 1, not 1"),
        ({"p_stall": -0.1}, "p_stall must be at least 0 and below 1, not -0.1"),
        ({"model": "c"}, "model must be one of numpy, cpp, not 'c'"),
    ],
)
def test_wrong_options(tiny, options, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        tiny.run([], **options)


def test_another_macro_is_refused(tiny):
    other = IdealMacro(dataclasses.replace(TINY.macro, settle_cycles=1), 1.0)
    with pytest.raises(
        ValueError, match=r"^macro\.macro must be that of the tile, not MacroConfig"
    ):
        tiny.kernel.run([], other, seed=1)
