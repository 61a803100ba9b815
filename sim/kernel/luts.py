"""Look-up tables of up to three inputs as C++ statements on vectors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

Bit = int | str  # number of a net, or a constant as Yosys writes it: "0", "1", "x"

# Tables in one C++ function. GCC 12 -O2 takes 5 s for 22,000 in parts of up to 2000, 8 s in parts
# of 4000 and 28 s (and 1.9 GB) in one, and what comes out is not faster.
PART = 2000

PRELUDE = """\
#ifndef IMCTWIN_BITSLICE
#define IMCTWIN_BITSLICE
#include <cstdint>
#ifdef __AVX512F__
#include <immintrin.h>
#endif
typedef uint64_t V __attribute__((vector_size(64)));
// Bit 4 * a + 2 * b + c of TABLE.
template <unsigned TABLE>
static inline __attribute__((always_inline)) V lut3(const V& a, const V& b, const V& c) {
#ifdef __AVX512F__
    return (V)_mm512_ternarylogic_epi64((__m512i)a, (__m512i)b, (__m512i)c, TABLE);
#else
    const V zero = {}, ones = ~zero;
    V half[2];
    for (unsigned n = 0; n < 2; ++n) {  // by a, for c = 1 and 0 each a constant, b or ~b
        const unsigned table = TABLE >> (4 * n) & 15;
        const V low = table & 1 ? (table & 4 ? ones : ~b) : (table & 4 ? b : zero);
        const V high = table & 2 ? (table & 8 ? ones : ~b) : (table & 8 ? b : zero);
        half[n] = low ^ ((low ^ high) & c);
    }
    return half[0] ^ ((half[0] ^ half[1]) & a);
#endif
}
#endif
"""
INFIX = {0b1000: "{0} & {1}", 0b1110: "{0} | {1}", 0b0110: "{0} ^ {1}"}


@dataclass(frozen=True)
class Luts:
    """Nets of the inputs and outputs, and by net the table (bit n: value at n) and its inputs.

    ``state`` has the nets of registers, each with the net of its next value; None without clock.
    """

    inputs: tuple[int, ...]
    outputs: tuple[Bit, ...]
    cells: dict[Bit, tuple[int, tuple[Bit, ...]]]
    state: tuple[tuple[int, Bit], ...] | None = None

    @property
    def sources(self) -> dict[Bit, str]:
        """Where nets that no table drives are read."""
        given: dict[Bit, str] = {net: f"in[{n}]" for n, net in enumerate(self.inputs)}
        return given | {net: f"state[{n}]" for n, (net, _) in enumerate(self.state or ())}

    @property
    def targets(self) -> list[tuple[str, Bit]]:
        """Where values are written."""
        results = [(f"out[{n}]", bit) for n, bit in enumerate(self.outputs)]
        return results + [(f"next[{n}]", bit) for n, (_, bit) in enumerate(self.state or ())]


def emit(name: str, luts: Luts) -> str:
    """Return the C++ header of the function ``name``; see :class:`sim.kernel.bitslice.Netlist`."""
    order = _ordered(luts)
    parts = [order[at : at + PART] for at in range(0, len(order), PART)] or [[]]
    upper = name.upper()
    sizes = {"INPUTS": len(luts.inputs), "OUTPUTS": len(luts.outputs), "GATES": len(order)}
    if luts.state is not None:
        sizes["REGISTERS"] = len(luts.state)
    lines = [PRELUDE, *(f"constexpr unsigned {upper}_{k} = {size};" for k, size in sizes.items())]
    slots, room = _shared_slots(parts, luts)
    given, names = "const V *__restrict in, V *__restrict out", "in, out"
    if luts.state is not None:
        given += ", const V *__restrict state, V *__restrict next"
        names += ", state, next"
    for index, part in enumerate(parts if len(parts) > 1 else []):
        lines.append(
            f"static __attribute__((noinline)) void {name}_part{index}"
            f"({given}, V *__restrict shared) {{"
        )
        lines += [f"    {line}" for line in _statements(part, luts, slots)]
        lines.append("}")
    lines.append(f"static inline void {name}({given}) {{")
    if len(parts) > 1:
        lines.append(f"    V shared[{max(room, 1)}];")
        lines += [f"    {name}_part{index}({names}, shared);" for index in range(len(parts))]
    else:
        lines += [f"    {line}" for line in _statements(order, luts, slots)]
    lines += [f"    {line}" for line in _direct(luts)]
    return "\n".join([*lines, "}", ""])


def _ordered(luts: Luts) -> list[Bit]:
    """Nets of the tables, depth first from the outputs: few values wait at any time.

    Of the inputs of a table the one that needs the most registers comes first (the rule of Sethi
    and Ullman, as if the netlist were a tree).
    """
    need: dict[Bit, int] = {}
    for net in _postorder(luts, lambda bits: bits):
        below = sorted((need.get(bit, 0) for bit in luts.cells[net][1]), reverse=True)
        need[net] = max(count + n for n, count in enumerate(below)) or 1
    return list(_postorder(luts, lambda bits: sorted(bits, key=lambda bit: need.get(bit, 0))))


def _postorder(luts: Luts, least_first: Callable[..., Sequence[Bit]]) -> Iterator[Bit]:
    done: set[Bit] = set()
    for _, output in luts.targets:
        stack = [output]
        while stack:
            net = stack[-1]
            if net in done or net not in luts.cells:
                stack.pop()
                continue
            inputs = luts.cells[net][1]
            if waiting := [b for b in least_first(inputs) if b in luts.cells and b not in done]:
                stack += waiting
                continue
            stack.pop()
            done.add(net)
            yield net


def _shared_slots(parts: list[list[Bit]], luts: Luts) -> tuple[dict[Bit, int], int]:
    """Places of what one part computes and a later one reads, and how many places there are."""
    born: dict[Bit, int] = {net: index for index, part in enumerate(parts) for net in part}
    dies: dict[Bit, int] = {}
    for index, part in enumerate(parts):
        dies |= {b: index for net in part for b in luts.cells[net][1] if born.get(b, index) < index}
    slots: dict[Bit, int] = {}
    free: list[int] = []
    room = 0
    for index, part in enumerate(parts):
        for net in part:
            if net in dies:
                if not free:
                    free, room = [room], room + 1
                slots[net] = free.pop()
        free += [slots[net] for net, last in dies.items() if last == index]
    return slots, room


def _statements(part: Sequence[Bit], luts: Luts, slots: dict[Bit, int]) -> Iterator[str]:
    sources, here = luts.sources, set(part)
    targets: dict[Bit, list[str]] = {}
    for place, net in luts.targets:
        targets.setdefault(net, []).append(place)

    def operand(bit: Bit) -> str:
        if bit in here:
            return f"n{bit}"
        return sources.get(bit) or (f"shared[{slots[bit]}]" if bit in slots else _constant(bit))

    for net in part:
        table, bits = luts.cells[net]
        yield f"const V n{net} = {_expression(table, [operand(bit) for bit in bits])};"
        if net in slots:
            yield f"shared[{slots[net]}] = n{net};"
        for place in targets.get(net, ()):
            yield f"{place} = n{net};"


def _expression(table: int, operands: Sequence[str]) -> str:
    """Table of 1 to 3 inputs, the first of which is the lowest bit of the place in the table."""
    if len(operands) == 1:
        return ["V{}", f"~{operands[0]}", operands[0], "~V{}"][table]
    if len(operands) == 2:
        if table in INFIX:
            return INFIX[table].format(*operands)
        table, operands = table | table << 4, [*operands, operands[0]]
    return f"lut3<{table}>({', '.join(reversed(operands))})"


def _direct(luts: Luts) -> Iterator[str]:
    """Set what is an input, a register or a constant."""
    sources = luts.sources
    for place, bit in luts.targets:
        if bit not in luts.cells:
            yield f"{place} = {sources.get(bit) or _constant(bit)};"


def _constant(bit: Bit) -> str:
    return "~V{}" if bit == "1" else "V{}"
