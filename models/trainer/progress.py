"""Progress of a long run: a bar on a terminal, plain lines anywhere else."""

import sys
from typing import Any, TextIO

from tqdm import tqdm

_LINES = 10  # plain lines in a whole run


class Progress:
    """Show how far a run is.

    Parameters
    ----------
    label : str
        Name of the run, put before every line.
    stream : text stream, optional
        Where to write; standard error by default. A bar if it is a terminal, else a line at each
        tenth of the run.
    """

    def __init__(self, label: str, stream: TextIO | None = None):
        self.label = label
        self.stream = sys.stderr if stream is None else stream
        self.total = 0
        self.done = 0
        self._bar: tqdm[Any] | None = None

    def start(self, total: int, done: int = 0) -> None:
        """Begin a run of ``total`` steps of which ``done`` are behind us."""
        self.total, self.done = total, done
        if self.stream.isatty():
            self._bar = tqdm(
                total=total, initial=done, desc=self.label, file=self.stream, dynamic_ncols=True
            )

    def advance(self, **figures: float) -> None:
        """Count one step and show its figures."""
        self.done += 1
        if self._bar is not None:
            self._bar.set_postfix({name: f"{value:.4f}" for name, value in figures.items()}, False)
            self._bar.update()
        elif self.done * _LINES // self.total > (self.done - 1) * _LINES // self.total:
            shown = "".join(f", {name} {value:.4f}" for name, value in figures.items())
            percent = self.done * 100 // self.total
            self._line(f"{percent} % (step {self.done} of {self.total}){shown}")

    def reach(self, done: int, _total: int = 0) -> None:
        """Count steps until ``done`` are behind us; a callback of (done, total)."""
        while self.done < done:
            self.advance()

    def note(self, text: str) -> None:
        """Write a line that stays."""
        if self._bar is not None:
            self._bar.write(f"{self.label}: {text}", file=self.stream)
        else:
            self._line(text)

    def close(self) -> None:
        """End the run; the bar stays where it is."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None

    def _line(self, text: str) -> None:
        print(f"{self.label}: {text}", file=self.stream, flush=True)
