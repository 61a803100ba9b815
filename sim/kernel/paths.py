"""Whether a component answers within the cycle in which it is asked."""

from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import CombinationalCycle, Module, Value


def answers_at_once(component: Any) -> bool:
    """Tell whether a path without a register leads from stream ``i`` to ``o`` or to ``i.ready``.

    Every output is led back to every input: that is a cycle without a register if there is such
    a path, and Amaranth finds those.
    """
    m = Module()
    m.submodules.unit = component
    source, result = component.i, component.o
    back = result.valid ^ Value.cast(result.payload).xor() ^ source.ready
    payload = Value.cast(source.payload)
    m.d.comb += [source.valid.eq(back), payload.eq(back.replicate(len(payload)))]
    try:
        rtlil.convert(m, ports=[], emit_src=False)
    except CombinationalCycle:
        return True
    return False
