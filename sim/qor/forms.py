"""Our units that are measured, and what each has to beat."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from amaranth.lib.wiring import Component

from models.config.floats import (
    FloatAddConfig,
    FloatFmaConfig,
    FloatMulConfig,
    FusedDotConfig,
    FusedSumConfig,
)


@dataclass(frozen=True, kw_only=True)
class Bar:
    """Figures that ours must not be worse than; what is None does not count."""

    name: str
    lut: int | None = None
    dsp: int | None = None
    fmax_mhz: float | None = None
    cycles: int | None = None
    ff: int | None = None  # only shown


@dataclass(frozen=True, kw_only=True)
class Form:
    """One unit of ours with its parameters.

    Parameters
    ----------
    name : str
        On the command line and in the table.
    unit : str
        As in `Peer`.
    generator : str
        ``module:class`` of the RTL unit, imported when it is built.
    config : dataclass
        Of the unit.
    dsp : bool
        Whether multiplications may go into DSP blocks.
    peers : tuple of str
        Ids of the peers that it has to beat.
    bars : tuple of Bar
        What else it has to beat.
    why : str
        Why one of these still wins, for the table.
    """

    name: str
    unit: str
    generator: str
    config: Any
    dsp: bool = True
    peers: tuple[str, ...] = ()
    bars: tuple[Bar, ...] = ()
    why: str = ""

    def build(self) -> Component:
        """Make the unit."""
        module, _, name = self.generator.partition(":")
        return getattr(importlib.import_module(module), name)(self.config)

    def at_depth(self, depth: int) -> "Form":
        """Return the same form with another pipeline depth."""
        return replace(self, config=replace(self.config, depth=depth))


def _form(
    name: str,
    config: Any,
    *peers: str,
    dsp: bool = True,
    bars: Sequence[Bar] = (),
    why: str = "",
) -> Form:
    unit, generator = _UNITS[type(config)]
    terms = getattr(config, "terms", "")
    return Form(
        name=name,
        unit=f"{unit}{terms}",
        generator=generator,
        config=config,
        dsp=dsp,
        peers=peers,
        bars=tuple(bars),
        why=why,
    )


_UNITS = {
    FloatMulConfig: ("mul", "rtl_gen.units.float_mul:FloatMul"),
    FloatAddConfig: ("add", "rtl_gen.units.float_add:FloatAdd"),
    FloatFmaConfig: ("fma", "rtl_gen.units.float_fma:FloatFma"),
    FusedSumConfig: ("sum", "rtl_gen.units.fused_sum:FusedSum"),
    FusedDotConfig: ("dot", "rtl_gen.units.fused_dot:FusedDot"),
}
_Mul, _Add, _Fma, _Sum, _Dot = _UNITS

# Depths are those of the peers or less.
FORMS = (
    _form("mul_kept", _Mul(depth=0), "cvfpu_mul", "hardfloat_mul"),
    _form("mul_kept_nodsp", _Mul(depth=0, multiplier="rows"), "cvfpu_mul_nodsp", dsp=False),
    _form(
        "mul_kept_fast",
        _Mul(depth=7),
        bars=[Bar(name="goal: CVFPU's area at 140 MHz", lut=408, dsp=1, fmax_mhz=140)],
    ),
    _form(
        "mul_flushed",
        _Mul(depth=0, subnormals="flushed"),
        "flopoco_mul",
        why="smaller but slower: overflow and underflow are seen behind the rounding's carry chain",
    ),
    _form(
        "mul_flushed_nodsp",
        _Mul(depth=0, subnormals="flushed", multiplier="rows"),
        "flopoco_mul_nodsp",
        dsp=False,
    ),
    _form("mul_flushed_fast", _Mul(depth=7, subnormals="flushed"), "amaranth_fp_mul"),
    _form("add_kept", _Add(depth=0), "flopoco_ieee_add", "cvfpu_add"),
    _form("add_kept_4", _Add(depth=4), "flopoco_ieee_add_at_200"),
    _form("add_kept_fast", _Add(depth=8), "flopoco_ieee_add_at_400"),
    _form("add_flushed", _Add(depth=0, subnormals="flushed"), "flopoco_add"),
    _form("add_flushed_3", _Add(depth=3, subnormals="flushed"), "flopoco_add_18_at_200"),
    _form(
        "add_flushed_7",
        _Add(depth=7, subnormals="flushed"),
        "flopoco_add_18_at_400",
        "amaranth_fp_add",
    ),
    _form("add_flushed_9", _Add(depth=9, subnormals="flushed"), "amaranth_fp_add"),
    _form("fma_kept", _Fma(depth=0), "cvfpu_fma"),
    _form("fma_kept_2", _Fma(depth=2), "cvfpu_fma_2"),
    _form("fma_flushed", _Fma(depth=5, subnormals="flushed"), "akankaan_fma"),
    _form(
        "sum8",
        _Sum(depth=6, terms=8, window=16, subnormals="flushed"),
        "flopoco_sum8_at_200",
        bars=[Bar(name="goal", lut=1300, dsp=0, fmax_mhz=120, cycles=6)],
    ),
    _form(
        "sum8_fast",
        _Sum(depth=12, terms=8, window=16, subnormals="flushed"),
        "flopoco_sum8_at_400",
    ),
    _form(
        "sum16",
        _Sum(depth=7, terms=16, window=16, subnormals="flushed"),
        bars=[Bar(name="goal", lut=2500, dsp=0, fmax_mhz=100, cycles=28)],
    ),
    _form(
        "sum16_fast",
        _Sum(depth=14, terms=16, window=16, subnormals="flushed"),
        "flopoco_sum16_at_400",
    ),
    _form(
        "dot8",
        _Dot(depth=10, terms=8, window=24, subnormals="flushed"),
        "flopoco_dot8_at_400",
        "majdoss_dot8",
        bars=[Bar(name="goal", lut=2300, dsp=8, fmax_mhz=100, cycles=10)],
    ),
)

SWEEPS = (  # over pipeline depths; the depth here is only a start
    _form("mul_kept", _Mul()),
    _form("mul_flushed", _Mul(subnormals="flushed")),
    _form("add_kept", _Add()),
    _form("add_flushed", _Add(subnormals="flushed")),
    _form("fma_kept", _Fma()),
    _form("fma_flushed", _Fma(subnormals="flushed")),
    _form("sum8", _Sum(window=16, subnormals="flushed")),
    _form("dot8", _Dot(window=24, subnormals="flushed")),
)
