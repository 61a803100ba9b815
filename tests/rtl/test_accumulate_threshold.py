import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.config.units import AccumulateThresholdConfig
from models.digital.accumulate_threshold import accumulate_threshold
from models.digital.bf16 import from_float32, to_float32
from rtl_gen.units.accumulate_threshold import AccumulateThreshold
from sim.streams import run_stream
from tests.rtl.unstalled import run_unstalled

CONTROL = {"shift": 0, "scale": 0x3F80, "threshold": 10, "transfer": 1}
SPECIALS = [0, 1, 2, 0x7F, 0x80, 0x81, 0x100, 0x3F80, 0x3FFF, 0x7F7F, 0x7F80, 0x7FC0, 0x7F81]


class Packets:
    """Packets of products, each with a state of its own."""

    def __init__(self, config, chi, codes):
        self.config, self.chi, self.codes = config, chi, codes

    def beats(self):
        mask = 2**self.config.state_width - 1
        for chi, packet in zip(self.chi, self.codes, strict=True):
            for n, (x, delta) in enumerate(packet):
                last = n == len(packet) - 1
                state = chi & mask if last else ~chi & mask  # only the last beat's counts
                ends = {"first": n == 0, "last": last}
                yield {"x": x, "delta": delta, "chi": state, **ends}

    def results(self, control):
        """Ask the twin for one packet at a time."""
        control = control | {"transfer": bool(control["transfer"])}
        mask = 2**self.config.state_width - 1
        kind = np.int64 if self.config.variant == "fixed" else np.uint16
        for chi, packet in zip(self.chi, self.codes, strict=True):
            x, delta = np.array(packet, np.int16).T[:, :, None]
            state = np.full((1, 1), chi, kind)
            found = accumulate_threshold(state, x, delta, self.config, **control)
            yield {"chi": int(found.chi[0, 0]) & mask, "count": int(found.counts[0, 0])}

    def check(self, control, **options):
        found = run_stream(
            AccumulateThreshold(self.config),
            list(self.beats()),
            count=len(self.chi),
            static={"control": control},
            **options,
        )
        assert found == list(self.results(control))


def single(config, chi):
    """One packet per state, of one product that is 0."""
    return Packets(config, list(chi), [[(0, 0)]] * len(chi))


def random_packets(config, rng, chi, longest=5):
    top = 2 ** (config.code_width - 1) - 1
    codes = [
        rng.choice([-top, -1, 0, 1, top - 1, top], (rng.integers(1, longest + 1), 2)).tolist()
        for _ in chi
    ]
    return Packets(config, chi, codes)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_fixed_matches_the_twin(data):
    config = AccumulateThresholdConfig(
        code_width=data.draw(st.integers(2, 12)),
        chi_width=data.draw(st.sampled_from([16, 40, 48])),
        count_width=data.draw(st.integers(1, 8)),
        keep_remainder=data.draw(st.booleans()),
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    reach = 2 ** data.draw(st.integers(0, config.chi_width - 1))
    chi = [-reach, reach - 1, *rng.integers(-reach, reach, 20).tolist()]
    control = {
        "shift": data.draw(st.one_of(st.integers(0, 10), st.integers(0, 63))),
        "scale": 0,
        "threshold": data.draw(st.integers(1, min(2 * reach, 2**config.chi_width - 1))),
        "transfer": data.draw(st.booleans()),
    }
    random_packets(config, rng, chi).check(control, seed=1)


@pytest.mark.parametrize("keep_remainder", [True, False])
@pytest.mark.parametrize("count_width", [1, 3])
def test_fixed_near_every_whole_threshold(keep_remainder, count_width):
    config = AccumulateThresholdConfig(
        chi_width=16, count_width=count_width, keep_remainder=keep_remainder
    )
    single(config, range(-90, 91)).check(CONTROL, seed=2, p_stall=0.1)


def test_longest_packet_of_full_scale_products():
    config = AccumulateThresholdConfig(acc_width=23)
    for sign in (-1, 1):
        packets = Packets(config, [0], [[(255, 255 * sign)] * 64])
        packets.check(CONTROL | {"threshold": 10**6}, seed=3, p_stall=0)


def bf16_config(**changes):
    return AccumulateThresholdConfig(variant="bf16", **changes)


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_bf16_decisions_match_the_twin(data):
    config = bf16_config(
        count_width=data.draw(st.integers(1, 8)), keep_remainder=data.draw(st.booleans())
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    threshold = data.draw(st.one_of(st.integers(1, 0x7F7F), st.integers(1, 0x400)))
    around = np.clip(threshold + rng.integers(-0x200, 0xE00, 40), 0, 0x7F7F)
    wide = rng.integers(0, 0x8000, 10)
    chi = np.concatenate([around, wide, SPECIALS]) | rng.integers(0, 2, 50 + len(SPECIALS)) << 15
    control = CONTROL | {"threshold": threshold, "transfer": data.draw(st.sampled_from([1, 1, 0]))}
    single(config, chi.tolist()).check(control, seed=4, p_stall=0.1)


@pytest.mark.parametrize("keep_remainder", [True, False])
@pytest.mark.parametrize("threshold", [0x0003, 0x00A0, 0x4120, 0x7E80, 0x7F7F])
def test_bf16_near_every_whole_threshold(threshold, keep_remainder):
    config = bf16_config(keep_remainder=keep_remainder)
    step = float(to_float32(threshold))
    whole = {int(from_float32(np.float32(min(n * step, 3e38)))) for n in range(1, 19)}
    around = {pattern + shift for pattern in whole for shift in (-1, 0, 1)}
    chi = sorted(pattern | sign for pattern in around | set(SPECIALS) for sign in (0, 0x8000))
    single(config, chi).check(CONTROL | {"threshold": threshold}, seed=7, p_stall=0)


@settings(max_examples=8, deadline=None)
@given(
    scale=st.one_of(st.integers(0x3000, 0x4000), st.sampled_from([0, 1, 0x7F7F, 0x7F80, 0x7FC0])),
    seed=st.integers(0, 2**32),
)
def test_bf16_packets_match_the_twin(scale, seed):
    config, rng = bf16_config(), np.random.default_rng(seed)
    chi = [*rng.integers(0x3000, 0x4800, 20), *rng.choice(SPECIALS, 10)]
    chi = [int(pattern) | int(rng.integers(2)) << 15 for pattern in chi]
    control = CONTROL | {"scale": scale, "threshold": int(rng.integers(0x3400, 0x4600))}
    random_packets(config, rng, chi).check(control, seed=5)


@pytest.mark.parametrize(
    "config",
    [
        AccumulateThresholdConfig(count_width=1),
        AccumulateThresholdConfig(keep_remainder=False),
        bf16_config(),
        bf16_config(keep_remainder=False, count_width=8),
    ],
    ids=range(4),
)
def test_latency_full_rate_and_reset(config):
    threshold = 0x4120 if config.variant == "bf16" else 10
    control = CONTROL | {"threshold": threshold}
    packets = random_packets(config, np.random.default_rng(6), [0x4000, 0x4321, 0x4444])
    beats = list(packets.beats())
    dut = AccumulateThreshold(config)
    taken, given_out = run_unstalled(dut, beats, static={"control": control})
    ends = [cycle for cycle, beat in zip(taken, beats, strict=True) if beat["last"]]
    assert [cycle - dut.LATENCY for cycle, _ in given_out] == ends
    assert taken == list(range(taken[0], taken[0] + len(beats)))
    assert [payload for _, payload in given_out] == list(packets.results(control))

    start = len(packets.codes[0])  # reset as the first packet's last beat is on its way
    _, given_out = run_unstalled(
        AccumulateThreshold(config), beats, static={"control": control}, reset_after=start
    )
    assert [payload for _, payload in given_out] == list(packets.results(control))[1:]
