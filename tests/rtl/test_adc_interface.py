from collections import Counter

import numpy as np
import pytest

from models.config.units import AdcInterfaceConfig
from models.digital.adc_interface import adc_interface
from rtl_gen.units.adc_interface import AdcInterface
from sim.streams import run_stream
from tests.rtl.unstalled import run_unstalled

CONFIGS = [
    AdcInterfaceConfig(adc_count=2, adc_bits=2, group_count=1, dac_bits=3, gain_fraction_bits=0),
    AdcInterfaceConfig(adc_count=4, adc_bits=4, group_count=3, dac_bits=4, slice_bits=3),
    AdcInterfaceConfig(
        adc_count=2, adc_bits=12, group_count=5, dac_bits=12, slice_bits=2, gain_fraction_bits=12
    ),
]


def pack(lanes, width):
    return sum((int(lane) & 2**width - 1) << width * n for n, lane in enumerate(lanes))


def unpack(packed, count, width):
    lanes = [packed >> width * n & 2**width - 1 for n in range(count)]
    return [lane - (lane >> width - 1 << width) for lane in lanes]


class Job:
    """Conversions of several groups, each with codes of every slice and phase."""

    def __init__(self, config, rng, groups, *, pair, slices=None, phases=2):
        self.config, self.groups, self.pair = config, groups, pair
        shape = (len(groups), slices or config.slice_count, phases, config.adc_count)
        top, half = 2**config.adc_bits - 1, 2 ** (config.offset_width - 1)
        gain_top = 2**config.gain_width - 1
        self.codes = np.where(
            rng.random(shape) < 0.5, rng.choice([0, top], shape), rng.integers(0, top + 1, shape)
        ).astype(np.uint16)
        pick = rng.random(config.adc_count) < 0.5
        random_gain = rng.integers(0, gain_top + 1, config.adc_count)
        random_offset = rng.integers(-half, half, config.adc_count)
        self.gain = np.where(pick, gain_top, random_gain)
        self.offset = np.where(pick, rng.choice([-half, half - 1], pick.shape), random_offset)

    @property
    def static(self):
        return {
            "gain": pack(self.gain, self.config.gain_width),
            "offset": pack(self.offset, self.config.offset_width),
        }

    def beat(self, n, s, phase):
        _, slices, phases, _ = self.codes.shape
        return {
            "codes": pack(self.codes[n, s, phase], self.config.adc_bits),
            "group": self.groups[n],
            "pair": self.pair,
            "negative": phase,
            "first": s == 0 and phase == 0,
            "shift": s > 0 and phase == 0,
            "last": s == slices - 1 and phase == phases - 1,
        }

    def beats(self, order):
        """Beats of the conversions in ``order`` (indices, each repeated once per beat)."""
        done, phases = Counter(), self.codes.shape[2]
        for n in order:
            yield self.beat(n, *divmod(done[n], phases))
            done[n] += 1

    def result(self, n):
        sums = adc_interface(self.codes, self.gain, self.offset, self.config, pair=self.pair)
        return {"group": self.groups[n], "sums": sums[n].tolist()}

    def read(self, payload):
        config = self.config
        sums = unpack(payload["sums"], config.adc_count, config.sum_width)
        return {"group": payload["group"], "sums": sums}


@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
@pytest.mark.parametrize("pair", [False, True])
@pytest.mark.parametrize("p_stall", [0, 0.4])
def test_sums_match_the_twin_in_any_order_of_groups(config, pair, p_stall):
    rng = np.random.default_rng([1, config.adc_bits, pair])
    for phases in (1, 2):
        job = Job(config, rng, list(range(config.group_count)), pair=pair, phases=phases)
        beats = config.slice_count * phases
        order = rng.permutation(np.repeat(job.groups, beats)).tolist()
        ends = [n for at, n in enumerate(order) if n not in order[at + 1 :]]
        found = run_stream(
            AdcInterface(config),
            list(job.beats(order)),
            seed=2,
            p_stall=p_stall,
            count=len(ends),
            static=job.static,
        )
        assert [job.read(payload) for payload in found] == [job.result(n) for n in ends]


@pytest.mark.parametrize("config", CONFIGS, ids=range(len(CONFIGS)))
def test_conversions_of_one_group_follow_back_to_back(config):
    rng = np.random.default_rng(3)
    group = config.group_count - 1
    for slices in range(1, config.slice_count + 1):
        job = Job(config, rng, [group] * 3, pair=True, slices=slices)
        order = np.repeat(range(3), 2 * slices).tolist()
        dut = AdcInterface(config)
        taken, given = run_unstalled(dut, list(job.beats(order)), static=job.static)
        assert [job.read(payload) for _, payload in given] == [job.result(n) for n in range(3)]
        assert taken == list(range(taken[0], taken[0] + len(order)))
        ends = [taken[2 * slices * (n + 1) - 1] for n in range(3)]
        assert [cycle - end for (cycle, _), end in zip(given, ends, strict=True)] == [
            dut.LATENCY
        ] * 3


def test_every_code_gain_and_offset_of_a_small_converter():
    config = AdcInterfaceConfig(
        adc_count=2, adc_bits=2, group_count=1, dac_bits=1, gain_fraction_bits=1
    )
    rng = np.random.default_rng(4)
    for gain in range(4):
        for offset in range(-4, 4):
            job = Job(config, rng, [0] * 16, pair=True, phases=1)
            job.codes = np.stack(np.meshgrid(range(4), range(4)), axis=-1).reshape(16, 1, 1, 2)
            job.gain, job.offset = np.array([gain, 3 - gain]), np.array([offset, -1 - offset])
            beats = list(job.beats(range(16)))
            _, given = run_unstalled(AdcInterface(config), beats, static=job.static, linger=4)
            assert [job.read(p) for _, p in given] == [job.result(n) for n in range(16)]


def test_reset_in_mid_stream_forgets_what_is_on_its_way():
    config = CONFIGS[1]
    job = Job(config, np.random.default_rng(5), [2, 2], pair=True)
    beats = 2 * config.slice_count
    order = [0] * beats + [1] * beats
    for reset_after in range(beats - 1, beats + 1):
        cut = list(job.beats(order))
        del cut[reset_after:beats]
        dut = AdcInterface(config)
        _, given = run_unstalled(dut, cut, static=job.static, reset_after=reset_after)
        assert [job.read(payload) for _, payload in given] == [job.result(1)]
