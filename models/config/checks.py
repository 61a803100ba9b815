"""The checks every config makes, with one form of message: "<name> must be <rule>, not <value>"."""

from collections.abc import Sequence


def check_int(name: str, value: int, low: int, high: int) -> None:
    """Raise unless ``value`` is an int in ``[low, high]``."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"{name} must be an int, not {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low} and {high}, not {value!r}")


def check_float(name: str, value: float, low: float, high: float) -> None:
    """Raise unless ``value`` is a finite number in ``[low, high]``."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(f"{name} must be a number, not {value!r}")
    if not low <= value <= high:
        raise ValueError(f"{name} must be between {low:g} and {high:g}, not {value!r}")


def check_bool(name: str, value: bool) -> None:
    """Raise unless ``value`` is True or False."""
    if not isinstance(value, bool):
        raise TypeError(f"{name} must be true or false, not {value!r}")


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Raise unless ``value`` is one of ``choices``."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {value!r}")
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def check_kind(name: str, value: object, kind: type) -> None:
    """Raise unless ``value`` is of ``kind``."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a {kind.__name__}, not {value!r}")


def check_multiple(name: str, value: int, of: int) -> None:
    """Raise unless ``value`` is a multiple of ``of``."""
    if value % of:
        raise ValueError(f"{name} must be a multiple of {of}, not {value!r}")
