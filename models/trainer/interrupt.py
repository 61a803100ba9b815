"""Ctrl-C that waits for a safe place."""

import signal
import threading
from pathlib import Path
from types import FrameType


class Interrupted(Exception):
    """Training was stopped by Ctrl-C.

    Attributes
    ----------
    checkpoint : Path or None
        Where to resume, if a checkpoint was written.
    """

    def __init__(self, checkpoint: Path | None, step: int, steps: int):
        where = "no checkpoint" if checkpoint is None else f"resume from {checkpoint}"
        super().__init__(f"interrupted after step {step} of {steps}; {where}")
        self.checkpoint = checkpoint


class SafeInterrupt:
    """Context in which the first Ctrl-C waits for `check` and the second one acts at once.

    Only in the main thread and where Ctrl-C has its usual meaning; elsewhere nothing changes.
    """

    def __init__(self):
        self._asked = False
        self._installed = False

    def __enter__(self) -> "SafeInterrupt":
        usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if usual and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, self._handle)
            self._installed = True
        return self

    def __exit__(self, *_: object) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def check(self) -> None:
        """Raise KeyboardInterrupt if Ctrl-C was pressed."""
        if self._asked:
            raise KeyboardInterrupt

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._asked = True
