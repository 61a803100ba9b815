import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from models.config.chopped_units import SequencerConfig
from models.config.units import LfsrConfig
from models.digital.lfsr import lfsr_words
from models.digital.sequencer import SequencerState, sequence
from rtl_gen.units.choppers import Choppers
from sim.kernel.sequencer_bench import DUMP, LINE, STATE, UPDATE, SequencerBench
from sim.streams import PERIOD, run_stream

LINES = {
    "row_choppers": "row_chopper",
    "flipped": "flipped",
    "column_choppers": "column_chopper",
}  # fields of a state, and of a command
REGISTERS = ("row", "vectors", "passes", "settled", "lfsr")
MARKS = ("negative", "fresh", "enable", "flips")
CONFIGS = {
    "none": SequencerConfig(rows=7, columns=3, chopping="none", period=2, waits=True),
    "regular": SequencerConfig(rows=7, columns=3, period=2),
    "random": SequencerConfig(
        rows=7, columns=5, chopping="random", period=3, in_chance=20000, waits=True
    ),
    "random, columns": SequencerConfig(
        rows=3,
        columns=9,
        chopping="random",
        period=2,
        in_chance=30000,
        out_chance=30000,
        lfsr=LfsrConfig(width=24, word_bits=16),
    ),
    "regular, columns": SequencerConfig(rows=4, columns=4, period=3, out_chance=65535),
}


def packed(bits):
    """Number with bit ``n`` set where ``bits[n]`` is."""
    return sum(int(bit) << n for n, bit in enumerate(bits))


def some_state(config, rows, every, seed):
    rng = np.random.default_rng(seed)
    c_in, flipped = rng.integers(0, 2, (2, config.rows), np.uint8)
    c_out = rng.integers(0, 2, config.columns, np.uint8) * np.uint8(config.out_chance > 0)
    numbers = (int(rng.integers(n)) for n in (rows, every, config.period, 2))
    return SequencerState(*numbers, c_in, flipped, c_out, int(rng.integers(1, 2**16)))


def bits_of(state, line):
    """Bits of a line, 0 where there is no such row or column."""
    fields = {name: getattr(state, field) for field, name in LINES.items()}
    return {name: int(bits[line]) if line < len(bits) else 0 for name, bits in fields.items()}


def case(name, updates, seed):
    """Commands of `SequencerBench` from a state on, what it should give, and static inputs.

    After each update but the last the state and one line are asked for, in the end all lines.
    """
    config = CONFIGS[name]
    lines = max(config.rows, config.columns)
    rows, columns, every = max(1, config.rows - 2), max(1, config.columns - 1), 1 + seed % 3
    state = some_state(config, rows, every, seed)
    commands = [{"kind": LINE, "line": n} | bits_of(state, n) for n in range(lines)]
    commands.append({"kind": STATE} | {name: getattr(state, name) for name in REGISTERS})
    expected = []
    for vector in range(updates):
        found, state = sequence(state, 1, rows, columns, every, config)
        commands.append({"kind": UPDATE})
        if len(found.row):
            expected.append(read(found, vector))
        for line in range(lines) if vector == updates - 1 else [vector % lines]:
            commands.append({"kind": DUMP, "line": line})
            numbers = {name: getattr(state, name) for name in REGISTERS}
            expected.append(numbers | bits_of(state, line))
    return commands, expected, {"rows": rows, "columns": columns, "transfer_every": every}


def read(found, vector):
    """What the bench gives of a read; ``used`` columns count."""
    marks = {"vector": vector, "row": int(found.row[0])}
    marks |= {name: int(getattr(found, name)[0]) for name in MARKS}
    signs = [] if found.out_signs is None else found.out_signs[0]
    return marks | {"signs": packed(signs), "used": len(signs)}


def check(outputs, expected):
    """Compare the fields that an expected output has."""
    assert len(outputs) == len(expected)
    for output, want in zip(outputs, expected, strict=True):
        found = {name: output[name] for name in want if name != "used"}
        if "used" in want:
            found |= {"signs": output["signs"] % 2 ** want["used"], "used": want["used"]}
        assert found == want


@pytest.mark.parametrize("name", CONFIGS)
def test_sequencer_and_choppers_match_the_twin(name):
    for seed in (1, 2, 3):
        commands, expected, static = case(name, 100, seed)
        bench = SequencerBench(CONFIGS[name])
        count = len(expected)
        outputs = run_stream(bench, commands, seed=seed, count=count, static=static)
        check(outputs, expected)
        flips = [output["flips"] for output in expected if "flips" in output]
        assert any(flips) == (name != "none")
        assert not all(flips)


class Alone:
    """Choppers on their own."""

    def __init__(self, config):
        self.dut, self.reset = Choppers(config), Signal()

    def run(self, script):
        sim = Simulator(ResetInserter(self.reset)(self.dut))
        sim.add_clock(PERIOD)
        sim.add_testbench(script)
        sim.run()

    def lines(self, ctx):
        return [ctx.get(getattr(self.dut, name)) for name in LINES]


def test_lines_load_one_by_one_and_a_reset_clears_them():
    alone = Alone(CONFIGS["random, columns"])  # 3 rows, 9 columns
    dut = alone.dut

    async def script(ctx):
        assert alone.lines(ctx) == [0, 0, 0]
        assert ctx.get(dut.lfsr) == 1
        ctx.set(dut.load, 1)
        for line in range(9):
            ctx.set(dut.line, line)
            ctx.set(dut.load_line, {"row": line != 1, "flipped": line == 1, "column": line % 2})
            await ctx.tick()
        ctx.set(dut.load, 0)
        assert alone.lines(ctx) == [0b101, 0b010, 0b010101010]
        ctx.set(dut.load_lfsr, 1)
        ctx.set(dut.lfsr_state, 0xABCDE)
        await ctx.tick()
        ctx.set(dut.load_lfsr, 0)
        assert ctx.get(dut.lfsr) == 0xABCDE
        ctx.set(alone.reset, 1)
        await ctx.tick()
        assert alone.lines(ctx) == [0, 0, 0]

    alone.run(script)


def test_busy_for_one_cycle_per_column_and_deaf_meanwhile():
    config = CONFIGS["random, columns"]
    alone = Alone(config)
    dut = alone.dut
    words, after = lfsr_words(1, 1 + 6, config.lfsr)

    async def script(ctx):
        ctx.set(dut.columns, 6)
        ctx.set(dut.read, {"row": 2, "last_row": 1, "last_pass": 0, "enable": 1})
        for strobe in (dut.finish, dut.load, dut.load_lfsr):  # loads lose, and wait with the rest
            ctx.set(strobe, 1)
        ctx.set(dut.lfsr_state, 77)
        ctx.set(dut.load_line, {"row": 1, "flipped": 1, "column": 1})
        assert ctx.get(dut.flips) == (words[0] < config.in_chance)
        await ctx.tick()
        for _ in range(6):
            assert ctx.get(dut.busy)
            await ctx.tick()
        for strobe in (dut.finish, dut.load, dut.load_lfsr):
            ctx.set(strobe, 0)
        assert not ctx.get(dut.busy)
        row = int(words[0] < config.in_chance) << 2
        assert alone.lines(ctx) == [row, row, packed(words[1:] < config.out_chance)]
        assert ctx.get(dut.lfsr) == after
        await ctx.tick()
        assert alone.lines(ctx)[0] == row  # nothing moves by itself

    alone.run(script)


@pytest.mark.parametrize("name", CONFIGS)
def test_loads_give_way_to_the_end_of_a_read(name):
    alone = Alone(CONFIGS[name])
    dut = alone.dut

    async def script(ctx):
        ctx.set(dut.columns, 1)
        ctx.set(dut.read, {"row": 1, "last_row": 0, "last_pass": 0, "enable": 1})
        for strobe in (dut.finish, dut.load, dut.load_lfsr):
            ctx.set(strobe, 1)
        ctx.set(dut.lfsr_state, 77)
        ctx.set(dut.load_line, {"row": 1, "flipped": 1, "column": 1})
        row = ctx.get(dut.flips) << 1
        await ctx.tick()
        assert alone.lines(ctx) == [row, row, 0]
        assert ctx.get(dut.lfsr) != 77

    alone.run(script)


@pytest.mark.parametrize("chance", [0, 1, 2])
def test_a_word_below_the_chance_flips_and_the_chance_itself_does_not(chance):
    config = SequencerConfig(rows=1, columns=1, chopping="random", in_chance=chance)
    alone = Alone(config)

    async def script(ctx):
        assert ctx.get(alone.dut.lfsr) == 1
        assert ctx.get(alone.dut.flips) == (chance == 2)

    alone.run(script)
