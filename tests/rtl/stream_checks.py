"""What every stream unit must do, whatever it computes."""

from tests.rtl.unstalled import run_unstalled


def check_timing(dut, payloads, expected, *, static=None):
    """One result per payload and cycle, each ``dut.LATENCY`` cycles after its payload."""
    taken, given = run_unstalled(dut, payloads, static=static)
    assert taken == list(range(len(payloads)))
    assert given == [(t + dut.LATENCY, e) for t, e in zip(taken, expected, strict=True)]


def check_reset(dut, payloads, expected, *, after, static=None):
    """After a reset nothing that was inside comes out; then all goes on as from the start."""
    _, given = run_unstalled(dut, payloads, static=static, reset_after=after)
    assert [payload for _, payload in given] == expected[: after - dut.LATENCY] + expected[after:]
