"""Options that experiments share, and their checks."""

import argparse
from collections.abc import Callable
from typing import TypeVar

from models.config.chopped import ALGORITHMS
from models.config.toml import ConfigError

Number = TypeVar("Number", int, float)


def add_list(parser: argparse.ArgumentParser, flag: str, default: str, text: str) -> None:
    """Option that takes a list."""
    parser.add_argument(
        flag, default=default, metavar="LIST", help=f"{text}, with commas (default {default})"
    )


def add_run(parser: argparse.ArgumentParser, quick: str) -> None:
    """Options of grids."""
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--fresh", action="store_true", help="compute also what is stored as done")


def within(args: argparse.Namespace, **limits: tuple[float, float]) -> None:
    """Raise ConfigError unless values lie in their ranges."""
    for name, (low, high) in limits.items():
        given = getattr(args, name)
        if not low <= given <= high:
            flag = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{flag} must be between {low:g} and {high:g}, not {given}")


def names(flag: str, text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Take names of a list with commas, each once."""
    found = tuple(part.strip() for part in text.split(","))
    for name in found:
        if name not in known:
            raise ConfigError(f"{flag} must be of {', '.join(known)}, not {name!r}")
    return tuple(dict.fromkeys(found))


def algorithms(text: str) -> tuple[str, ...]:
    """Take algorithms of a list with commas."""
    return names("--algorithms", text, ALGORITHMS)


def numbers(
    flag: str, text: str, kind: Callable[[str], Number], low: float, high: float
) -> tuple[Number, ...]:
    """Take numbers of a list with commas, each once, rising."""
    found: set[Number] = set()
    for part in text.split(","):
        try:
            value = kind(part)
        except ValueError:
            raise ConfigError(f"{flag} must be numbers with commas, not {text!r}") from None
        if not low <= value <= high:
            raise ConfigError(f"{flag} must be between {low:g} and {high:g}, not {part.strip()}")
        found.add(value)
    return tuple(sorted(found))
