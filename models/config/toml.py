"""Configs as TOML: read, written, overridden by dotted names, hashed."""

import dataclasses
import difflib
import hashlib
import json
import tomllib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import tomli_w

Config = TypeVar("Config")


class ConfigError(ValueError):
    """A config file or an override that cannot be used; the message is one line."""


def to_dict(config: Any) -> dict[str, Any]:
    """Nested plain values of a config, tuples as lists."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def dumps(config: Any) -> str:
    """TOML text of a config; `overridden` on any config of its kind gives it back."""
    return tomli_w.dumps(to_dict(config))


def config_hash(config: Any) -> str:
    """First 16 hexadecimal digits of the SHA-256 of a config's values."""
    text = json.dumps(to_dict(config), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def read(path: Path) -> dict[str, Any]:
    """Values of a TOML file.

    Raises
    ------
    ConfigError
        If the file cannot be read or is not TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: must be TOML: {error}") from error


def parse_override(text: str) -> dict[str, Any]:
    """Values of one ``dotted.name=value``; the value is TOML, or else a plain string."""
    name, equals, value = text.partition("=")
    keys = name.strip().split(".")
    if not equals or not all(keys):
        raise ConfigError(f"--set must be NAME=VALUE, not {text!r}")
    try:
        parsed: Any = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value.strip()
    for key in reversed(keys):
        parsed = {key: parsed}
    return parsed


def overridden(config: Config, values: Mapping[str, Any]) -> Config:
    """Copy of ``config`` with some values replaced.

    Parameters
    ----------
    config : dataclass
        Any config.
    values : mapping
        Nested values; lists replace tuples whole, in a list of tables every table is complete.

    Raises
    ------
    ConfigError
        For an unknown name, a wrong kind or a wrong value, by its dotted name.
    """
    return _overridden(config, values, "")


def _overridden(config: Any, values: Any, prefix: str) -> Any:
    if not isinstance(values, Mapping):
        raise ConfigError(f"{prefix.rstrip('.')} must be a table, not {values!r}")
    hints = typing.get_type_hints(type(config))
    changed = {}
    for name, value in values.items():
        if name not in hints:
            raise ConfigError(_unknown(prefix + name, prefix, name, hints))
        old, dotted = getattr(config, name), prefix + name
        if dataclasses.is_dataclass(old):
            changed[name] = _overridden(old, value, dotted + ".")
        else:
            changed[name] = _converted(value, hints[name], dotted)
    try:
        return dataclasses.replace(config, **changed)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{prefix}{error}") from error


def _converted(value: Any, hint: Any, dotted: str) -> Any:
    if typing.get_origin(hint) is not tuple:
        if hint is float and isinstance(value, int) and not isinstance(value, bool):
            return float(value)
        return value
    if not isinstance(value, list):
        raise ConfigError(f"{dotted} must be a list, not {value!r}")
    item = typing.get_args(hint)[0]
    if not isinstance(item, types.GenericAlias) and dataclasses.is_dataclass(item):
        return tuple(_made(item, part, f"{dotted}[{n}].") for n, part in enumerate(value))
    return tuple(_converted(part, item, f"{dotted}[{n}]") for n, part in enumerate(value))


def _made(kind: Any, values: Any, prefix: str) -> Any:
    """Make a dataclass of a list from a whole table."""
    if not isinstance(values, Mapping):
        raise ConfigError(f"{prefix.rstrip('.')} must be a table, not {values!r}")
    hints = typing.get_type_hints(kind)
    for name in values:
        if name not in hints:
            raise ConfigError(_unknown(prefix + name, prefix, name, hints))
    made = {name: _converted(value, hints[name], prefix + name) for name, value in values.items()}
    try:
        return kind(**made)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{prefix}{error}") from error


def _unknown(dotted: str, prefix: str, name: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {prefix}{near[0]}?" if near else f"known are {', '.join(known)}"
    return f"unknown name {dotted}: {hint}"
