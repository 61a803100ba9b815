"""The parts of the evidence: which unit, which check, how many cases."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from models.config.floats import (
    FloatAddConfig,
    FloatCompareConfig,
    FloatConvertConfig,
    FloatFmaConfig,
    FloatMulConfig,
    FusedDotConfig,
    FusedSumConfig,
    IntToFloatConfig,
)
from models.formats import BF16, FP8_E4M3, FP8_E5M2, FP16, FP32, FloatFormat

LANES = 512  # cases in a block
PAIRS = 2**32 // LANES
SIGNATURES = {"mul": 81_387_700, "add": 1_084_834}  # of two independent flushing peers each
TINY = FloatFormat(name="tiny", exponent_bits=3, mantissa_bits=2, bias=3)
ROW_BLOCKS = 2**22 // LANES
DIRECTED = 2**30 // LANES
MEASURED = 10**7 // LANES
QUICK_MEASURED = (
    "sum_8_window_24_sticky_cancel",
    "sum_8_window_16_normal",
    "dot_8_window_24_cancel",
)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One line of the evidence.

    Attributes
    ----------
    name : str
        Unique, a file name.
    check : str
        ``pairs``, ``all_inputs``, ``directed``, ``measured``, ``fma``, ``fma_stress``,
        ``verilated``, ``packets`` or ``proof``.
    config : Any
        Of the unit; its class tells which.
    blocks, quick : int
        Blocks of 512 cases in the full and in the quick form; 0 leaves the part out of it.
        A proof has one.
    signature : int
        Cases in which the unit must differ from IEEE arithmetic.
    spread : int
        Of measured inputs, -1 for directed ones.
    limit : float
        Proved bound of the measured error, in bits of the window's last place.
    """

    name: str
    check: str
    config: Any
    blocks: int
    quick: int
    signature: int = 0
    spread: int = -1
    limit: float = 0.0


def parts() -> list[Part]:
    """All parts, the quick ones first."""
    makers: list[Callable[[], Iterator[Part]]] = [
        _pairs,
        _small,
        _fma,
        _fused,
        _measured,
        _packets,
        _proofs,
        _verilated,
    ]
    return [part for maker in makers for part in maker()]


def _pairs() -> Iterator[Part]:
    for unit, config in (("mul", FloatMulConfig), ("add", FloatAddConfig)):
        for form in ("kept", "flushed"):
            yield Part(
                name=f"{unit}_pairs_{form}",
                check="pairs",
                config=config(subnormals=form),
                blocks=PAIRS,
                quick=PAIRS,
                signature=SIGNATURES[unit] if form == "flushed" else 0,
            )


def _small() -> Iterator[Part]:
    """Every input of units that have few."""
    for form, tag in ((FP8_E4M3, "e4m3"), (FP8_E5M2, "e5m2")):
        for subnormals in ("kept", "flushed"):
            one = (tag, subnormals) in (("e4m3", "kept"), ("e5m2", "flushed"))
            for rounding in ("nearest_even", "toward_zero"):
                same: dict[str, Any] = {
                    "format": form,
                    "result": form,
                    "subnormals": subnormals,
                    "rounding": rounding,
                }
                end = f"{tag}_{subnormals}_{rounding}"
                some = None if rounding == "nearest_even" or one else 0
                yield _all(f"mul_{end}", FloatMulConfig(**same), 16, some)
                yield _all(f"add_{end}", FloatAddConfig(**same), 16, some)
            same["rounding"] = "nearest_even"
            yield _all(f"fma_{tag}_{subnormals}", FloatFmaConfig(addend=form, **same), 24)
            same["rounding"] = "stochastic"
            quick = 0 if one else None
            yield _all(f"mul_{tag}_{subnormals}_stochastic", FloatMulConfig(**same), 24, quick)
            yield _all(f"add_{tag}_{subnormals}_stochastic", FloatAddConfig(**same), 24, quick)
    for source, result in ((BF16, FP8_E4M3), (FP16, FP8_E5M2), (FP16, BF16), (BF16, FP16)):
        name = f"convert_{source.name}_{result.name}".lower().replace(" ", "_")
        yield _all(name, FloatConvertConfig(format=source, result=result), 16)
    yield _all("convert_fp32_bf16", FloatConvertConfig(format=FP32, result=BF16), 32, quick=2**18)
    for result in (BF16, FP16, FP8_E4M3):
        name = f"int16_{result.name}".lower().replace(" ", "_")
        yield _all(name, IntToFloatConfig(int_width=16, result=result), 16)
    yield _all("int24_bf16", IntToFloatConfig(int_width=24, result=BF16), 24)
    for form in ("kept", "flushed"):
        yield _all(f"compare_bf16_{form}", FloatCompareConfig(subnormals=form), 32, quick=2**18)


def _all(name: str, config: Any, bits: int, quick: int | None = None) -> Part:
    blocks = 2**bits // LANES
    shown = blocks if quick is None else quick
    return Part(name=name, check="all_inputs", config=config, blocks=blocks, quick=shown)


def fma_rows() -> list[tuple[int, int, int]]:
    """Exponent fields of a, b, c: every difference that matters, around several anchors.

    The product weighs ``a + b - 127``; below -30 the addend only shows as not zero, above 29 the
    product does. Anchors: the middle, results near the smallest normal number and below it,
    overflow, and subnormal factors.
    """
    anchors = [(127, 127), (76, 75), (68, 66), (64, 63), (60, 59), (190, 185), (0, 200), (60, 0)]
    rows = []
    for a, b in anchors:
        for difference in range(-30, 30):
            c = max(a, 1) + max(b, 1) - 127 + difference
            if 0 <= c <= 254:
                rows.append((a, b, c))
    return rows


def _fma() -> Iterator[Part]:
    for form in ("kept", "flushed"):
        config = FloatFmaConfig(subnormals=form)
        rows = len(fma_rows()) * ROW_BLOCKS
        yield Part(name=f"fma_structured_{form}", check="fma", config=config, blocks=rows, quick=0)
        yield Part(
            name=f"fma_stress_{form}",
            check="fma_stress",
            config=config,
            blocks=2**28 // LANES,
            quick=2**24 // LANES,
        )


def _fused() -> Iterator[Part]:
    """Directed vectors at full width."""
    for form in ("kept", "flushed"):
        share = 1 if form == "kept" else 4
        for name, config in (("sum", FusedSumConfig), ("dot", FusedDotConfig)):
            yield Part(
                name=f"{name}_8_exact_{form}",
                check="directed",
                config=config(window=0, subnormals=form),
                blocks=DIRECTED // share,
                # minutes of Yosys and g++ for the others
                quick=MEASURED if (name, form) == ("sum", "kept") else 0,
            )
    more: list[tuple[str, Any]] = [
        ("sum_5_fp16_toward_zero", _sum(FP16, 5, rounding="toward_zero")),
        ("sum_16_fp16_carry_save", _sum(FP16, 16, reduction="carry_save")),
        ("dot_3_e4m3_bf16", FusedDotConfig(format=FP8_E4M3, window=0, terms=3)),
        ("dot_4_e5m2_stochastic", _dot_e5m2(4, rounding="stochastic")),
        ("add_fp32", FloatAddConfig(format=FP32, result=FP32)),
        ("mul_fp32", FloatMulConfig(format=FP32, result=FP32)),
        ("add_fp16", FloatAddConfig(format=FP16, result=FP16)),
        ("mul_fp16", FloatMulConfig(format=FP16, result=FP16)),
    ]
    for name, config in more:
        yield Part(
            name=name, check="directed", config=config, blocks=2**26 // LANES, quick=2**20 // LANES
        )


def _sum(form: FloatFormat, terms: int, **rest: Any) -> FusedSumConfig:
    return FusedSumConfig(format=form, result=form, terms=terms, window=0, **rest)


def _dot_e5m2(terms: int, **rest: Any) -> FusedDotConfig:
    return FusedDotConfig(format=FP8_E5M2, result=FP16, terms=terms, window=0, **rest)


def _measured() -> Iterator[Part]:
    """Errors of windowed units on N(0,1), spread exponents and cancelling terms."""
    units: list[tuple[str, Any]] = [
        ("sum_8_window_24_sticky", FusedSumConfig(window=24, sticky=True)),
        ("sum_8_window_24", FusedSumConfig(window=24)),
        ("sum_8_window_16", FusedSumConfig(window=16)),
        ("sum_16_window_24", FusedSumConfig(window=24, terms=16)),
        ("dot_8_window_24", FusedDotConfig(window=24)),
    ]
    for name, config in units:
        for tag, spread in (("normal", 0), ("spread_10", 10), ("spread_40", 40), ("cancel", -1)):
            yield Part(
                name=f"{name}_{tag}",
                check="measured",
                config=config,
                blocks=MEASURED,
                quick=MEASURED // 100 if f"{name}_{tag}" in QUICK_MEASURED else 0,
                spread=spread,
                limit=config.terms - 1,
            )


def _packets() -> Iterator[Part]:
    config = FusedDotConfig(window=0, beats=16)
    yield Part(name="dot_8_packets", check="packets", config=config, blocks=2000, quick=100)


def _proofs() -> Iterator[Part]:
    for unit, config in (("add", FloatAddConfig), ("mul", FloatMulConfig)):
        for form in ("kept", "flushed"):
            # That of mul takes minutes, and the short form enumerates all of its pairs.
            quick = int((unit, form) == ("add", "kept"))
            yield _proof(f"{unit}_proof_{form}", config(subnormals=form, depth=0), quick)
    tiny: dict[str, Any] = {"format": TINY, "result": TINY, "depth": 0}
    for window in (0, 5):
        more = {**tiny, "terms": 3, "window": window}
        yield _proof(f"sum_3_proof_window_{window}", FusedSumConfig(**more), int(window == 5))
        more |= {"window": window and 7, "terms": 2}
        yield _proof(f"dot_2_proof_window_{more['window']}", FusedDotConfig(**more), 0)
    yield _proof("sum_4_proof", FusedSumConfig(**{**tiny, "terms": 4, "window": 0}), 0)
    yield _proof("fma_proof_tiny", FloatFmaConfig(addend=TINY, **tiny), 1)


def _proof(name: str, config: Any, quick: int) -> Part:
    return Part(name=name, check="proof", config=config, blocks=1, quick=quick)


def _verilated() -> Iterator[Part]:
    for unit, config in (("mul", FloatMulConfig), ("add", FloatAddConfig)):
        yield Part(
            name=f"{unit}_verilated", check="verilated", config=config(), blocks=PAIRS, quick=0
        )
