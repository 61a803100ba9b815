"""Update management: length and scales of the pulse trains of a vector pair.

==========  =================================================================================
port        what
==========  =================================================================================
``rate``    BF16 pattern of the learning rate over ``dw_min``, static
``i``       stream of ``x_max``, ``delta_max``: BF16 patterns of the largest magnitudes
``o``       stream of ``slots``, ``x_scale``, ``delta_scale``; `LATENCY` cycles after ``i``
==========  =================================================================================
"""

from contextlib import contextmanager
from fractions import Fraction

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.floats import FloatMulConfig
from models.config.managed import MAX_SLOTS, check_managed
from models.config.pulsed import PulsedUpdateConfig
from models.formats import BF16
from rtl_gen.units.float_mul import FloatMul
from rtl_gen.units.float_reciprocal import reciprocal
from rtl_gen.units.float_sqrt import square_root

SLOT_BITS = MAX_SLOTS.bit_length()
_ONE = BF16.encode(1.0)
_SMALLEST = BF16.encode(Fraction(1, 2**120))  # reciprocals of anything from here on are finite
_LOWEST_NORMAL = 1 << BF16.mantissa_bits


def managed_layout() -> data.StructLayout:
    """Slots of the trains of a vector pair, 0 for none, and BF16 scales of its values."""
    return data.StructLayout({"slots": SLOT_BITS, "x_scale": 16, "delta_scale": 16})


class UpdateManagement(wiring.Component):
    """Choose how many slots a vector pair needs, and the scales of its values.

    With ``k = rate * x_max * delta_max``, the most pulses that a crosspoint needs: length
    management takes the fewest slots that hold them, up to ``config.desired_bl``, and both
    managements make the largest probabilities of both sides equal. If ``k`` exceeds the slots
    that may be, x is scaled to 1 and delta is cut. Slots and scales are 0 where ``k`` is 0,
    subnormal or not finite, or a maximum is below 2**-120. Every operation is rounded to BF16.

    One multiplier serves all: a pair every `LATENCY` + 1 cycles at most. Inputs are taken only
    when idle; no input reaches an output within a cycle.

    Parameters
    ----------
    config : PulsedUpdateConfig
        Longest train and managements; ValueError for trains of more than 127 slots and for what
        only other pulse types or device models have.

    Members
    -------
    rate : ``In(16)``
        BF16 pattern of the learning rate over ``dw_min``; stable while busy, sign ignored.
    i : ``In(stream.Signature(StructLayout({"x_max": 16, "delta_max": 16})))``
        BF16 patterns of the largest magnitudes; the sign is ignored.
    o : ``Out(stream.Signature(managed_layout()))``
        A value times its scale is the probability of a pulse in a slot, before it is cut at 1.

    References
    ----------
    .. [1] T. Gokmen, M. Onen, W. Haensch, Front. Neurosci. 11:538, 2017.
    """

    rate: Signal
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: PulsedUpdateConfig):
        check_managed(config)
        self.config = config
        self._multiplier, self._starts = FloatMul(FloatMulConfig(depth=2)), Signal()
        pair = data.StructLayout({"x_max": 16, "delta_max": 16})
        super().__init__(
            {
                "rate": In(16),
                "i": In(stream.Signature(pair)),
                "o": Out(stream.Signature(managed_layout())),
            }
        )

    @property
    def LATENCY(self) -> int:
        """Cycles from a pair to its result: five products, two look-ups and the taking."""
        return 5 * (self._multiplier.LATENCY + 2) + 3

    def elaborate(self, platform):
        m = Module()
        m.submodules.multiplier = self._multiplier
        balances = self.config.update_management or self.config.update_bl_management
        most = BF16.encode(self.config.desired_bl)
        x, delta, product = Signal(15), Signal(15), Signal(16)
        slots, inverse, root = Signal(SLOT_BITS), Signal(16), Signal(16)
        none, is_cut, result = Signal(), Signal(), self.o.payload
        m.d.comb += self._multiplier.o.ready.eq(1)  # so it always takes, and operands may pass
        m.d.sync += self._multiplier.i.valid.eq(self._starts)  # a register on their way
        needed, needed_inverse = self._slots(m, product)
        # one table for both: a maximum gives way to its reciprocal when it is used up
        is_x, ratio = Signal(), product if balances else self.rate[:15]
        maximum = Cat(Mux(is_x, x, delta), C(0, 1))
        turned, rooted = reciprocal(m, maximum) if balances else _ONE, square_root(m, product)
        with m.FSM():
            with m.State("TAKE"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += is_x.eq(1)
                m.d.sync += [x.eq(self.i.payload.x_max), delta.eq(self.i.payload.delta_max)]
                with m.If(self.i.valid):
                    m.next = "RATE"
            with self._multiply(m, "RATE", self.rate[:15], x, product, "PULSES"):
                m.d.sync += [none.eq(x < _SMALLEST), x.eq(turned), is_x.eq(0)]
            with self._multiply(m, "PULSES", product, delta, product, "SLOTS"):
                m.d.sync += [none.eq(none | (delta < _SMALLEST)), delta.eq(turned)]
            with m.State("SLOTS"):
                m.d.sync += [
                    slots.eq(needed),
                    inverse.eq(needed_inverse),
                    is_cut.eq(product > most),
                ]
                with m.If((product < _LOWEST_NORMAL) | (product >= BF16.infinity)):
                    m.d.sync += none.eq(1)
                m.next = "RATIO"
            with self._multiply(m, "RATIO", ratio, inverse, product, "ROOT"):
                pass
            with m.State("ROOT"):
                m.d.sync += root.eq(rooted)
                m.next = "X"
            both = C(balances) & is_cut
            with self._multiply(m, "X", Mux(both, _ONE, root), x, result.x_scale, "DELTA"):
                pass
            factor = Mux(both, product, root)
            with self._multiply(m, "DELTA", factor, delta, result.delta_scale, "GIVE"):
                m.d.sync += result.slots.eq(slots)
                with m.If(none):
                    m.d.sync += self.o.payload.eq(0)
            with m.State("GIVE"):
                m.d.comb += self.o.valid.eq(1)
                with m.If(self.o.ready):
                    m.next = "TAKE"
        return m

    @contextmanager
    def _multiply(self, m, state, a, b, target, following):
        """State that multiplies ``a`` and ``b`` into ``target``; the body is its last cycle."""
        multiplier, waiting = self._multiplier, Signal(name=f"{state.lower()}_waiting")
        with m.State(state):
            m.d.comb += self._starts.eq(~waiting)
            m.d.sync += [multiplier.i.payload.a.eq(a), multiplier.i.payload.b.eq(b)]
            m.d.sync += waiting.eq(~multiplier.o.valid)
            with m.If(multiplier.o.valid):
                m.d.sync += target.eq(multiplier.o.payload)
                m.next = following
                yield

    def _slots(self, m, k):
        """Slots for ``k`` pulses, a positive BF16 number, and the reciprocal of the slots."""
        longest = self.config.desired_bl
        table = Array(Const(BF16.encode(Fraction(1, n or 1)), 16) for n in range(longest + 1))
        slots, is_enough = Signal(SLOT_BITS), k < BF16.encode(longest)
        m.d.comb += slots.eq(longest)
        if self.config.update_bl_management:
            # from 1 to 127: the exponent field less 127 is its low bits plus 1
            significand, places = Cat(k[:7], 1), (k[7:10] + 1)[:3]
            wide = Signal(15)
            m.d.comb += wide.eq(significand << places)
            with m.If(k <= _ONE):
                m.d.comb += slots.eq(1)
            with m.Elif(is_enough):
                m.d.comb += slots.eq(wide[7:] + wide[:7].any())
        return slots, table[slots]
