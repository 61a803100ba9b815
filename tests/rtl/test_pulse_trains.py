import gc

import numpy as np
import pytest
from amaranth.sim import Simulator

from models.config.chopped_units import PulseTrainConfig
from models.config.units import LfsrConfig
from models.digital.bf16 import from_float32
from models.digital.pulse_trains import pulse_trains
from models.digital.update_management import Managed
from rtl_gen.units.pulse_trains import Kind, PulseTrains
from sim.kernel import Kernel
from sim.streams import PERIOD, run_stream, settable
from tests.rtl.unstalled import run_unstalled

CONFIG = PulseTrainConfig(rows=5, columns=3)
FORMS = {
    "5 x 3 of 12 bits": CONFIG,
    "1 x 1 of 16 bits": PulseTrainConfig(rows=1, columns=1, random_bits=16),
    "3 x 6 of 4 bits, short register": PulseTrainConfig(
        rows=3, columns=6, random_bits=4, lfsr=LfsrConfig(width=16, word_bits=7)
    ),
    "2 x 2, register of 24 bits": PulseTrainConfig(
        rows=2, columns=2, lfsr=LfsrConfig(width=24, word_bits=16)
    ),
}
SEED = 0xBEE5


class Vectors:
    """Random vector pairs, some without slots, some of fewer lines than there are.

    Values are around 1 / scale, so that thresholds are anything from 0 to always.
    """

    def __init__(self, config, count, seed, chopped=True):
        rng = np.random.default_rng([seed, config.rows, config.columns])
        self.config, self.count = config, count
        lines = config.rows, config.columns
        self.used = [rng.integers(1, n + 1, count) for n in lines]
        scales = [2.0 ** rng.integers(-9, 9, count) for _ in lines]
        self.values = [
            self._bf16(
                rng.normal(size=(count, n)) * (rng.random((count, n)) < 0.8) / scale[:, None]
            )
            for n, scale in zip(lines, scales, strict=True)
        ]
        slots = rng.choice([0, 1, 2, 5, 9], count).astype(np.uint8)
        self.managed = Managed(slots, *map(self._bf16, scales))
        self.chops = [int(rng.integers(0, 2**n)) if chopped else 0 for n in lines]
        self.order = rng.permuted(np.tile(np.arange(sum(lines)), (count, 1)), axis=1)

    @staticmethod
    def _bf16(values):
        return from_float32(np.asarray(values, np.float32).copy())

    @property
    def static(self):
        return {"row_chop": self.chops[0], "column_chop": self.chops[1]}

    def payloads(self, number):
        """Beats of one pair: rows and columns each in order, in any mixture."""
        at, beats = [0, 0], []
        for side in (self.order[number] >= self.config.rows).astype(int).tolist():
            if at[side] < self.used[side][number]:
                value = int(self.values[side][number, at[side]])
                scale = int(self.managed[1 + side][number])
                beats.append({"kind": side, "value": value, "scale": scale})
                at[side] += 1
        beats[-1] |= {"last": 1, "slots": int(self.managed.slots[number])}
        return beats

    def expected(self, number, state):
        """Slots of one pair from a state, without signs of lines that do not fire; next state."""
        sides = [
            v[number : number + 1, : u[number]] for v, u in zip(self.values, self.used, strict=True)
        ]
        one = Managed(*(field[number : number + 1] for field in self.managed))
        trains = pulse_trains(*sides, one, state, self.config)
        signs = [
            self._word(side >> 15) ^ chop for side, chop in zip(sides, self.chops, strict=True)
        ]
        slots = []
        for rows, columns in zip(trains.rows, trains.columns, strict=True):
            fires = self._word(rows), self._word(columns)
            slots.append(slot(*fires, *signs))
        if slots:
            slots[-1]["last"] = 1
        return slots, trains.state

    @staticmethod
    def _word(bits):
        return sum(int(bit) << place for place, bit in enumerate(np.ravel(bits)))

    def all(self, state=SEED):
        """Beats and slots of all pairs from a state, and the last state."""
        payloads, slots = [], []
        for number in range(self.count):
            payloads += self.payloads(number)
            found, state = self.expected(number, state)
            slots += found
        return payloads, slots, state


def slot(row_fire, column_fire, row_sign, column_sign, last=0):
    """One slot with only those signs that matter."""
    return {
        "row_fire": row_fire,
        "column_fire": column_fire,
        "row_sign": row_sign & row_fire,
        "column_sign": column_sign & column_fire,
        "last": last,
    }


def seen(slots):
    return [slot(**one) for one in slots]


@pytest.mark.parametrize("form", FORMS)
def test_streams_match_the_twin(form):
    vectors = Vectors(FORMS[form], 40, seed=1)
    payloads, expected, _ = vectors.all()
    dut = PulseTrains(FORMS[form], SEED)
    options = {"count": len(expected), "static": vectors.static}
    assert seen(run_stream(dut, payloads, seed=1, **options)) == expected


def test_states_are_loaded_and_read():
    vectors, dut, read = Vectors(CONFIG, 6, seed=2), PulseTrains(CONFIG, SEED), []
    states = [0xDEADBEEF, 1, 0x80000000, 0xFFFFFFFF, 0x10000, 0x12345678]

    async def bench(ctx):
        ctx.set(dut.o.ready, 1)
        for number, state in enumerate(states):
            load = {
                "kind": Kind.STATE.value,
                "value": state & 0xFFFF,
                "scale": state >> 16,
                "last": 1,
            }
            slots = []
            for payload in [load, *vectors.payloads(number)]:
                ctx.set(dut.i.payload, settable(payload))
                ctx.set(dut.i.valid, 1)
                await ctx.tick().until(dut.i.ready)
                ctx.set(dut.i.valid, 0)
                if payload is load:
                    assert ctx.get(dut.state) == state
            while not ctx.get(dut.i.ready):
                _, _, valid = await ctx.tick().sample(dut.o.valid)
                slots.append(valid)
            read.append((sum(slots), ctx.get(dut.state)))

    sim = Simulator(dut)
    sim.add_clock(PERIOD)
    sim.add_testbench(bench)
    sim.run()
    expected = [vectors.expected(number, state) for number, state in enumerate(states)]
    assert read == [(len(slots), state) for slots, state in expected]


def test_throughput_and_latency():
    """A line per cycle, then after `LATENCY` cycles a slot per cycle, then at once the next."""
    vectors, dut = Vectors(CONFIG, 12, seed=3), PulseTrains(CONFIG, SEED)
    payloads, expected, _ = vectors.all()
    taken, given = run_unstalled(dut, payloads, static=vectors.static)
    start, beat_cycles, slot_cycles = 0, [], []
    for number, slots in enumerate(vectors.managed.slots.tolist()):
        beats = len(vectors.payloads(number))
        beat_cycles += range(start, start + beats)
        first = start + beats - 1 + dut.LATENCY
        slot_cycles += range(first, first + slots)
        start = first + slots
    assert taken == beat_cycles
    assert [cycle for cycle, _ in given] == slot_cycles
    assert seen([payload for _, payload in given]) == expected


@pytest.mark.parametrize("after", [3, 21, 40])
def test_reset_in_mid_stream_forgets_it(after):
    """Lines before the reset are gone, and the register starts again."""
    vectors, dut = Vectors(CONFIG, 10, seed=4), PulseTrains(CONFIG, SEED)
    payloads, expected, _ = vectors.all()
    again = payloads[:after] + payloads
    _, given = run_unstalled(dut, again, static=vectors.static, reset_after=after)
    found = seen([payload for _, payload in given])
    before = len(found) - len(expected)
    assert found[before:] == expected
    assert found[:before] == expected[:before]
    assert (before > 0) == (after > 8)


@pytest.mark.cosim
@pytest.mark.formal
def test_many_lines_match_the_twin():
    """All lines of every pair, signs too, with a register that runs on from pair to pair."""
    config = PulseTrainConfig(rows=12, columns=7)
    rng, count, lines = np.random.default_rng(6), 300, 19
    values = from_float32(rng.normal(size=(count, lines)).astype(np.float32))
    slots = rng.integers(0, 20, count).astype(np.uint8)
    slots[7] = 127
    scales = from_float32(rng.random((2, count)).astype(np.float32))
    trains = pulse_trains(values[:, :12], values[:, 12:], Managed(slots, *scales), 0xACE1, config)
    sides = ("row_fire", "column_fire", "row_sign", "column_sign")
    lanes = {f"o.{side}": (1, False) for side in sides}
    kernel = Kernel(PulseTrains(config, 0xACE1), "trains", lanes=lanes, backend="cxxrtl")
    chop = {"row_chop": 0xF0F, "column_chop": 0x53}
    found = kernel(
        chop,
        outputs=int(slots.sum()),
        kind=np.tile(np.repeat([0, 1], [12, 7]), count),
        value=values.ravel(),
        scale=np.repeat(scales.T.ravel(), np.tile([12, 7], count)),
        last=np.tile(np.arange(lines) == lines - 1, count),
        slots=np.repeat(slots, lines),
    )
    np.testing.assert_array_equal(found["row_fire"], trains.rows)
    np.testing.assert_array_equal(found["column_fire"], trains.columns)
    signs = np.repeat(values >> 15, slots, axis=0)
    for side, part, width in (("row", signs[:, :12], 12), ("column", signs[:, 12:], 7)):
        chops = chop[f"{side}_chop"] >> np.arange(width) & 1
        np.testing.assert_array_equal(found[f"{side}_sign"], part ^ chops)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_bad_seed_is_refused():
    with pytest.raises(ValueError, match=r"^seed must be between 1 and 4294967295, not 0$"):
        PulseTrains(CONFIG, 0)
    gc.collect()  # the half-made component, while its warning is ignored
