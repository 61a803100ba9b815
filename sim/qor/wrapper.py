"""Register-to-register wrapper of a module, in which no bit is constant, shared or unused."""

import re
from collections.abc import Sequence
from typing import NamedTuple

TOP = "qor_wrap"
GROUP = 16  # output bits per XOR
_DIRECTION = re.compile(r"^\s*(input|output)\s+(?:reg\s+|wire\s+)?(?:\[(\d+):0\]\s*)?(\w+);", re.M)


class Port(NamedTuple):
    """Port of a Verilog module."""

    name: str
    direction: str
    width: int


def ports(verilog: str, top: str) -> list[Port]:
    """Ports of module ``top`` in the order of its header."""
    found = re.search(rf"^module {re.escape(top)}\((.*?)\);(.*?)^endmodule", verilog, re.M | re.S)
    if found is None:
        raise ValueError(f"no module {top} in the Verilog")
    kinds = {name: (way, int(high or 0) + 1) for way, high, name in _DIRECTION.findall(found[2])}
    return [Port(name, *kinds[name]) for name in re.findall(r"\w+", found[1])]


def wrapped(top: str, interface: Sequence[Port]) -> str:
    """Verilog of the module ``qor_wrap`` around ``top``, with the pins clk, rst, si and so.

    Each input bit is one bit of a shift register fed by ``si``; ``rst`` passes a register; each
    output bit has a register, and XORs of 16 of these have one each before they meet in ``so``.
    """
    connected, count = [], {"input": 0, "output": 0}
    for port in interface:
        low = count[port.direction]
        if port.name in ("clk", "rst"):
            connected.append(f".{port.name}({'clk' if port.name == 'clk' else 'rst_q'})")
            continue
        bus = "sr" if port.direction == "input" else "y"
        connected.append(f".{port.name}({bus}[{low + port.width - 1}:{low}])")
        count[port.direction] = low + port.width
    inputs, outputs = count["input"], count["output"]
    groups = range(0, outputs, GROUP)
    folds = [
        f"    x[{index}] <= ^yq[{min(outputs, low + GROUP) - 1}:{low}];"
        for index, low in enumerate(groups)
    ]
    return "\n".join(
        [
            f"module {TOP}(input clk, input rst, input si, output reg so);",
            f"  reg [{inputs - 1}:0] sr;",
            "  reg rst_q;",
            f"  reg [{outputs - 1}:0] yq;",
            f"  reg [{len(groups) - 1}:0] x;",
            f"  wire [{outputs - 1}:0] y;",
            "  always @(posedge clk) begin",
            "    rst_q <= rst;",
            "    sr <= {sr, si};",
            "    yq <= y;",
            "    so <= ^x;",
            *folds,
            "  end",
            f"  {top} dut({', '.join(connected)});",
            "endmodule\n",
        ]
    )
