"""Several copies of a unit in one design, side by side."""

from sim.kernel.wrapper import Port


def side_by_side(
    top: str, unit: str, ports: tuple[Port, Port], statics: list[Port], clock: bool, copies: int
) -> str:
    """Return Verilog of the module ``top`` with ``copies`` of the module ``unit``.

    Its streams carry a beat of every copy, that of copy 0 lowest; clock, reset and static inputs
    are common. Valid and ready are those of copy 0, and ``differ`` tells that another one has
    others.
    """
    i, o = ports
    bits = [(f"input [{copies * i.width - 1}:0]", i.name, i.width)]
    bits += [(f"output [{copies * o.width - 1}:0]", o.name, o.width)]
    common = [(f"input [{pin.width - 1}:0]", pin.name) for pin in statics]
    common += [("input", "i__valid"), ("input", "o__ready")]
    common += [("input", "clk"), ("input", "rst")] if clock else []
    heads = [f"{kind} {name}" for kind, name, *_ in (*bits, *common)]
    pins = [f".{name}({name}[k * {width} +: {width}])" for _, name, width in bits]
    pins += [f".{name}({name})" for _, name in common]
    pins += [".i__ready(ready[k])", ".o__valid(valid[k])"]
    every = f"{{{copies}{{%s[0]}}}}"
    return f"""
module {top}({", ".join([*heads, "output i__ready", "output o__valid", "output differ"])});
  wire [{copies - 1}:0] ready;
  wire [{copies - 1}:0] valid;
  assign i__ready = ready[0];
  assign o__valid = valid[0];
  assign differ = ready != {every % "ready"} || valid != {every % "valid"};
  genvar k;
  generate
    for (k = 0; k < {copies}; k = k + 1) begin : copy
      {unit} unit({", ".join(pins)});
    end
  endgenerate
endmodule
"""
