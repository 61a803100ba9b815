"""Proofs with SymbiYosys and z3: the Amaranth stream rules, and any design with assertions."""

import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from amaranth import *
from amaranth.asserts import AnyConst, AnySeq
from amaranth.back import rtlil
from amaranth.hdl import Assert, Assume
from amaranth.lib.wiring import Component, In

from rtl_gen.verilog import is_stream
from sim import toolchain

SBY = """\
[options]
mode prove
depth {depth}
[engines]
smtbmc z3
[script]
read_rtlil top.il
prep -flatten -top top
memory_map -formal
[files]
top.il
"""


class StreamContract(Component):
    """Any environment that keeps the stream rules around ``dut``; the rules must hold of it too.

    While a stream is valid and not ready, valid and payload hold: assumed of every input stream
    of ``dut``, asserted of every output stream. Other inputs are arbitrary constants, those
    named in ``free`` arbitrary in every cycle.
    """

    def __init__(self, dut: Component, free: Sequence[str]):  # pyright: ignore[reportInconsistentConstructor]
        self.dut, self.free = dut, free
        super().__init__({})

    def elaborate(self, platform):
        m = Module()
        m.submodules.dut = self.dut
        m.d.comb += Assume(~ResetSignal())
        for name, member in self.dut.signature.members.items():
            port: Any = getattr(self.dut, name)
            if is_stream(member):
                if member.flow == In:
                    _drive(m, port.payload, AnySeq)
                    _drive(m, port.valid, AnySeq)
                    self._rules(m, name, port, Assume)
                else:
                    _drive(m, port.ready, AnySeq)
                    self._rules(m, name, port, Assert)
            elif member.is_port and member.flow == In:
                _drive(m, port, AnySeq if name in self.free else AnyConst)
        return m

    def _rules(self, m, name, port, demand):
        payload = Value.cast(port.payload)
        held, waiting = Signal.like(payload, name=f"{name}_held"), Signal(name=f"{name}_waiting")
        m.d.sync += [held.eq(payload), waiting.eq(port.valid & ~port.ready)]
        with m.If(waiting):
            m.d.comb += demand(port.valid, f"{name}.valid dropped")
            m.d.comb += demand(payload == held, f"{name}.payload moved")


def prove_stream(
    dut: Component, directory: Path, *, depth: int = 8, free: Sequence[str] = ()
) -> None:
    """Prove without bound, by induction over ``depth`` cycles, that ``dut`` keeps the stream rules.

    Raises
    ------
    AssertionError
        With the assertion that fails, when the proof does.
    """
    prove(StreamContract(dut, free), directory, depth=depth)


def prove(elaboratable: Any, directory: Path, *, depth: int = 8, ports: Sequence[Any] = ()) -> None:
    """Prove the assertions inside ``elaboratable``; ``ports`` are inputs free in every cycle.

    Leave the domain ``sync`` undefined: only then its clock becomes an input that moves.

    Raises
    ------
    AssertionError
        With the assertion that fails and the end of the log, when the proof does.
    """
    toolchain.warm_up()
    is_component = isinstance(elaboratable, Component)
    text = rtlil.convert(
        elaboratable, name="top", platform="formal", ports=None if is_component else list(ports)
    )
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "top.il").write_text(text)
    (directory / "top.sby").write_text(SBY.format(depth=depth))
    # names relative to cwd: the YoWASP tools do not see absolute paths below the system's /tmp
    done = subprocess.run(["sby", "-f", "top.sby"], cwd=directory, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(_explain(done.stdout + done.stderr, text, directory))


def _drive(m: Module, port: Any, source: Any) -> None:
    target = Value.cast(port)
    m.d.comb += target.eq(source(len(target)))


def _explain(log: str, design: str, directory: Path) -> str:
    """Reasons, with the messages of failed assertions of the top module, and the end of the log."""
    top = re.split(r"^module ", design, flags=re.M)
    messages = dict(
        re.findall(r'cell \$check \$(\d+)\n\s*parameter \\FORMAT "(.*)"', "".join(top[1:2]))
    )
    reasons = list(dict.fromkeys(re.findall(r"(Assert failed in .*|ERROR.*)", log)))
    for number in dict.fromkeys(re.findall(r"_witness_\.check_(\d+)\)", log)):
        reasons.append(messages.get(number, ""))
    tail = log.strip().splitlines()[-15:]
    return "\n".join([*(reasons or ["no verdict"]), f"in {directory}:", *tail])
