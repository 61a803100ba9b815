"""Walk over the mux groups that hold needed lines."""

from amaranth import *

from rtl_gen.array.sar import SarAdc


def convert_groups(m: Module, adc: SarAdc, line_count: int, needed: Value) -> Value:
    """Send the groups of the first ``needed`` lines through ``adc``, in order.

    Returns 1 with the last one's codes, when they are taken. ``line_count`` is that of the macro;
    ``needed`` is at least 1. To be called in one state of a machine, which that 1 must leave.
    """
    group = Signal.like(adc.i.payload.group)
    line = Signal(range(line_count + adc.adc_count), init=adc.adc_count)  # of group + 1
    issued, done = Signal(), Signal()
    m.d.comb += [
        adc.i.valid.eq(~issued),
        adc.i.payload.group.eq(group),
        done.eq(issued & adc.o.valid & adc.o.ready & (adc.o.payload.group == group)),
    ]
    with m.If(~issued & adc.i.ready):
        with m.If(line < needed):
            m.d.sync += [group.eq(group + 1), line.eq(line + adc.adc_count)]
        with m.Else():
            m.d.sync += issued.eq(1)
    with m.If(done):
        m.d.sync += [issued.eq(0), group.eq(0), line.eq(adc.adc_count)]
    return done
