"""AGAD reference: running mean and past mean of what a crosspoint reads."""

from amaranth import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from models.config.chopped_units import ReferenceConfig
from models.config.floats import FloatAddConfig, FloatMulConfig, IntToFloatConfig
from rtl_gen.steps import Step, grouped
from rtl_gen.streams import Stage, pipeline
from rtl_gen.units.float_add import add_steps
from rtl_gen.units.float_mul import mul_steps
from rtl_gen.units.int_to_float import int_to_float_steps

SIGN = 0x8000


def beta_width(config: ReferenceConfig) -> int:
    """Bits of the static input ``beta``."""
    return config.BETA_BITS + 1 if config.variant == "fixed" else 16


def difference_shape(config: ReferenceConfig):
    """Shape of a difference: signed, or a pattern."""
    return signed(config.difference_width) if config.variant == "fixed" else 16


def mean_shape(config: ReferenceConfig):
    """Shape of a mean: signed, or a pattern."""
    return signed(config.mean_width) if config.variant == "fixed" else 16


def plain_stages(config: ReferenceConfig) -> list[Stage]:
    """Return stages that turn the field ``z`` into ``difference`` without a reference."""
    if config.variant == "fixed":
        return [_shift(config)]
    steps = int_to_float_steps("z", "difference", IntToFloatConfig(int_width=config.code_width))
    return grouped(steps, 2)


def reference_stages(config: ReferenceConfig, beta: Value) -> list[Stage]:
    """Return stages that turn ``z``, ``mean``, ``past``, ``fresh`` into ``difference`` and means.

    Other fields pass.
    """
    stages = _fixed_stages if config.variant == "fixed" else _bf16_stages
    return [*plain_stages(config), *stages(config, beta)]


def _shift(config):
    def shift(m, fields, take):
        rest = dict(fields)
        z = rest.pop("z").as_signed()
        return rest | {"difference": z << config.fraction_bits}

    return shift


def _fixed_stages(config, beta):
    half = 1 << (config.BETA_BITS - 1)

    def subtract(m, fields, take):
        rest = dict(fields)
        code, past = rest.pop("difference"), rest["past"].as_signed()
        mean = rest["mean"].as_signed()
        new_past = Mux(rest.pop("fresh"), mean, past)
        return rest | {"past": new_past, "difference": code - new_past, "gap": code - mean}

    def multiply(m, fields, take):
        rest = dict(fields)
        return rest | {"gap": rest.pop("gap") * beta}

    def move(m, fields, take):
        rest = dict(fields)
        # between mean and code, so as wide as those
        moved = rest["mean"].as_signed() + ((rest.pop("gap") + half) >> config.BETA_BITS)
        return rest | {"mean": moved[: config.mean_width].as_signed()}

    return [subtract, multiply, move]


def _bf16_stages(config, beta):
    def prepare(m, fields, take):
        rest = dict(fields)
        past = Mux(rest.pop("fresh"), rest["mean"], rest["past"])
        minus = {"less_past": past ^ SIGN, "less_mean": rest["mean"] ^ SIGN}
        return rest | {"past": past, "code": rest["difference"], "rate": beta} | minus

    add, mul = FloatAddConfig(), FloatMulConfig()
    both = together(
        add_steps("difference", "less_past", "difference", add),
        add_steps("code", "less_mean", "gap", add),
    )
    return [
        *grouped([Step(prepare, 0.6), *both], 2),
        *grouped(mul_steps("gap", "rate", "gap", mul), 2),
        *grouped(add_steps("mean", "gap", "mean", add), 2),
    ]


def together(first: list[Step], second: list[Step]) -> list[Step]:
    """Return steps that do one of each list, equally long, on different fields."""

    def both(one, other):
        def run(m, fields, take):
            return other.run(m, one.run(m, fields, take), take)

        return Step(run, max(one.delay, other.delay))

    return [both(one, other) for one, other in zip(first, second, strict=True)]


class Reference(wiring.Component):
    """Take the past mean off a code, and move the running mean towards it.

    Where ``fresh``, the mean of before becomes the past first. ``fixed``: the mean moves by
    ``beta / 2**12`` of its distance, rounded to the nearest, halves up. ``bf16``: code, both
    differences, product and sum are rounded to nearest even. One payload per cycle; ``i.ready``
    depends combinationally on ``o.ready``.

    Parameters
    ----------
    config : ReferenceConfig
        Variant and widths.

    Members
    -------
    beta : ``In(beta_width(config))``
        Rate: 0 to 4096, or a BF16 pattern. Stable while payloads are inside.
    i : ``In(stream.Signature(...))``
        ``z`` (signed code, not below ``-(2**(code_width - 1) - 1)``), ``mean``, ``past``,
        ``fresh``.
    o : ``Out(stream.Signature(...))``
        ``difference`` (code less past mean), ``mean``, ``past``.

    References
    ----------
    .. [1] M. Rasch et al., arXiv:2303.04721: AGAD; order of operations as in aihwkit's
       rpu_dynamic_transfer_device.cpp.
    """

    beta: Signal
    i: stream.Interface
    o: stream.Interface

    def __init__(self, config: ReferenceConfig):
        self.config = config
        mean = mean_shape(config)
        given = {"z": signed(config.code_width), "mean": mean, "past": mean, "fresh": 1}
        result = {"difference": difference_shape(config), "mean": mean, "past": mean}
        super().__init__(
            {
                "beta": In(beta_width(config)),
                "i": In(stream.Signature(data.StructLayout(given))),
                "o": Out(stream.Signature(data.StructLayout(result))),
            }
        )

    @property
    def LATENCY(self) -> int:
        """Cycles from a code to its difference."""
        return len(reference_stages(self.config, self.beta))

    def elaborate(self, platform):
        m = Module()
        pipeline(m, self.i, self.o, reference_stages(self.config, self.beta))
        return m
