"""Which row of the fast array is read, and when."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.chopped_units import SequencerConfig


def sequencer_layout(config: SequencerConfig) -> data.StructLayout:
    """Layout of what the sequencer remembers between reads: fields of the twin's state."""
    return data.StructLayout(
        {"row": range(config.rows), "vectors": 16, "passes": range(config.period), "settled": 1}
    )


def read_layout(config: SequencerConfig) -> data.StructLayout:
    """Layout of a read: its row, whether it ends a pass, whether its pass ends a period."""
    return data.StructLayout(
        {"row": range(config.rows), "last_row": 1, "last_pass": 1, "enable": 1}
    )


class ReadSequencer(wiring.Component):
    """Count vector updates; after every ``transfer_every``-th ask for a read of the next row.

    One read at a time: it is owed from the update that makes it due until the transfer on ``o``,
    then in flight until ``done``, and no update is taken meanwhile. At ``done`` the row advances;
    after the last row in use a pass has ended, and after ``config.period`` passes a period. No
    input but ``rows`` reaches an output within a cycle.

    Parameters
    ----------
    config : SequencerConfig
        Rows, period, whether the first period gives no pulses.

    Members
    -------
    rows : ``In(range(config.rows + 1))``
        Rows in use, 1 or more; stable between loads.
    transfer_every : ``In(16)``
        Updates per read, 1 or more; stable between loads.
    load : ``In(1)``
        While ``ready``: take ``load_state``, instead of an update. Ignored while not ready.
    load_state, state : ``In`` and ``Out(sequencer_layout(config))``
        ``row`` that is read next, ``vectors`` counted since the last read, ``passes`` of this
        period that are over, ``settled`` after the first period.
    update : ``In(1)``
        A vector update is over; counted in cycles with ``ready``.
    ready : ``Out(1)``
        No read is owed or in flight.
    o : ``Out(stream.Signature(read_layout(config)))``
        The read that is owed. The payload holds until ``done``: ``row``, ``last_row`` (it ends a
        pass), ``last_pass`` (of a period), ``enable`` (it may give pulses).
    select : ``Out(config.rows)``
        One bit, that of the row, while a read is owed or in flight; else 0.
    done : ``In(1)``
        The read in flight is over; ignored if there is none.
    """

    LATENCY = 1  # from an update to the read that it makes due

    rows: Signal
    transfer_every: Signal
    load: Signal
    load_state: data.View
    state: data.View
    update: Signal
    ready: Signal
    o: stream.Interface
    select: Signal
    done: Signal

    def __init__(self, config: SequencerConfig):
        self.config = config
        super().__init__(
            {
                "rows": In(range(config.rows + 1)),
                "transfer_every": In(16),
                "load": In(1),
                "load_state": In(sequencer_layout(config)),
                "state": Out(sequencer_layout(config)),
                "update": In(1),
                "ready": Out(1),
                "o": Out(stream.Signature(read_layout(config))),
                "select": Out(config.rows),
                "done": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        state, read = self.state, self.o.payload
        is_open, taken = Signal(), Signal()  # a read is owed, or in flight when it is taken
        m.d.comb += [
            self.ready.eq(~is_open),
            self.o.valid.eq(is_open & ~taken),
            read.row.eq(state.row),
            read.last_row.eq(state.row == self.rows - 1),
            read.last_pass.eq(state.passes == self.config.period - 1),
            read.enable.eq(state.settled | (not self.config.waits)),
            self.select.eq(Mux(is_open, 1 << state.row, 0)),
        ]
        with m.If(self.ready & self.load):
            m.d.sync += state.eq(self.load_state)
        with m.Elif(self.ready & self.update):
            due = state.vectors == self.transfer_every - 1
            m.d.sync += state.vectors.eq(Mux(due, 0, state.vectors + 1))
            m.d.sync += [is_open.eq(due), taken.eq(0)]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += taken.eq(1)
        with m.If(is_open & taken & self.done):
            m.d.sync += [is_open.eq(0), state.row.eq(Mux(read.last_row, 0, state.row + 1))]
            with m.If(read.last_row):
                m.d.sync += state.passes.eq(Mux(read.last_pass, 0, state.passes + 1))
                m.d.sync += state.settled.eq(state.settled | read.last_pass)
        return m
