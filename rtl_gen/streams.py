"""Elastic pipelines: registers with valid and ready between combinational stages."""

from collections.abc import Callable, Mapping, Sequence

from amaranth import *
from amaranth.lib import data, stream

Fields = dict[str, Value]
Stage = Callable[[Module, Fields, Value], Fields]


def fields_of(payload) -> Fields:
    """Fields of a struct payload by name; a plain payload is the one field ``payload``."""
    if isinstance(payload, data.View):
        names = [name for name, _ in payload.shape()]
        return {name: Value.cast(payload[name]) for name in names}
    return {"payload": payload}


def pipeline(m: Module, i: stream.Interface, o: stream.Interface, stages: Sequence[Stage]) -> None:
    """Connect ``i`` to ``o`` through ``stages`` with one register after each.

    A stage is called as ``stage(m, fields, take)`` and returns the fields to register; ``take``
    is 1 in the cycle in which they are registered (state inside a stage moves only then). The
    reserved field ``keep``, when returned, says whether the beat goes on (0 drops it). The fields
    of the last stage are those of ``o.payload``. Throughput one beat per cycle, latency
    ``len(stages)`` cycles; ``i.ready`` depends combinationally on ``o.ready``.
    """
    fields, valid = fields_of(i.payload), i.valid
    ready_back = i.ready
    for index, stage in enumerate(stages):
        last = index == len(stages) - 1
        v = o.valid if last else Signal(name=f"valid_{index}")
        r = o.ready if last else Signal(name=f"ready_{index}")
        m.d.comb += ready_back.eq(r | ~v)
        take = Signal(name=f"take_{index}")
        m.d.comb += take.eq(valid & ready_back)
        results = stage(m, fields, take)
        keep = results.pop("keep", Const(1))
        target = fields_of(o.payload) if last else _registers(results, index)
        if last and set(results) != set(target):
            raise ValueError(f"stage {index} must return {sorted(target)}, not {sorted(results)}")
        with m.If(ready_back):
            m.d.sync += v.eq(valid & keep)
            m.d.sync += [target[name].eq(results[name]) for name in target]
        fields, valid, ready_back = target, v, r


def _registers(results: Mapping[str, Value], index: int) -> Fields:
    return {
        name: Signal(Value.cast(value).shape(), name=f"{name}_{index}", reset_less=True)
        for name, value in results.items()
    }


def rigid_pipeline(
    m: Module, i: stream.Interface, o: stream.Interface, stages: Sequence[Stage]
) -> None:
    """Connect ``i`` to ``o`` through ``stages`` with a register between each and the next.

    As `pipeline`, but the last stage ends at the output without a register, and all registers
    move together or not at all: one enable instead of one per stage, at the price that a bubble
    inside is not squeezed out while the output waits. Latency ``len(stages) - 1`` cycles.
    """
    fields, valid = fields_of(i.payload), i.valid
    move = Signal()
    m.d.comb += [move.eq(o.ready | ~o.valid), i.ready.eq(move)]
    if len(stages) == 1:  # clk and rst stay ports of the module, as of every other unit
        m.d.comb += Signal(2, name="unused").eq(Cat(ClockSignal(), ResetSignal()))
    for index, stage in enumerate(stages):
        results = stage(m, fields, valid & move)
        keep = results.pop("keep", Const(1))
        if index == len(stages) - 1:
            target = fields_of(o.payload)
            if set(results) != set(target):
                raise ValueError(
                    f"the last stage must return {sorted(target)}, not {sorted(results)}"
                )
            m.d.comb += [target[name].eq(results[name]) for name in target]
            m.d.comb += o.valid.eq(valid & keep)
            return
        registers, v = _registers(results, index), Signal(name=f"valid_{index}")
        with m.If(move):
            m.d.sync += v.eq(valid & keep)
            m.d.sync += [registers[name].eq(results[name]) for name in results]
        fields, valid = registers, v
