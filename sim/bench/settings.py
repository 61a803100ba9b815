"""What every part is told, and what it gives."""

from dataclasses import dataclass
from pathlib import Path

Figures = dict[str, float | int | None]


class Unequal(RuntimeError):
    """Two means that must agree do not; nothing is said about their speed."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to measure.

    Attributes
    ----------
    folder : Path
        For what is built; exists.
    data : Path or None
        Folder with MNIST; None for enlarged digits.
    rounds : int
        Turns of each of what is compared.
    divisor : int
        Each unit gets the beats of its case divided by this.
    with_cocotb : bool
        Whether cocotb is measured.
    turn_s : float
        CPU seconds of one turn of training.
    """

    folder: Path
    data: Path | None = None
    rounds: int = 7
    divisor: int = 1
    with_cocotb: bool = True
    turn_s: float = 0.7

    def say(self, text: str) -> None:
        """Print a line of progress."""
        print(f"bench: {text}", flush=True)
