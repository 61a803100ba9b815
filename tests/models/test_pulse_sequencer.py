import numpy as np
import pytest

from models.digital.pulse_sequencer import pulse_program


def slow(commands, scheme):
    program = []
    for row, pair, count in commands:
        if count:
            program.append([row, 2 * pair, int(count > 0), abs(count)])
        if count and scheme == "push_pull":
            program.append([row, 2 * pair + 1, int(count < 0), abs(count)])
    return program


@pytest.mark.parametrize("scheme", ["push_pull", "plus_only"])
def test_transfers_come_in_order(scheme):
    rng = np.random.default_rng(1)
    commands = np.stack(
        [rng.integers(0, 1024, 400), rng.integers(0, 512, 400), rng.integers(-3, 4, 400)], axis=1
    )
    assert pulse_program(*commands.T, scheme).tolist() == slow(commands.tolist(), scheme)


def test_int8_counts_at_full_scale():
    count = np.array([-127, 127], np.int8)
    program = pulse_program(np.zeros(2, np.int8), np.full(2, 100, np.int8), count, "push_pull")
    assert program[:, 3].tolist() == [127] * 4
    assert program[:, 1].tolist() == [200, 201, 200, 201]


def test_no_pulse_gives_no_transfer():
    assert pulse_program([1, 2], [3, 4], [0, 0], "push_pull").shape == (0, 4)


def test_unknown_scheme_is_refused():
    with pytest.raises(ValueError, match=r"^scheme must be one of push_pull, plus_only, not 'x'$"):
        pulse_program([0], [0], [1], "x")
