"""Objects of ours to one .npz file and back, without pickle: arrays as such, the rest as JSON."""

import importlib
import inspect
import json
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

ROOMS = ("models", "sim")  # classes of other packages are neither written nor made


def save(path: Path | BinaryIO, value: Any) -> None:
    """Write ``value``: numbers, strings, None, arrays, lists, dicts with string keys, objects.

    An object must be what its class makes from its attributes with the names of the
    constructor's parameters (dataclasses and named tuples are). An array that occurs several
    times is written once.
    """
    arrays: dict[int, np.ndarray] = {}
    text = json.dumps(_encode(value, arrays))
    named = {f"array_{n}": array for n, array in enumerate(arrays.values())}
    np.savez(path, allow_pickle=False, value=np.array(text), **named)


def load(path: Path | BinaryIO) -> Any:
    """Read what :func:`save` wrote; tuples come back as lists."""
    with np.load(path, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    return _decode(json.loads(str(arrays.pop("value"))), arrays)


def _encode(value: Any, arrays: dict[int, np.ndarray]) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, list) or type(value) is tuple:  # named tuples are objects
        return [_encode(item, arrays) for item in value]
    if isinstance(value, dict):
        return {"dict": {str(key): _encode(item, arrays) for key, item in value.items()}}
    if isinstance(value, np.ndarray):
        arrays.setdefault(id(value), value)
        return {"array": list(arrays).index(id(value))}
    return _encode_object(value, arrays)


def _encode_object(value: Any, arrays: dict[int, np.ndarray]) -> dict[str, Any]:
    kind = type(value)
    if kind.__module__.split(".")[0] not in ROOMS:
        raise TypeError(f"value must be made of plain types and classes of ours, not {value!r}")
    given = {name: getattr(value, name) for name in inspect.signature(kind).parameters}
    arguments = {name: _encode(item, arrays) for name, item in given.items()}
    return {"class": [kind.__module__, kind.__qualname__], "arguments": arguments}


def _decode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, list):
        return [_decode(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[f"array_{value['array']}"]
    if "dict" in value:
        return {key: _decode(item, arrays) for key, item in value["dict"].items()}
    module, name = value["class"]
    if module.split(".")[0] not in ROOMS:
        raise ValueError(f"class must be one of ours, not {module}.{name}")
    kind = getattr(importlib.import_module(module), name)
    parameters = inspect.signature(kind).parameters
    given = {key: _decode(item, arrays) for key, item in value["arguments"].items()}
    positional = [given.pop(key) for key, p in parameters.items() if p.kind is not p.KEYWORD_ONLY]
    return kind(*positional, **given)
