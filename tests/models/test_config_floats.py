import re
from dataclasses import replace

import pytest

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

FP64 = FloatFormat(name="FP64", exponent_bits=11, mantissa_bits=52, bias=1023)
FP25 = FloatFormat(name="FP25", exponent_bits=8, mantissa_bits=24, bias=127)
LIMIT = "must have at most 8 exponent bits and 23 mantissa bits, not"
UNITS = [FloatMulConfig, FloatAddConfig, FloatFmaConfig, FloatConvertConfig]
UNITS += [FusedSumConfig, FusedDotConfig]
EVERY = [*UNITS, FloatCompareConfig, IntToFloatConfig]
ROUNDINGS = "nearest_even, toward_zero, stochastic"


def refused(config, kind, message):
    return pytest.raises(kind, match=f"^{re.escape(message)}$")


@pytest.mark.parametrize("config", EVERY)
def test_configs_are_hashable_and_the_same_when_their_values_are(config):
    assert hash(config()) == hash(config())
    assert config() == config()
    assert config(depth=3) != config(depth=4)


@pytest.mark.parametrize("config", UNITS)
@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("format", FP64, f"format {LIMIT} 11 and 52 (FP64)"),
        ("result", FP25, f"result {LIMIT} 8 and 24 (FP25)"),
        ("subnormals", "gone", "subnormals must be one of kept, flushed, not 'gone'"),
        ("rounding", "up", f"rounding must be one of {ROUNDINGS}, not 'up'"),
        ("random_bits", 0, "random_bits must be between 1 and 32, not 0"),
        ("random_bits", 33, "random_bits must be between 1 and 32, not 33"),
        ("depth", -1, "depth must be between 0 and 16, not -1"),
        ("depth", 17, "depth must be between 0 and 16, not 17"),
    ],
)
def test_bad_values_of_every_unit_are_refused_with_the_rule(config, field, value, message):
    with refused(config, ValueError, message):
        config(**{field: value})


@pytest.mark.parametrize(
    ("config", "field", "value", "message"),
    [
        (
            FloatMulConfig,
            "multiplier",
            "dsp",
            "multiplier must be one of operator, rows, not 'dsp'",
        ),
        (
            FusedDotConfig,
            "multiplier",
            "dsp",
            "multiplier must be one of operator, rows, not 'dsp'",
        ),
        (FloatFmaConfig, "addend", FP64, f"addend {LIMIT} 11 and 52 (FP64)"),
        (FusedSumConfig, "terms", 0, "terms must be between 2 and 64, not 0"),
        (FusedSumConfig, "terms", 1, "terms must be between 2 and 64, not 1"),
        (FusedDotConfig, "terms", 65, "terms must be between 2 and 64, not 65"),
        (FusedSumConfig, "window", -1, "window must be between 0 and 640, not -1"),
        (FusedSumConfig, "window", 641, "window must be between 0 and 640, not 641"),
        *(
            (
                config,
                "window",
                bits - 1,
                f"window must be 0 (exact) or at least {bits}, the bits of one term, "
                f"not {bits - 1}",
            )
            for config, bits in ((FusedSumConfig, 8), (FusedDotConfig, 16))
        ),
        (
            FusedSumConfig,
            "reduction",
            "tree",
            "reduction must be one of chains, carry_save, not 'tree'",
        ),
        (FusedDotConfig, "beats", 0, "beats must be between 1 and 65536, not 0"),
        (FusedDotConfig, "beats", 65537, "beats must be between 1 and 65536, not 65537"),
        (FloatCompareConfig, "format", FP25, f"format {LIMIT} 8 and 24 (FP25)"),
        (
            FloatCompareConfig,
            "subnormals",
            "gone",
            "subnormals must be one of kept, flushed, not 'gone'",
        ),
        (FloatCompareConfig, "depth", 17, "depth must be between 0 and 16, not 17"),
        (IntToFloatConfig, "int_width", 1, "int_width must be between 2 and 64, not 1"),
        (IntToFloatConfig, "int_width", 65, "int_width must be between 2 and 64, not 65"),
        (IntToFloatConfig, "result", FP64, f"result {LIMIT} 11 and 52 (FP64)"),
        (IntToFloatConfig, "rounding", "up", f"rounding must be one of {ROUNDINGS}, not 'up'"),
        (IntToFloatConfig, "random_bits", 33, "random_bits must be between 1 and 32, not 33"),
        (IntToFloatConfig, "depth", 17, "depth must be between 0 and 16, not 17"),
    ],
)
def test_bad_values_of_one_unit_are_refused_with_the_rule(config, field, value, message):
    with refused(config, ValueError, message):
        config(**{field: value})


@pytest.mark.parametrize(
    ("config", "field", "value", "message"),
    [
        (FloatMulConfig, "format", "bf16", "format must be a FloatFormat, not 'bf16'"),
        (FloatAddConfig, "depth", 1.0, "depth must be an int, not 1.0"),
        (FloatAddConfig, "rounding", 1, "rounding must be a string, not 1"),
        (FusedSumConfig, "terms", True, "terms must be an int, not True"),
        (FusedSumConfig, "sticky", 1, "sticky must be true or false, not 1"),
    ],
)
def test_values_of_the_wrong_kind_are_refused(config, field, value, message):
    with refused(config, TypeError, message):
        config(**{field: value})


def test_a_window_just_wide_enough_is_taken():
    assert FusedSumConfig(window=8).window_bits == 8
    assert FusedDotConfig(window=16).window_bits == 16
    with pytest.raises(ValueError, match=r"^window must be 0 \(exact\) or at least 24, "):
        replace(FusedSumConfig(window=23), format=FP32)


@pytest.mark.parametrize(
    ("kind", "terms_reach", "products_reach"),
    [
        # bits of one term and of the span between the largest and the smallest exponent
        (BF16, 8 + 253, 16 + 506),
        (FP16, 11 + 29, 22 + 58),
        (FP32, 24 + 253, 48 + 506),
        (FP8_E4M3, 4 + 14, 8 + 28),
        (FP8_E5M2, 3 + 29, 6 + 58),
    ],
)
def test_exact_windows_hold_every_term(kind, terms_reach, products_reach):
    total = FusedSumConfig(format=kind, window=0)
    product = FusedDotConfig(format=kind, window=0)
    assert (total.window_bits, product.window_bits) == (terms_reach, products_reach)
    smallest = total.anchors[0] + total.lsb_exponent
    assert kind.decode(1) == 2.0**smallest
    assert product.anchors[0] + product.lsb_exponent == 2 * smallest
    largest = (2**total.term_bits - 1) * 2.0 ** (total.anchors[-1] + total.lsb_exponent)
    assert largest / 2 < kind.decode(kind.largest) <= largest
