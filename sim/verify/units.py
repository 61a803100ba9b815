"""The component that a configuration stands for."""

from importlib import import_module
from typing import Any

from amaranth.lib.wiring import Component

STEMS = {
    "FloatMulConfig": "float_mul",
    "FloatAddConfig": "float_add",
    "FloatFmaConfig": "float_fma",
    "FusedSumConfig": "fused_sum",
    "FusedDotConfig": "fused_dot",
    "FloatConvertConfig": "float_convert",
    "IntToFloatConfig": "int_to_float",
    "FloatCompareConfig": "float_compare",
}


def component(config: Any) -> Component:
    """Return the unit of `rtl_gen.units` with ``config``."""
    name = type(config).__name__
    module = import_module(f"rtl_gen.units.{STEMS[name]}")
    return getattr(module, name.removesuffix("Config"))(config)
