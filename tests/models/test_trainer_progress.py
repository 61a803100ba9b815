"""Progress: plain lines in a file, a bar on a terminal."""

import io

import pytest

from models.trainer.progress import Progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run(stream, total=21, done=0):
    progress = Progress("run", stream)
    progress.start(total, done)
    for _ in range(done, total):
        progress.advance(loss=0.25)
    progress.note("epoch 1 of 1")
    progress.close()
    return stream.getvalue()


@pytest.mark.parametrize(("total", "done", "count"), [(21, 0, 10), (21, 14, 4), (3, 0, 3)])
def test_plain_lines_at_each_tenth(total, done, count):
    *steps, note = run(io.StringIO(), total, done).splitlines()
    assert len(steps) == count
    assert steps[-1] == f"run: 100 % (step {total} of {total}), loss 0.2500"
    assert note == "run: epoch 1 of 1"


def test_first_plain_line():
    assert run(io.StringIO()).startswith("run: 14 % (step 3 of 21), loss 0.2500\n")


def test_bar_on_a_terminal():
    text = run(Terminal())
    assert "\r" in text
    assert "run: epoch 1 of 1\n" in text
    assert "21/21" in text
    assert "loss=0.2500" in text
