"""Proofs that a unit equals the plain specification in spec.v, for all inputs, with yosys sat."""

import re
import subprocess
import time
from pathlib import Path
from typing import Any

from amaranth.lib.wiring import Component

from models.config.floats import FusedSumConfig
from models.formats import FloatFormat
from sim import toolchain
from sim.kernel import build
from sim.verify.source import KINDS

SPEC = Path(__file__).with_name("spec.v")
SCRIPT = """\
read_verilog -sv design.v spec.v top.v
hierarchy -check
proc
flatten
opt
miter -equiv -flatten -make_assert gold gate miter
hierarchy -check -top miter
opt -full
sat -verify -prove-asserts -show-inputs -show-outputs {limit} miter
"""
TOP = """\
module gold(input [{high}:0] i, output [{top}:0] o);
  spec #({parameters}) unit({connections}, .o(o));
endmodule
module gate(input [{high}:0] i, output [{top}:0] o);
  wire ready, valid;
  unit_top unit(.i__payload(i), .i__valid(1'b1), .i__ready(ready),
    .o__payload(o), .o__valid(valid), .o__ready(1'b1));
endmodule
"""


class NotEqual(AssertionError):
    """A counterexample; the message gives the inputs."""


def prove_equal(component: Component, folder: Path, *, limit_s: int = 0) -> float:
    """Prove that a combinational unit with one IEEE format equals the specification.

    Parameters
    ----------
    component : Component
        Multiplier, adder, FMA, fused sum or dot of depth 0 that rounds to nearest even.
    folder : Path
        Of the files of the proof.
    limit_s : int
        Seconds that the solver may take; 0 for no limit.

    Returns
    -------
    float
        Seconds taken.

    Raises
    ------
    NotEqual
        With an input for which the two differ.
    AssertionError
        If there is no verdict.
    ValueError
        If the specification does not cover the unit.
    """
    config: Any = getattr(component, "config", None)
    top = _top(config)
    toolchain.warm_up()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "design.v").write_text(build.verilog_text(component, "unit_top"))
    (folder / "spec.v").write_text(SPEC.read_text())
    (folder / "top.v").write_text(top)
    script = SCRIPT.format(limit=f"-timeout {limit_s}" if limit_s else "")
    (folder / "prove.ys").write_text(script)
    start = time.monotonic()
    # names relative to cwd: the YoWASP tools do not see absolute paths below the system's /tmp
    done = subprocess.run(["yosys", "prove.ys"], cwd=folder, capture_output=True, text=True)
    log = done.stdout + done.stderr
    (folder / "log.txt").write_text(log)
    if "SAT proof finished - no model found: SUCCESS!" in log and not done.returncode:
        return time.monotonic() - start
    if "model found: FAIL" in log:
        raise NotEqual("\n".join(re.findall(r"^  \\?(?:\S*in_|\S*gold_|\S*gate_).*", log, re.M)))
    raise AssertionError("no verdict:\n" + "\n".join(log.strip().splitlines()[-15:]))


def _top(config: Any) -> str:
    """Verilog of the unit and of the specification behind the same ports."""
    kind = KINDS[type(config).__name__]
    form, numbers, parameters = _parameters(kind, config)
    width = form.width
    terms = parameters["TERMS"]
    wires = [f".a(i[0 +: {terms * width}])"]
    if parameters["PRODUCTS"]:
        wires.append(f".b(i[{terms * width} +: {terms * width}])")
    if parameters["ADDEND"]:
        wires.append(f".c(i[{2 * width} +: {width}])")
    return TOP.format(
        high=numbers * width - 1,
        top=width - 1,
        parameters=", ".join(f".{name}({value})" for name, value in parameters.items()),
        connections=", ".join(wires),
    )


def _parameters(kind: str, config: Any) -> tuple[FloatFormat, int, dict[str, int]]:
    """Format, numbers in the payload, and the parameters of the specification."""
    form: FloatFormat = config.format
    formats = {form, config.result, getattr(config, "addend", form)}
    products = kind in ("MUL", "FMA", "FUSED_DOT")
    fused = isinstance(config, FusedSumConfig)
    terms = config.terms if fused else 1 if products else 2
    if (
        kind not in ("MUL", "ADD", "FMA", "FUSED_SUM", "FUSED_DOT")
        or len(formats) > 1
        or form.specials != "ieee"
        or config.rounding != "nearest_even"
        or config.depth
        or getattr(config, "beats", 1) > 1
    ):
        raise ValueError(f"the specification does not cover {config}")
    parameters = {
        "EXP": form.exponent_bits,
        "MAN": form.mantissa_bits,
        "BIAS": form.bias,
        "TERMS": terms,
        "PRODUCTS": int(products),
        "ADDEND": int(kind == "FMA"),
        "FLUSHED": int(config.is_flushed),
        "WINDOW": config.window if fused else 0,
        "STICKY": int(fused and config.sticky),
    }
    return form, (2 * terms if products else terms) + (kind == "FMA"), parameters
