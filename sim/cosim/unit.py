"""Run one stream unit as generated Verilog, on its pins."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from amaranth.lib.wiring import Component

from rtl_gen.verilog import describe
from sim.cosim.packing import pack_fields, unpack_fields
from sim.cosim.runner import run_bench
from sim.cosim.storage import load, save
from sim.streams import LINGER, PATIENCE

PLAIN = "payload"  # the one field of a payload that is no structure


def run_unit(
    component: Component,
    payloads: Sequence[Any],
    build_dir: Path,
    *,
    seed: int,
    static: Mapping[str, Any] | None = None,
    count: int | None = None,
    p_stall: float = 0.3,
    resets: bool = False,
) -> list[Any]:
    """Send ``payloads`` into the Verilog of ``component``, return what left it.

    As :func:`sim.streams.run_stream`, but under Verilator through cocotb; an array inside a
    payload is one packed int.

    Parameters
    ----------
    component : Component
        With a stream ``o`` and, unless it is a source, a stream ``i``.
    payloads : sequence of int or dict
        Inputs; a dict gives fields of a struct payload by name, missing ones are 0.
    build_dir : Path
        Where the build, ``question.npz`` and ``answer.npz`` go; an unchanged unit is built once.
    seed : int
        Of the gaps and of the times of the resets.
    static : mapping, optional
        Values of other inputs, held all the time; 0 where not given.
    count : int, optional
        Outputs to expect; default one per input.
    p_stall : float
        Probability of a gap in a cycle, for each side, 0 to below 1.
    resets : bool
        Three times break off at a random cycle and reset the unit, then send everything.

    Returns
    -------
    list of int or dict
        Payloads in order, without those before the last reset.

    Raises
    ------
    AssertionError
        If nothing moved for 2000 cycles and inputs or outputs are missing, or if a component with
        an input gives more than ``count`` outputs.
    ValueError
        If a value does not fit, or a field or a static input is unknown.
    """
    build_dir = Path(build_dir).resolve()
    build_dir.mkdir(parents=True, exist_ok=True)
    description = describe(component)
    streams = description["streams"]
    question = {
        "words": [_pack(streams["i"], payload) for payload in payloads],
        "static": _static_words(description["static"], static or {}),
        "count": len(payloads) if count is None else count,
        "is_source": "i" not in streams,
        "p_stall": p_stall,
        "resets": resets,
        "patience": PATIENCE,
        "linger": LINGER,
    }
    save(build_dir / "question.npz", question)
    answer = build_dir / "answer.npz"
    answer.unlink(missing_ok=True)
    run_bench(component, "stream", build_dir, seed=seed, imctwin_unit=str(build_dir))
    return [_unpack(streams["o"], word) for word in load(answer)]


def _static_words(members: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, int]:
    inputs = {name: one for name, one in members.items() if one["direction"] == "input"}
    for name in given:
        if name not in inputs:
            raise ValueError(f"static must name inputs ({', '.join(inputs)}), not {name!r}")
    return {name: _pack(layout, given.get(name, {})) for name, layout in inputs.items()}


def _pack(layout: Mapping[str, Any], value: Any) -> int:
    return pack_fields(layout, value if isinstance(value, Mapping) else {PLAIN: value})


def _unpack(layout: Mapping[str, Any], word: int) -> Any:
    fields = unpack_fields(layout, word)
    return fields[PLAIN] if list(fields) == [PLAIN] else fields
