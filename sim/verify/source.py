"""C++ sources of the checks: parameters of a unit, its bit-sliced netlist, a header of ours."""

from dataclasses import dataclass
from typing import Any

from amaranth.lib.wiring import Component

from models.config.floats import FusedSumConfig
from models.formats import FloatFormat
from sim.kernel.bitslice import Netlist, netlist

NAME = "unit"
KINDS = {
    "FloatMulConfig": "MUL",
    "FloatAddConfig": "ADD",
    "FloatFmaConfig": "FMA",
    "FusedSumConfig": "FUSED_SUM",
    "FusedDotConfig": "FUSED_DOT",
    "FloatConvertConfig": "CONVERT",
    "IntToFloatConfig": "INT_TO_FLOAT",
    "FloatCompareConfig": "COMPARE",
}


@dataclass(frozen=True)
class Unit:
    """A component under test with its netlist.

    Attributes
    ----------
    component : Component
        From `rtl_gen.units`.
    config : Any
        Its parameters.
    netlist : Netlist
        Its logic, from the Verilog that kernels run.
    """

    component: Component
    config: Any
    netlist: Netlist


def unit(component: Component) -> Unit:
    """Synthesise ``component`` for the checks; cached."""
    return Unit(component, getattr(component, "config", None), netlist(component, NAME))


def pairs_source(one: Unit, *, product: bool, flushed: bool) -> str:
    """Check of all pairs of BF16 operands; the payload is ``a``, ``b``."""
    return "\n".join(
        [
            one.netlist.text,
            f"#define UNIT {NAME}",
            f"constexpr bool PRODUCT = {_bool(product)}, FLUSHED = {_bool(flushed)};",
            '#include "pairs.hpp"',
        ]
    )


def unit_source(one: Unit, header: str, *extra: str) -> str:
    """Check of ``one`` by ``header``, with ``extra`` definitions."""
    return "\n".join(
        [
            one.netlist.text,
            f"#define UNIT {NAME}",
            f"constexpr unsigned INPUTS = {one.netlist.inputs}, OUTPUTS = {one.netlist.outputs};",
            oracle_source(one.config, "fields.hpp"),
            *extra,
            f'#include "{header}"',
        ]
    )


def oracle_source(config: Any, header: str) -> str:
    """Parameters of the oracle of the unit with ``config`` and the ``header`` that uses them."""
    widths = field_widths(config)
    form = getattr(config, "format", None) or config.result
    result = getattr(config, "result", form)
    rounding = getattr(config, "rounding", "nearest_even").upper()
    flushed = getattr(config, "subnormals", "kept") == "flushed"
    return "\n".join(
        [
            '#include "oracle.hpp"',
            f"#define KIND {KINDS[type(config).__name__]}",
            f"constexpr Format FORMAT = {_format(form)};",
            f"constexpr Format ADDEND = {_format(getattr(config, 'addend', form))};",
            f"constexpr Rule RULE = {{{_format(result)}, {rounding}, "
            f"{getattr(config, 'random_bits', 1)}, {_bool(flushed)}}};",
            f"constexpr int TERMS = {_terms(config)}, BEATS = {getattr(config, 'beats', 1)}, "
            f"INT_WIDTH = {getattr(config, 'int_width', 2)};",
            f"constexpr unsigned FIELDS = {len(widths)};",
            f"constexpr unsigned WIDTHS[] = {{{', '.join(map(str, widths))}}};",
            f"constexpr bool HAS_RANDOM = {_bool(has_random(config))};",
            f'#include "{header}"',
        ]
    )


def field_widths(config: Any) -> list[int]:
    """Widths of the numbers in the payload of ``i``, in its order; packed terms count apart."""
    kind = KINDS[type(config).__name__]
    if kind == "INT_TO_FLOAT":
        widths = [config.int_width]
    else:
        operands = {"CONVERT": 1, "FUSED_SUM": config_terms(config)}.get(kind)
        operands = operands or 2 * (_terms(config) if kind == "FUSED_DOT" else 1)
        widths = [config.format.width] * operands
    if kind == "FMA":
        widths.append(config.addend.width)
    return [*widths, config.random_bits] if has_random(config) else widths


def config_terms(config: Any) -> int:
    """Terms of a fused unit, 1 of any other."""
    return config.terms if isinstance(config, FusedSumConfig) else 1


def has_random(config: Any) -> bool:
    """Whether the payload ends with random bits."""
    return getattr(config, "rounding", None) == "stochastic"


def _terms(config: Any) -> int:
    return 2 if KINDS[type(config).__name__] == "ADD" else config_terms(config)


def _format(form: FloatFormat) -> str:
    return (
        f"Format{{{form.exponent_bits}, {form.mantissa_bits}, {form.bias}, "
        f"{_bool(form.specials == 'ieee')}}}"
    )


def _bool(value: bool) -> str:
    return str(value).lower()
