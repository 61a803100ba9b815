import dataclasses
import re

import numpy as np
import pytest
from amaranth.sim import Simulator

from models.config.chopped_macro import ChoppedMacroConfig
from models.config.chopped_units import PulseTrainConfig, ReferenceConfig, TransferConfig
from models.config.floats import FloatMulConfig, IntToFloatConfig
from models.config.pulsed import PulsedUpdateConfig
from models.digital.float_mul import float_mul
from models.digital.int_to_float import int_to_float
from models.digital.relu_mask import relu_mask
from rtl_gen.top import Top
from rtl_gen.train.chopped_codes import CodeLanes, CodeValues
from rtl_gen.train.chopped_command import Op
from rtl_gen.train.chopped_conversion import Conversion
from rtl_gen.train.chopped_tile import ChoppedTile
from rtl_gen.verilog import write_verilog
from sim.cosim.chopped_bfm import FIRED, ChoppedBfm
from sim.cosim.chopped_expected import expect
from sim.cosim.chopped_operations import FAST
from sim.cosim.chopped_random import mixture, update
from sim.cosim.packing import unpack_lanes
from sim.generate import lint
from sim.streams import run_stream
from tests.cosim.chopped_cases import TINY, WIDE
from tests.rtl.stream_checks import check_timing
from tests.sim.test_generate import structure

MACRO = ChoppedMacroConfig(rows=7, columns=5, adc_count=3, adc_bits=4, dac_bits=4, settle_cycles=2)


def simulate(dut, testbench):
    sim = Simulator(dut)
    sim.add_clock(1e-8)
    sim.add_testbench(testbench)
    sim.run()


@pytest.mark.parametrize("needed", [1, 3, 5, 7])
def test_codes_leave_one_by_one_around_zero(needed):
    rng = np.random.default_rng(needed)
    groups = -(-needed // 3)
    found = np.vstack([np.arange(18).reshape(6, 3) % 16, rng.integers(0, 16, (12, 3))])
    beats = [
        {"codes": int(lanes @ 16 ** np.arange(3)), "group": n % groups}
        for n, lanes in enumerate(found[: 18 // groups * groups])
    ]
    signed = np.maximum(found[: len(beats)].reshape(-1, 3 * groups) - 8, -7)[:, :needed]
    wanted = [
        {"code": int(code), "line": line, "last": int(line + 1 == needed)}
        for codes in signed
        for line, code in enumerate(codes)
    ]
    dut = CodeLanes(MACRO)
    got = run_stream(dut, beats, seed=1, count=len(wanted), static={"needed": needed})
    assert got == wanted


@pytest.mark.parametrize("activation", [0, 1, 2])
def test_every_code_as_a_number(activation):
    codes = np.tile(np.arange(-7, 8), 2)
    masks = np.repeat([0, 1], 15)
    scale = 0xBE4D  # -0.2
    numbers = float_mul(
        int_to_float(codes, IntToFloatConfig(int_width=4)), np.uint16(scale), FloatMulConfig()
    )
    value, mask = relu_mask(numbers, masks, activation)
    wanted = [
        {"code": int(c), "value": int(v), "mask": int(k)}
        for c, v, k in zip(codes, value, mask, strict=True)
    ]
    beats = [{"code": int(c), "mask": int(k)} for c, k in zip(codes, masks, strict=True)]
    static = {"scale": scale, "activation": activation}
    assert run_stream(CodeValues(MACRO), beats, seed=1, static=static) == wanted
    check_timing(CodeValues(MACRO), beats, wanted, static=static)


@pytest.mark.parametrize("one_row", [False, True])
def test_lines_show_codes_with_signs_while_they_convert(one_row):
    dut, codes = Conversion(MACRO), [5, -7, 0, -1]
    request = {"driven": 4, "sensed": 5, "array": 1, "differential": 1}
    if one_row:
        request |= {"one_row": 1, "row": 6, "drive": -7}
    wanted = [0] * 6 + [-7] if one_row else [*codes, 0, 0, 0]

    def driven(ctx):
        size, sign = (
            unpack_lanes(ctx.get(dut.drive), 7, 3),
            unpack_lanes(ctx.get(dut.drive_sign), 7, 1),
        )
        return (size * (1 - 2 * sign)).tolist()

    async def testbench(ctx):
        ctx.set(dut.request, request)
        ctx.set(dut.o.ready, 1)
        for _ in range(2):  # nothing stays from the first time
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            for code in [] if one_row else codes:
                assert driven(ctx) == [0] * 7
                ctx.set(dut.i.payload, code)
                ctx.set(dut.i.valid, 1)
                await ctx.tick()
            ctx.set(dut.i.valid, 0)
            seen = []
            while ctx.get(dut.busy):
                if any(driven(ctx)):
                    seen.append(ctx.get(dut.sample))
                    assert driven(ctx) == wanted
                    pins = (dut.transpose, dut.array, dut.differential)
                    assert [ctx.get(pin) for pin in pins] == [0, 1, 1]
                await ctx.tick()
            assert driven(ctx) == [0] * 7
            groups = 2 * (MACRO.adc_bits + 2)
            assert seen == [0, 0, 1] + [0] * groups

    simulate(dut, testbench)


def test_commands_without_size_do_nothing():
    dut = ChoppedTile(TINY)

    async def testbench(ctx):
        for op in Op:
            ctx.set(dut.i_command.payload, {"op": op})
            ctx.set(dut.i_command.valid, 1)
            await ctx.tick()
            ctx.set(dut.i_command.valid, 0)
            for busy in (1, 1, 0):
                assert ctx.get(dut.busy) == busy
                await ctx.tick()

    simulate(dut, testbench)


def test_model_of_the_macro_names_violations():
    """Rules that the two engines check apart from those of random pins."""
    rng = np.random.default_rng(1)
    sizes = {"rows": 2, "columns": 2, "transfers": True, "transfer_every": 1}
    ops = (update(rng, TINY, **sizes) for _ in range(50))
    op = next(op for op in ops if op.samples > 1 and op.array == FAST)
    bfm = ChoppedBfm(TINY.macro)
    bfm.begin(op)
    rest = {"drive": 0, "drive_sign": 0, "transpose": 0, "array": 1, "differential": 0}
    bfm.watch(0, {**rest, "differential": int(op.reference), "drive": 0b11})
    bfm.sample(9, 0, 0)
    assert bfm.errors == []
    assert bfm.reads == [(0, 3)]
    bfm.watch(10, {**rest, "differential": int(not op.reference), "drive": 0b1111 << 2})
    bfm.sample(11, 0, 0)
    assert bfm.reads[1:] == [(-1, 0)]
    pins = dict.fromkeys(FIRED, 1) | {"pulse": 1, "pulse_array": 1}
    bfm.cycle(pins, programs=True)
    bfm.cycle(pins | {"pulse_array": 0}, programs=False)
    assert bfm.errors == [
        "drive changed less than settle_cycles before sample",
        "a conversion reads another array than the operation, or otherwise",
        "a line that is not in use is driven",
        "pulse while lines are driven",
        "program transfer during a pulse",
        "pulse while lines are driven",
        "pulse on the other array",
    ]
    assert bfm.slots_before == [0, 0]
    assert [part[:, 0].tolist() for part in bfm.pulses()] == [[-1, -1], [-1, -1]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"trains": PulseTrainConfig(rows=16, columns=9)},
            "trains.columns must be the macro's 8, not 9",
        ),
        (
            {"transfer": TransferConfig(reference=ReferenceConfig(code_width=7))},
            "transfer.reference.code_width must be the macro's 6, not 7",
        ),
        (
            {"update": PulsedUpdateConfig(desired_bl=128)},
            "update.desired_bl must be between 1 and 127, not 128",
        ),
    ],
)
def test_parts_that_do_not_fit(change, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        dataclasses.replace(WIDE, **change)


@pytest.mark.parametrize("name", ["adc_count", "dac_bits", "adc_bits", "settle_cycles", "rows"])
def test_macro_out_of_range(name):
    with pytest.raises(ValueError, match=rf"^{name} must be between \d+ and \d+, not 0$"):
        ChoppedMacroConfig(**{name: 0})
    with pytest.raises(TypeError, match=rf"^{name} must be an int, not 1.0$"):
        ChoppedMacroConfig(**{name: 1.0})


def test_operations_are_checked():
    ops = mixture(np.random.default_rng(1), TINY, 60)
    op = next(op for op in ops if op.transfers and len(op.lines) and op.rows > 1)
    with pytest.raises(ValueError, match=r"^h must have shape \(\d+, \d+\), not "):
        dataclasses.replace(op, h=op.h[:0])
    with pytest.raises(ValueError, match=r"^kind must be one of "):
        dataclasses.replace(op, kind="write")
    with pytest.raises(ValueError, match=r"^x must be given for kind update$"):
        dataclasses.replace(op, x=np.empty(0))
    with pytest.raises(ValueError, match=r"^places must be in ascending order$"):
        dataclasses.replace(op, places=op.places[::-1] * 0)
    with pytest.raises(ValueError, match=r"^mask must have \d+ elements for activation 2$"):
        dataclasses.replace(op, activation=2)
    more = dataclasses.replace(op, lines=np.vstack([op.lines, op.lines]))
    with pytest.raises(ValueError, match=r"^lines must have a row for each of \d+ reads$"):
        expect(more, TINY)


@pytest.mark.cosim
def test_verilog_is_lint_clean_whole_and_the_same_each_time(tmp_path):
    path = write_verilog(Top(TINY), "chopped_top", tmp_path)
    again = write_verilog(Top(TINY), "chopped_top", tmp_path / "again")
    assert path.read_bytes() == again.read_bytes()
    assert lint(path) == []
    done = structure(path)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.cosim
def test_verilog_of_another_tile_is_lint_clean(tmp_path):
    assert lint(write_verilog(Top(WIDE), "chopped_top", tmp_path)) == []
