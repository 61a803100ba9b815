"""C++ that both forms of bit-sliced models need: fields of ports to vectors and back."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sim.kernel.bitslice import Netlist
from sim.kernel.wrapper import Field, Port

TRANSPOSE = Path(__file__).with_name("transpose.hpp")
UNIT = "unit"  # name of the netlist


def filled(netlist: Netlist, template: Path, parts: Mapping[str, Sequence[str]]) -> str:
    """Return the template with its parts behind the netlist (named ``UNIT``)."""
    text = template.read_text()
    for name, lines in parts.items():
        text = text.replace(f"@{name}@", "\n    ".join(lines))
    return netlist.text + TRANSPOSE.read_text() + text


def each(fields: Sequence[Field], code: Callable[[int, Field, str, str], str]) -> list[str]:
    """Code for every lane of every field: index, field, lane and place of its lowest bit."""
    lines = []
    for index, field in enumerate(fields):
        if field.count:
            at = f"{field.offset} + k * {field.width}"
            lines.append(f"for (unsigned k = 0; k < {field.count}; ++k)")
            lines.append(f"    {code(index, field, 'k', at)}")
        elif field.width:
            lines.append(code(index, field, "0", str(field.offset)))
    return lines


def hold(index: int, field: Field, lane: str, place: str) -> str:
    """Code that takes an input which is one value for all beats."""
    value = f"uint64_t(static_cast<const {field.ctype}*>(in[{index}])[{lane}])"
    return f"if (held[{index}]) hold({value}, {field.width}, inputs + {place});"


def hold_statics(statics: Sequence[Port], bit: int) -> list[str]:
    """Code that takes the static inputs, the first of which is input ``bit`` of the netlist."""
    lines, word = [], 0
    for port in statics:
        lines.append(f"hold(statics + {word}, {port.width}u, inputs + {bit});")
        word, bit = word + port.words, bit + port.width
    return lines
