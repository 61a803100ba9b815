"""Small components on which the harnesses are tested."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, enum, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from rtl_gen.streams import pipeline


class Mode(enum.Enum, shape=2):
    ADD = 0
    SUBTRACT = 1


@dataclass(frozen=True, kw_only=True)
class AddConfig:
    width: int = 16
    taps: tuple[int, ...] = (1, 2)


class Add(wiring.Component):
    """``sum = a +- b + bias`` and ``a`` passed through, two stages, struct payloads."""

    LATENCY = 2

    def __init__(self, config=AddConfig(), fault=None):
        self.config, self.fault = config, fault
        width = config.width
        control = data.StructLayout({"mode": Mode, "bias": signed(4)})
        operands = data.StructLayout({"a": width, "b": signed(width)})
        result = data.StructLayout({"a": width, "sum": signed(width + 3)})
        super().__init__(
            {
                "control": In(control),
                "i": In(stream.Signature(operands)),
                "o": Out(stream.Signature(result)),
            }
        )

    def elaborate(self, platform):
        m = Module()

        def add(m, f, take):
            minus = self.control.mode == Mode.SUBTRACT
            return {"a": f["a"], "sum": f["a"] + Mux(minus, -f["b"], f["b"])}

        def bias(m, f, take):
            return {"a": f["a"], "sum": f["sum"] + self.control.bias}

        pipeline(m, self.i, self.o, [add, bias])
        if self.fault == "payload":
            with m.If(self.o.valid & ~self.o.ready):
                m.d.sync += self.o.payload.sum.eq(0)
        elif self.fault == "valid":
            with m.If(self.o.valid & ~self.o.ready):
                m.d.sync += self.o.valid.eq(0)
        elif self.fault == "stuck":
            m.d.sync += self.o.valid.eq(0)
        return m


class Total(wiring.Component):
    """Sum of a packet, at its last beat; drops the other beats; stops for 3 cycles after it."""

    LATENCY = 1

    def __init__(self):
        beat = data.StructLayout({"value": signed(8), "first": 1, "last": 1})
        super().__init__({"i": In(stream.Signature(beat)), "o": Out(stream.Signature(signed(20)))})

    def elaborate(self, platform):
        m = Module()
        rest, total = Signal(2), Signal(signed(20))
        beat = self.i.payload
        m.d.comb += total.eq(Mux(beat.first, 0, self.o.payload) + beat.value)
        m.d.comb += self.i.ready.eq((self.o.ready | ~self.o.valid) & (rest == 0))
        with m.If(rest != 0):
            m.d.sync += rest.eq(rest - 1)
        with m.If(self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        with m.If(self.i.valid & self.i.ready):
            m.d.sync += self.o.payload.eq(total)
            m.d.sync += self.o.valid.eq(beat.last)
            with m.If(beat.last):
                m.d.sync += rest.eq(3)
        return m


class Lanes(wiring.Component):
    """``lane_count`` lanes side by side: each code plus the tag; the payload is wide."""

    LATENCY = 1

    def __init__(self, lane_count, width):
        self.lane_count, self.width = lane_count, width
        packed = lane_count * width
        beat = data.StructLayout({"tag": 3, "codes": packed, "wide": signed(50)})
        super().__init__({"i": In(stream.Signature(beat)), "o": Out(stream.Signature(beat))})

    def elaborate(self, platform):
        m = Module()

        def add(m, f, take):
            w = self.width
            lanes = [(f["codes"][n * w :][:w] + f["tag"])[:w] for n in range(self.lane_count)]
            return {"tag": f["tag"], "codes": Cat(lanes), "wide": f["wide"] - 1}

        pipeline(m, self.i, self.o, [add])
        return m


class Counter(wiring.Component):
    """A source: counts what is taken, from 5."""

    LATENCY = 0

    def __init__(self):
        super().__init__({"o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        count = Signal(8, init=5)
        m.d.comb += [self.o.payload.eq(count), self.o.valid.eq(1)]
        with m.If(self.o.ready):
            m.d.sync += count.eq(count + 1)
        return m


class Table(wiring.Component):
    """A memory that starts with 3 and 4: every beat reads a row and then may write it.

    Rows of more than 64 bits that are not whole bytes show their lowest 64.
    """

    LATENCY = 1

    def __init__(self, width=12, depth=16, domain="sync"):
        self.width, self.depth, self.domain = width, depth, domain
        shown = 64 if width > 64 and width % 8 else width
        beat = data.StructLayout({"address": range(depth), "value": shown, "write": 1})
        super().__init__({"i": In(stream.Signature(beat)), "o": Out(stream.Signature(shown))})

    def elaborate(self, platform):
        m = Module()
        init = [3 % 2**self.width, 4 % 2**self.width]
        rows = memory.Memory(shape=self.width, depth=self.depth, init=init)
        m.submodules.rows_ = rows
        write, read = rows.write_port(), rows.read_port(domain=self.domain)
        taken, beat = self.i.valid & self.i.ready, self.i.payload
        m.d.comb += [
            self.i.ready.eq(self.o.ready | ~self.o.valid),
            write.addr.eq(beat.address),
            write.data.eq(beat.value),
            write.en.eq(taken & beat.write),
            read.addr.eq(beat.address),
        ]
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid)
        if self.domain == "sync":
            m.d.comb += [read.en.eq(taken), self.o.payload.eq(read.data)]
        else:
            with m.If(self.i.ready):
                m.d.sync += self.o.payload.eq(read.data)
        return m


class Shown(wiring.Component):
    """A memory with one row on the output all the time: each beat writes it and shows the next."""

    LATENCY = 0

    def __init__(self):
        super().__init__({"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform):
        m = Module()
        m.submodules.rows = rows = memory.Memory(shape=8, depth=4, init=[1, 2, 3, 4])
        write, read = rows.write_port(), rows.read_port(domain="comb")
        row = Signal(2)
        m.d.comb += [
            read.addr.eq(row),
            write.addr.eq(row),
            write.data.eq(self.i.payload),
            write.en.eq(self.i.valid & self.o.ready),
            self.o.payload.eq(read.data),
            self.o.valid.eq(self.i.valid),
            self.i.ready.eq(self.o.ready),
        ]
        with m.If(write.en):
            m.d.sync += row.eq(row + 1)
        return m
