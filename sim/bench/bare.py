"""Hand-written C++ loops over Verilated units: what a kernel's general wrapper is held against."""

import ctypes
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from amaranth.lib.wiring import Component

from sim.kernel import build
from sim.kernel.arrays import input_array, packed_words
from sim.kernel.streamed import pointers
from sim.kernel.wrapper import port

UNITS = ("float_mul", "post_process")
SET_BY_LOOP = ("first", "last")  # packets of one beat

Results = dict[str, np.ndarray]


def bare(
    component: Component, name: str, static: Mapping, fields: Mapping, beats: int
) -> Callable[[], Results]:
    """Compile the loop of one of ``UNITS``, convert the inputs; the call runs it.

    Parameters
    ----------
    component : Component
        The unit; its Verilog, Verilator and the flags are those of its kernel.
    name : str
        One of ``UNITS``.
    static, fields : mapping
        What the kernel is called with.
    beats : int
        Length of the arrays in ``fields``.

    Returns
    -------
    callable
        Gives the fields of the output, arrays as a kernel gives them.
    """
    interface, verilog = build.design(component, f"{name}_top")
    text = Path(__file__).with_name(f"bare_{name}.cpp").read_text()
    run = ctypes.CDLL(str(build.library(verilog, f"{name}_top", text))).bare_run
    run.argtypes = [ctypes.c_int64, *[ctypes.c_void_p] * 3]
    run.restype = None
    i, o = (port(key, key, interface["streams"][key], {}) for key in ("i", "o"))
    inputs = {key: pin for key, pin in interface["static"].items() if pin["direction"] == "input"}
    words = packed_words({key: port(key, key, pin, {}) for key, pin in inputs.items()}, static)
    taken = [field for field in i.fields if field.name not in SET_BY_LOOP]
    given = [input_array(field, fields[field.name], beats) for field in taken]

    def call() -> Results:
        results = {field.name: np.empty(beats, field.dtype) for field in o.fields}
        run(beats, words.ctypes.data, pointers(given), pointers(list(results.values())))
        return results

    return call
