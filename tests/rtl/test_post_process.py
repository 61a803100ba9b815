import numpy as np
import pytest

from models.config.units import PostProcessConfig
from models.digital.post_process import post_process
from models.formats import BF16
from rtl_gen.units.post_process import PostProcess
from sim.streams import run_stream
from tests.float_cases import pairs
from tests.rtl.unstalled import run_unstalled

CONFIG = PostProcessConfig(sum_width=20, code_width=5, random_bits=4)


class Packets:
    """Packets of ``count`` partial sums whose results lie around the range of the codes.

    Every tenth scale and bias is a corner of BF16 arithmetic; beats before the last carry other
    scales, biases, masks and random words, which must not matter.
    """

    def __init__(self, config, packets, count, seed, *, activation, stochastic, exponent=-2):
        rng = np.random.default_rng([seed, activation, stochastic])
        limit = 2 ** (config.sum_width - 1)
        size = (packets, count)
        partials = rng.integers(-limit, limit, size) >> rng.integers(0, config.sum_width, size)
        scale = 0x3F80 - (rng.integers(0, config.sum_width, size) << 7) + rng.integers(0, 128, size)
        bias = rng.integers(0x3C00, 0x4180, size) | rng.integers(0, 2, size) << 15
        corners = rng.choice(np.stack(pairs(BF16, BF16, 0, 0), axis=1), size)
        corner = rng.random(size) < 0.1
        scale = np.where(corner, corners[..., 0], scale)
        bias = np.where(corner, corners[..., 1], bias)
        mask = rng.integers(0, 2, size)
        random = rng.integers(0, 2**config.random_bits, size)
        control = {"activation": activation, "exponent": exponent, "stochastic": stochastic}
        last = (column[:, -1] for column in (scale, bias, mask, random))
        result = post_process(partials, *last, config, **control)
        columns = {
            "partial": partials,
            "scale": scale,
            "bias": bias,
            "mask": mask,
            "random": random,
            "first": np.broadcast_to(np.arange(count) == 0, size),
            "last": np.broadcast_to(np.arange(count) == count - 1, size),
        }
        self.static = {"control": control}
        self.payloads = _rows(columns)
        self.expected = _rows(result._asdict())


def _rows(columns):
    values = zip(*(column.ravel().tolist() for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in values]


@pytest.mark.parametrize("stochastic", [False, True])
@pytest.mark.parametrize("activation", [0, 1, 2])
@pytest.mark.parametrize("count", [1, 3])
def test_packets_match_the_twin(count, activation, stochastic):
    case = Packets(CONFIG, 250, count, 1, activation=activation, stochastic=stochastic)
    results = run_stream(PostProcess(CONFIG), case.payloads, seed=1, count=250, static=case.static)
    assert results == case.expected


@pytest.mark.parametrize(
    "config",
    [
        PostProcessConfig(),
        PostProcessConfig(sum_width=8, code_width=2, random_bits=1),
        PostProcessConfig(sum_width=48, code_width=16, random_bits=16),
    ],
)
def test_other_widths_match_the_twin(config):
    case = Packets(config, 300, 2, 2, activation=1, stochastic=True, exponent=-8)
    results = run_stream(PostProcess(config), case.payloads, seed=2, count=300, static=case.static)
    assert results == case.expected


def test_throughput_and_latency():
    case = Packets(CONFIG, 10, 3, 3, activation=1, stochastic=False)
    dut = PostProcess(CONFIG)
    taken, given = run_unstalled(dut, case.payloads, static=case.static)
    assert taken == list(range(30))
    assert given == [(3 * n + 2 + dut.LATENCY, beat) for n, beat in enumerate(case.expected)]


@pytest.mark.parametrize("after", [5, 9])
def test_reset_in_mid_packet_forgets_it(after):
    interrupted = Packets(CONFIG, 5, 3, 4, activation=1, stochastic=False)
    case = Packets(CONFIG, 10, 3, 5, activation=1, stochastic=False)
    payloads = interrupted.payloads[:after] + case.payloads  # none of the first came out yet
    dut = PostProcess(CONFIG)
    assert after < dut.LATENCY + 3
    _, given = run_unstalled(dut, payloads, static=case.static, reset_after=after)
    assert [beat for _, beat in given] == case.expected
