"""Transfer of what was read into the slow array: accumulate, threshold, one pulse."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.chopped_units import TransferConfig
from models.config.floats import FloatAddConfig, FloatMulConfig
from rtl_gen.steps import Step, grouped
from rtl_gen.streams import Stage, pipeline
from rtl_gen.units.float_add import add_steps
from rtl_gen.units.float_mul import mul_steps
from rtl_gen.units.reference import (
    SIGN,
    beta_width,
    difference_shape,
    mean_shape,
    plain_stages,
    reference_stages,
)

ONE, INFINITY = 0x3F80, 0x7F80


def control_layout(config: TransferConfig) -> data.StructLayout:
    """Layout of the static inputs, those of the twin's ``TransferControl``."""
    fixed = config.variant == "fixed"
    number = config.state_width - 1 if fixed else 16
    momentum = config.MOMENTUM_BITS if fixed else 16
    return data.StructLayout(
        {
            "threshold": number,
            "step": number,
            "momentum": momentum,
            "scale": 16,
            "beta": beta_width(config.reference),
        }
    )


def state_shape(config: TransferConfig):
    """Shape of H: signed, or a pattern."""
    return signed(config.state_width) if config.variant == "fixed" else 16


def transfer_stages(config: TransferConfig, control) -> list[Stage]:
    """Return stages that turn ``difference``, ``h``, ``negative``, ``enable`` to ``h``, ``count``.

    Other fields pass.
    """
    stages = _fixed_stages if config.variant == "fixed" else _bf16_stages
    return stages(config, control)


def _fixed_stages(config, control):
    limit = 2 ** (config.state_width - 1) - 1

    def accumulate(m, fields, take):
        rest = dict(fields)
        h, change = rest["h"].as_signed(), rest.pop("difference").as_signed()
        summed = Signal(signed(config.state_width + 1))
        m.d.comb += summed.eq(Mux(rest.pop("negative"), h - change, h + change))
        clamped = Mux(summed > limit, limit, Mux(summed < -limit, -limit, summed))
        return rest | {"h": clamped[: config.state_width].as_signed()}

    def decide(m, fields, take):
        size = abs(fields["h"])[: config.state_width - 1]
        # 0 gives no pulse at a threshold of 0 either
        return dict(fields) | {"size": size, "due": (size >= control.threshold) & size.any()}

    def less(m, fields, take):
        rest = dict(fields)
        size, due = rest.pop("size"), rest.pop("due")
        if config.forget:
            after = (size * control.momentum) >> config.MOMENTUM_BITS
        else:
            after = size - control.step
        return rest | {"after": after, "due": due}

    def finish(m, fields, take):
        rest = dict(fields)
        due, after, h = rest.pop("due"), rest.pop("after"), rest["h"]
        signed_after = Mux(h < 0, -after, after)
        new = Mux(due, signed_after, h)[: config.state_width].as_signed()
        return rest | {"h": new, "count": _count(due & rest.pop("enable"), h < 0)}

    return [accumulate, decide, less, finish]


def _bf16_stages(config, control):
    add, mul = FloatAddConfig(), FloatMulConfig()

    def with_scale(m, fields, take):
        return dict(fields) | {"scale": control.scale}

    def with_sign(m, fields, take):
        rest = dict(fields)
        return rest | {"change": rest["change"] ^ (rest.pop("negative") << 15)}

    def decide(m, fields, take):
        h = fields["h"]
        size = h[:15]
        factor = control.momentum if config.forget else control.step ^ ~h & SIGN
        due = (size >= ONE) & (size <= INFINITY)
        return dict(fields) | {"due": due, "after": h, "factor": factor}

    def finish(m, fields, take):
        rest = dict(fields)
        due, after, h = rest.pop("due"), rest.pop("after"), rest["h"]
        new = Mux(due, after, h)
        return rest | {"h": new, "count": _count(due & rest.pop("enable"), h[15])}

    forget = mul_steps("after", "factor", "after", mul)
    keep = add_steps("after", "factor", "after", add)
    product = mul_steps("difference", "scale", "change", mul)
    return [
        *grouped([Step(with_scale, 0.0), *product], 2),
        *grouped([Step(with_sign, 0.6), *add_steps("h", "change", "h", add)], 2),
        *grouped([Step(decide, 1.6), *(forget if config.forget else keep)], 2),
        finish,
    ]


def _count(pulse, negative):
    """-1, 0 or 1."""
    return Cat(pulse, pulse & negative).as_signed()


class Transfer(wiring.Component):
    """Add a difference to an accumulator; where that reaches the threshold ask for a pulse.

    The difference counts negative with ``negative``. A pulse of H's sign is due where
    ``|H| >= threshold`` (``bf16``: 1; NaN never); H is then multiplied by the momentum
    (``config.forget``) or loses a ``step``. Without ``enable`` the count is 0, and H as if it had
    not been. ``fixed``: H saturates at ``+-(2**(state_width - 1) - 1)``, products are cut off
    towards 0. ``bf16``: the difference is multiplied by ``scale``; each operation rounds to
    nearest even. One payload per cycle; ``i.ready`` depends combinationally on ``o.ready``.

    Parameters
    ----------
    config : TransferConfig
        Variant, widths, what becomes of H after a pulse.

    Members
    -------
    control : ``In(control_layout(config))``
        ``threshold`` and ``step`` (positive), ``momentum`` in 2**-8, and ``scale`` or patterns of
        ``step``, ``momentum``, ``scale``; ``beta`` is not used. Stable while payloads are inside.
    i : ``In(stream.Signature(...))``
        ``difference``, ``h``, ``negative``, ``enable``.
    o : ``Out(stream.Signature(...))``
        ``h``, ``count`` (-1, 0 or 1).
    """

    control: data.View
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: TransferConfig):
        self.config = config
        given = {"difference": difference_shape(config.reference), "h": state_shape(config)}
        given |= {"negative": 1, "enable": 1}
        result = {"h": state_shape(config), "count": signed(2)}
        super().__init__(
            {
                "control": In(control_layout(config)),
                "i": In(stream.Signature(data.StructLayout(given))),
                "o": Out(stream.Signature(data.StructLayout(result))),
            }
        )

    @property
    def LATENCY(self) -> int:
        """Cycles from a difference to its pulse."""
        return len(self._stages())

    def elaborate(self, platform):
        m = Module()
        pipeline(m, self.i, self.o, self._stages())
        return m

    def _stages(self):
        return transfer_stages(self.config, self.control)


class ReadTransfer(wiring.Component):
    """From the code of a read to a pulse: `Reference`, if it ``follows``, and `Transfer`.

    One payload per cycle; ``i.ready`` depends combinationally on ``o.ready``.

    Parameters
    ----------
    config : TransferConfig
        Variant, widths, what becomes of H after a pulse.
    follows : bool
        Whether a reference is taken off; without, payloads have no means.

    Members
    -------
    control : ``In(control_layout(config))``
        As in `Transfer`, and ``beta``.
    i : ``In(stream.Signature(...))``
        ``z``, ``h``, ``negative``, ``enable``; if it follows, ``mean``, ``past``, ``fresh``.
    o : ``Out(stream.Signature(...))``
        ``h``, ``count``; if it follows, ``mean``, ``past``.
    """

    control: data.View
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: TransferConfig, *, follows: bool):
        self.config, self.follows = config, follows
        state, mean = state_shape(config), mean_shape(config.reference)
        means = {"mean": mean, "past": mean} if follows else {}
        given = {"z": signed(config.reference.code_width), "h": state, "negative": 1, "enable": 1}
        given |= means | ({"fresh": 1} if follows else {})
        super().__init__(
            {
                "control": In(control_layout(config)),
                "i": In(stream.Signature(data.StructLayout(given))),
                "o": Out(
                    stream.Signature(data.StructLayout({"h": state, "count": signed(2)} | means))
                ),
            }
        )

    @property
    def LATENCY(self) -> int:
        """Cycles from a code to its pulse."""
        return len(self._stages())

    def elaborate(self, platform):
        m = Module()
        pipeline(m, self.i, self.o, self._stages())
        return m

    def _stages(self):
        reference = self.config.reference
        if self.follows:
            first = reference_stages(reference, self.control.beta)
        else:
            first = plain_stages(reference)
        return [*first, *transfer_stages(self.config, self.control)]
